"""Contact sheets: many pictures as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from interpret_inn.errors import InputError
from interpret_inn.types import Picture

_PAPER, _INK = (255, 255, 255), (40, 40, 44)
_TEXT_HEIGHT, _LETTER, _MARGIN = 22, 7, 6
Cell = Picture | str


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
    """Where each row or column begins, and where one more would."""
    found = [0]
    for index, size in enumerate(sizes):
        found.append(found[-1] + size + gap * (3 if heads and index == 0 else 1))
    return found
