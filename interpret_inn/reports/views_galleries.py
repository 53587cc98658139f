"""What the templates show of galleries: grids of pictures and short texts, gathered by what they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from interpret_inn.explaining.records import Explanation
from interpret_inn.reports.headed import Headed
from interpret_inn.reports.pictures import Thumbnails
from interpret_inn.types import Gallery, Picture

_SHARE = 0.6


@dataclass(frozen=True)
class GridCell:
    """A cell or a head: a picture, or a text where `picture` is None."""

    picture: Markup | None
    text: str


@dataclass(frozen=True)
class GalleryView:
    """One gallery; the caption is empty where another one just said the same."""

    title: str
    caption: str
    columns: tuple[GridCell, ...]
    rows: tuple[tuple[GridCell | None, tuple[GridCell, ...]], ...]

    @property
    def is_table(self) -> bool:
        """Whether it is all texts, which then have room: beside pictures they are cut to a picture's width."""
        shown = [*self.columns, *(cell for head, cells in self.rows for cell in (head, *cells))]
        return all(cell is None or cell.picture is None for cell in shown)


@dataclass(frozen=True)
class GalleryGroup(Headed):
    """The galleries under one heading."""

    galleries: tuple[GalleryView, ...]


def gallery_groups(
    explanation: Explanation, css: dict[str, str], thumbnail: Thumbnails
) -> tuple[GalleryGroup, ...]:
    """All galleries by group, in the order in which groups first occur."""
    groups: dict[str, list[GalleryView]] = {}
    told: set[str] = set()
    for gallery in explanation.galleries:
        if not any(gallery.cells):
            continue
        groups.setdefault(gallery.group, []).append(_gallery(gallery, told, thumbnail))
        told.add(gallery.caption)
    return tuple(GalleryGroup(name, css.get(name, ""), tuple(views)) for name, views in groups.items())


def _gallery(gallery: Gallery, told: set[str], thumbnail: Thumbnails) -> GalleryView:
    columns = [
        _cell(head, f"Head of column {place}", thumbnail) for place, head in enumerate(gallery.columns, 1)
    ]
    rows = []
    for place, row in enumerate(gallery.cells, 1):
        head = None
        if place <= len(gallery.rows):
            head = _cell(gallery.rows[place - 1], f"Head of row {place}", thumbnail)
        where = _said(gallery.rows, place, "row")
        cells = tuple(
            _cell(cell, f"{where}, {_said(gallery.columns, column, 'column')}", thumbnail)
            for column, cell in enumerate(row, 1)
        )
        rows.append((head, cells))
    caption = "" if gallery.caption in told else gallery.caption
    return GalleryView(gallery.title, caption, tuple(columns), tuple(rows))


def _said(heads: Sequence[Picture | str], place: int, noun: str) -> str:
    """A row or column by its head where that is a text, else by its number."""
    head = heads[place - 1] if place <= len(heads) else None
    return head if isinstance(head, str) and head else f"{noun} {place}"


def _cell(cell: Picture | str, alt: str, thumbnail: Thumbnails) -> GridCell:
    if isinstance(cell, str):
        return GridCell(None, cell)
    return GridCell(thumbnail(cell, alt, share=_SHARE), "")
