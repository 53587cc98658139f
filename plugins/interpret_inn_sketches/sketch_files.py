"""Two sketches from paths, arrays or PIL images, of any size and mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from interpret_inn.data.given_form import has_alpha
from interpret_inn.data.image_files import decode, opened
from interpret_inn.errors import ConceptError, DataError
from interpret_inn_sketches.pixels import Pixels, as_pixels

BLANK = 2 / 255
"""A sketch whose values spread less than this (standard deviation) shows nothing."""

_TRANSPARENT = "The sketch {!r} is partly transparent; it was laid over white."


class Sketch(NamedTuple):
    """One end of a concept.

    Attributes:
        name: Of this end.
        pixels: uint8 (H, W, C), C of 1 or 3.
    """

    name: str
    pixels: Pixels

    def planes(self, channels: int) -> Tensor:
        """float32 (channels, H, W) in [0, 1]."""
        values = torch.from_numpy(self.pixels.copy()).permute(2, 0, 1).float() / 255
        if values.shape[0] == channels:
            return values
        # ITU-R 601, as Pillow weighs colours
        weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
        return values.expand(channels, -1, -1) if channels == 3 else (values * weights).sum(0, keepdim=True)


def read_sketches(sketches: Any) -> tuple[tuple[Sketch, Sketch], list[str]]:
    """Reads both sketches and what is worth saying about them.

    Args:
        sketches: Two pictures (paths, arrays, tensors, PIL images), or two by name.

    Raises:
        ConceptError: not two, blank, or the same picture twice.
        DataError: a picture that cannot be read.
    """
    if isinstance(sketches, Mapping):
        given = [(str(name), picture) for name, picture in sketches.items()]
    elif isinstance(sketches, Sequence) and not isinstance(sketches, (str, bytes)):
        given = [(_title(picture, place), picture) for place, picture in enumerate(sketches)]
    else:
        raise ConceptError(
            f"Expected two sketches, found {_found(sketches)}. Type sketches=('lines.png', 'circles.png') or "
            "sketches={'straight': …, 'round': …}."
        )
    if len(given) != 2:
        raise ConceptError(
            f"Expected two sketches, one for each end of the concept, found {len(given)}. "
            "Type sketches={'straight': 'lines.png', 'round': 'circles.png'}."
        )
    if given[0][0] == given[1][0]:
        given = [(f"{name} {place + 1}", picture) for place, (name, picture) in enumerate(given)]
    notes: list[str] = []
    read = [_read(name, picture, notes) for name, picture in given]
    _refuse_same(*read)
    return (read[0], read[1]), notes


def _read(name: str, picture: Any, notes: list[str]) -> Sketch:
    if isinstance(picture, (str, Path)):
        picture = _opened(name, Path(picture).expanduser())
    transparent = _is_transparent(picture)
    if transparent:
        notes.append(_TRANSPARENT.format(name))
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint16:
        picture = picture.astype(np.float32) / 65535
    try:
        pixels = as_pixels(picture, place=0)
    except DataError as error:
        raise DataError(f"The sketch {name!r} cannot be used. {error}") from error
    _refuse_blank(Sketch(name, pixels), transparent=transparent)
    return Sketch(name, pixels)


def _refuse_blank(sketch: Sketch, *, transparent: bool) -> None:
    """A picture of one colour shows no style; the error says why it looks so, if that can be told."""
    height, width = sketch.pixels.shape[:2]
    if height * width == 1:
        raise ConceptError(
            f"The sketch {sketch.name!r} is a single pixel, found {height}x{width}. Give a picture of at least 32x32 "
            "pixels that shows the style."
        )
    spread = float((sketch.pixels.astype(np.float64) / 255).std((0, 1)).max())
    if spread >= BLANK:
        return
    if transparent:
        raise ConceptError(
            f"The sketch {sketch.name!r} is blank once it is laid over white, as transparent pictures are: its values "
            f"spread by {spread:.4f} of the whole range, expected at least {BLANK:.3f}. Lay it over another colour, "
            "or save it without transparency: picture.convert('RGB')."
        )
    raise ConceptError(
        f"The sketch {sketch.name!r} is blank: its values spread by {spread:.4f} of the whole range, expected at least "
        f"{BLANK:.3f}. Give a picture that shows the style."
    )


def _opened(name: str, path: Path) -> Any:
    if not path.is_file():
        raise DataError(f"Expected a picture for the sketch {name!r}, but there is no file {path}.")
    try:
        with opened(path) as image:
            image.load()
            if _is_transparent(image):
                return image.convert("RGBA")
        return decode(path)
    except Exception as error:
        raise DataError(
            f"Expected a picture for the sketch {name!r}, but {path} cannot be read: {error}"
        ) from error


def _is_transparent(picture: Any) -> bool:
    if isinstance(picture, Image.Image):
        if not has_alpha(picture):
            return False
        low, _ = picture.convert("RGBA").getchannel("A").getextrema()
        return float(np.asarray(low).min()) < 255
    shape = tuple(getattr(picture, "shape", ()))
    if len(shape) != 3 or 4 not in (shape[0], shape[-1]):
        return False
    values = np.asarray(picture)
    cover = values[..., 3] if shape[-1] == 4 else values[3]
    return bool(cover.min() < (255 if values.dtype == np.uint8 else 1))


def _refuse_same(first: Sketch, second: Sketch) -> None:
    if first.pixels.shape[:2] != second.pixels.shape[:2]:
        return
    distance = (first.planes(3) - second.planes(3)).abs().max()
    if float(distance) <= 1 / 255:
        raise ConceptError(
            f"Expected two different sketches, found the same picture for {first.name!r} and {second.name!r}. "
            "Give one picture for each end of the concept."
        )


def _title(picture: Any, place: int) -> str:
    named = isinstance(picture, (str, Path)) and Path(picture).stem
    return str(named) if named else ("first", "second")[place] if place < 2 else str(place)


def _found(sketches: Any) -> str:
    shape = getattr(sketches, "shape", None)
    return (
        f"an array of shape {tuple(shape)}"
        if shape is not None
        else f"an object of type {type(sketches).__name__}"
    )
