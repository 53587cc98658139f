"""Outputs as pictures: arrays, animations, and contact sheets."""

from __future__ import annotations

import contextlib
import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from interpret_inn.errors import InputError, StoreError
from interpret_inn.explaining.output_pictures import picture_of
from interpret_inn.types import Picture

_FORMATS = {".gif": "GIF", ".webp": "WEBP"}
_SHORTEST = 20  # milliseconds of a frame: browsers slow down what is faster
_SAMPLED, _STRIP = 16, 256
"""Frames that a palette is made from, and pixels of the longer side of all of them together."""
_PAPER, _INK = (255, 255, 255), (40, 40, 44)
_TEXT_HEIGHT, _LETTER, _MARGIN = 22, 7, 6
Cell = Picture | str


def to_pictures(images: Tensor, *, value_range: tuple[float, float] | None = None) -> Picture:
    """Turns images of a model into pictures.

    Args:
        images: float (..., C, H, W): outputs, with any axes in front. Of more than three channels the first three are
            shown, of two the first one.
        value_range: The values that become black and white, such as (0, 1) or (−1, 1); None: the smallest and
            the largest of all these images.

    Returns:
        uint8 (..., H, W, 3).

    Raises:
        InputError: no images, a range whose lower end is not below the upper one, or values that are not finite.

    >>> import torch
    >>> to_pictures(torch.zeros(2, 5, 1, 8, 8), value_range=(-1, 1)).shape
    (2, 5, 8, 8, 3)
    """
    if not isinstance(images, Tensor) or images.ndim < 3 or 0 in images.shape:
        found = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise InputError(f"Expected images, a tensor (…, C, H, W), found {found}.")
    values = images.detach().float().cpu()
    low, high = value_range or (float(values.min()), float(values.max()))
    if not (math.isfinite(low) and math.isfinite(high)) or (value_range is not None and low >= high):
        raise InputError(
            f"Expected a range from low to high, found {low:g} to {high:g}. Type value_range=(0, 1)."
        )
    return picture_of(values, low, high)


def save_animation(
    pictures: Tensor | npt.NDArray[Any],
    path: str | os.PathLike[str],
    *,
    seconds: float = 2.0,
    enlarge: int = 1,
    value_range: tuple[float, float] | None = None,
    back_and_forth: bool = True,
) -> Path:
    """Writes a traversal as an animation that repeats for ever.

    Args:
        pictures: `S` frames: a traversal's outputs, float tensor (S, B, C, H, W) or (S, C, H, W); or pictures,
            uint8 (S, B, H, W, 3) or (S, H, W, 3). `B` traversals stand side by side.
        path: A file that ends in `.webp` (exact colours, small) or `.gif` (256 colours, shown everywhere).
        seconds: Length of one traversal from the first frame to the last.
        enlarge: Each pixel is shown this many times as wide and high.
        value_range: As in `to_pictures`, for float tensors.
        back_and_forth: Run back to the start, too, so that nothing jumps.

    Returns:
        The path.

    Raises:
        InputError: no frames, another ending, or numbers out of range.
        StoreError: it cannot be written there.
    """
    target = Path(path)
    if target.suffix.lower() not in _FORMATS:
        raise InputError(f"Expected a path that ends in .gif or .webp, found {os.fspath(path)!r}.")
    if not (isinstance(seconds, int | float) and math.isfinite(seconds) and seconds > 0):
        raise InputError(f"Expected a positive number of seconds, found {seconds!r}.")
    if not isinstance(enlarge, int) or enlarge < 1:
        raise InputError(f"Expected to enlarge by a whole number, at least 1, found {enlarge!r}.")
    frames = _frames(pictures, value_range)
    if enlarge > 1:
        frames = frames.repeat(enlarge, 1).repeat(enlarge, 2)
    shown = [Image.fromarray(frame) for frame in frames]
    if target.suffix.lower() == ".gif":
        shown = _with_one_palette(shown)
    each = max(_SHORTEST, round(1000 * seconds / len(shown)))
    _write(target, shown + (shown[-2:0:-1] if back_and_forth else []), each)
    return target


def _frames(pictures: Any, value_range: tuple[float, float] | None) -> Picture:
    """Frames (S, H, W, 3), several traversals side by side."""
    if isinstance(pictures, Tensor) and pictures.is_floating_point() and pictures.ndim in (4, 5):
        pictures = to_pictures(pictures, value_range=value_range)
    frames = pictures.cpu().numpy() if isinstance(pictures, Tensor) else np.asarray(pictures)
    if frames.dtype != np.uint8 or frames.ndim not in (4, 5) or frames.shape[-1] != 3 or 0 in frames.shape:
        raise InputError(
            "Expected frames: a traversal's images, float (S, B, C, H, W), or pictures, uint8 (S, H, W, 3); found "
            f"{frames.dtype} {tuple(frames.shape)}."
        )
    if frames.ndim == 5:
        frames = np.concatenate(list(np.moveaxis(frames, 1, 0)), axis=2)
    whole: Picture = np.ascontiguousarray(frames)
    return whole


def _with_one_palette(frames: list[Image.Image]) -> list[Image.Image]:
    """Frames in the same 256 colours: with a palette for each, still parts would flicker."""
    few = frames[:: max(1, len(frames) // _SAMPLED)]
    strip = Image.new("RGB", (few[0].width, few[0].height * len(few)))
    for place, frame in enumerate(few):
        strip.paste(frame, (0, place * frame.height))
    strip.thumbnail((_STRIP, _STRIP), Image.Resampling.NEAREST)
    palette = strip.quantize(256, method=Image.Quantize.MEDIANCUT)
    return [frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for frame in frames]


def _write(target: Path, frames: list[Image.Image], milliseconds: int) -> None:
    """Writes the file whole or not at all."""
    kind, buffer = _FORMATS[target.suffix.lower()], io.BytesIO()
    options: dict[str, Any] = {"quality": 90, "method": 4} if kind == "WEBP" else {"disposal": 1}
    frames[0].save(
        buffer, kind, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0, **options
    )
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(buffer.getvalue())
        partial.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StoreError(
            f"The animation cannot be written to {str(target)!r}: {error.strerror or error}. "
            "Name a folder that you can write to."
        ) from error


def contact_sheet(
    cells: Sequence[Sequence[Any]] | Picture,
    *,
    rows: Sequence[Any] = (),
    columns: Sequence[Any] = (),
    gap: int = 2,
    enlarge: int = 1,
) -> Picture:
    """Lays a grid of pictures out as one picture.

    Args:
        cells: `R` rows of `C` cells: pictures, uint8 (H, W, 3), or short texts; or one array
            (R, C, H, W, 3), such as `to_pictures(swap_grid(…))`. Rows may be of different lengths.
        rows: Heads of the rows, pictures or texts; empty for none.
        columns: Heads of the columns.
        gap: Pixels between cells; heads stand twice as far apart.
        enlarge: Each pixel is shown this many times as wide and high.

    Returns:
        uint8 (height, width, 3), on white.

    Raises:
        InputError: no cells, or cells that are neither pictures nor texts.
    """
    grid = [[_cell(cell, enlarge) for cell in row] for row in cells]
    if not grid or not any(grid):
        raise InputError("Expected at least one picture for the sheet, found none.")
    for heads, wanted, what in ((rows, len(grid), "rows"), (columns, max(map(len, grid)), "columns")):
        if len(heads) and len(heads) != wanted:
            raise InputError(f"Expected {wanted} heads of {what}, or none, found {len(heads)}.")
    if len(rows):
        grid = [[_cell(head, enlarge), *row] for head, row in zip(rows, grid, strict=True)]
    if len(columns):
        corner = [""] if len(rows) else []
        grid.insert(0, [*corner, *(_cell(head, enlarge) for head in columns)])
    return _laid_out(grid, gap=gap, first=(bool(len(columns)), bool(len(rows))))


def _cell(cell: Any, enlarge: int) -> Cell:
    """A text, or an enlarged picture.

    Raises:
        InputError: it is neither.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, np.ndarray) and cell.dtype == np.uint8 and cell.ndim == 3 and cell.shape[2] == 3:
        return cell.repeat(enlarge, 0).repeat(enlarge, 1)
    shape = f"{cell.dtype} {tuple(cell.shape)}" if hasattr(cell, "shape") else type(cell).__name__
    raise InputError(
        f"Expected cells that are pictures, uint8 (H, W, 3), or texts; found {shape}. "
        "Type to_pictures(outputs) for outputs of a model."
    )


def _size(cell: Cell) -> tuple[int, int]:
    """Height and width that a cell needs."""
    if isinstance(cell, str):
        return (_TEXT_HEIGHT if cell else 0), (len(cell) * _LETTER + _MARGIN if cell else 0)
    return cell.shape[0], cell.shape[1]


def _laid_out(grid: list[list[Cell]], *, gap: int, first: tuple[bool, bool]) -> Picture:
    """The grid as one picture; `first`: whether the first row and the first column are heads."""
    count = max(map(len, grid))
    heights = [max(_size(cell)[0] for cell in row) if row else 0 for row in grid]
    widths = [max(_size(row[place])[1] for row in grid if place < len(row)) for place in range(count)]
    tops, lefts = _starts(heights, gap, first[0]), _starts(widths, gap, first[1])
    sheet = Image.new("RGB", (lefts[-1] - gap, tops[-1] - gap), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    for row, top, height in zip(grid, tops, heights, strict=False):
        for cell, left, width in zip(row, lefts, widths, strict=False):
            if isinstance(cell, str):
                pen.text((left + width / 2, top + height / 2), cell, fill=_INK, font=font, anchor="mm")
            else:
                offset = (left + (width - cell.shape[1]) // 2, top + (height - cell.shape[0]) // 2)
                sheet.paste(Image.fromarray(cell), offset)
    return np.asarray(sheet)


def _starts(sizes: Sequence[int], gap: int, heads: bool) -> list[int]:
    """Pixels at which each row or column begins, and at which one more would; heads stand further apart."""
    found = [0]
    for index, size in enumerate(sizes):
        found.append(found[-1] + size + gap * (3 if heads and index == 0 else 1))
    return found
