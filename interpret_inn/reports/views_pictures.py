"""What the templates show of masks and galleries: rows and grids of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from interpret_inn.explaining.records import Explanation, Place
from interpret_inn.explaining.wording import MISSING, interval_text, number, percent
from interpret_inn.reports.thumbnails import Thumbnails
from interpret_inn.types import Gallery, Picture, Score


@dataclass(frozen=True)
class PlaceRow:
    """One factor: how far its masks can be trusted, what the localizer says, and the examples under them."""

    name: str
    css: str
    localizer: str
    space: str
    reliability: str
    area: str
    figures: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    pictures: tuple[Markup, ...]
    doubtful: bool


def place_rows(explanation: Explanation, css: dict[str, str], thumbnail: Thumbnails) -> tuple[PlaceRow, ...]:
    """Rows in the order of the factors."""
    return tuple(_row(place, explanation, css, thumbnail) for place in explanation.places)


def place_heads(explanation: Explanation, thumbnail: Thumbnails) -> tuple[Markup | None, ...]:
    """The examples themselves, to stand above the columns."""
    count = max((len(place.pictures) for place in explanation.places), default=0)
    return tuple(
        None if example.picture is None else thumbnail(example.picture, example.name)
        for example in explanation.examples[:count]
    )


def doubtful(place: Place) -> bool:
    """Whether the masks were measured and the lower end of their interval does not exceed chance."""
    if not math.isfinite(place.reliability.value):
        return False  # the notes say why it was not measured
    low = place.reliability.low if math.isfinite(place.reliability.low) else place.reliability.value
    return not low > 0


def _row(place: Place, explanation: Explanation, css: dict[str, str], thumbnail: Thumbnails) -> PlaceRow:
    names = [example.name for example in explanation.examples]
    pictures = tuple(
        thumbnail(picture, f"Where {place.factor} acts in {name}")
        for picture, name in zip(place.pictures, names, strict=False)
    )
    return PlaceRow(
        name=place.factor,
        css=css.get(place.factor, ""),
        localizer=place.localizer,
        space=place.space,
        reliability=_with_interval(place.reliability),
        area=percent(place.area) if math.isfinite(place.area) else MISSING,
        figures=tuple(
            (name, _with_interval(score)) for name, score in place.figures.items() if name != "area"
        ),
        notes=place.notes,
        pictures=pictures,
        doubtful=doubtful(place),
    )


def _with_interval(score: Score) -> str:
    if not math.isfinite(score.value):
        return MISSING
    interval = interval_text(score, "r2")
    return f"{number(score.value)} ({interval})" if interval else number(score.value)


@dataclass(frozen=True)
class Headed:
    """A part of the page under a heading: mostly a factor's name, in the factor's colour.

    Attributes:
        name: The heading.
        css: The class of its colour; empty if it is no factor's name.
    """

    name: str
    css: str


_SHARE = 0.6
"""Edge of pictures in a grid, as a share of the edge of single ones: grids have many."""


@dataclass(frozen=True)
class GridCell:
    """A cell or a head: a picture, or a text if `picture` is None."""

    picture: Markup | None
    text: str


@dataclass(frozen=True)
class GalleryView:
    """One gallery; the caption is empty if an earlier gallery has the same one."""

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
    """All galleries by group, in the order in which groups first occur; a caption stands at its first gallery."""
    groups: dict[str, list[Gallery]] = {}
    for gallery in explanation.galleries:
        if any(len(row) for row in gallery.cells):
            groups.setdefault(gallery.group, []).append(gallery)
    found = []
    captions: set[str] = set()
    for name, galleries in groups.items():
        views = []
        for gallery in galleries:
            views.append(_gallery(gallery, "" if gallery.caption in captions else gallery.caption, thumbnail))
            captions.add(gallery.caption)
        found.append(GalleryGroup(name, css.get(name, ""), tuple(views)))
    return tuple(found)


def _gallery(gallery: Gallery, caption: str, thumbnail: Thumbnails) -> GalleryView:
    columns = [
        _cell(head, f"Head of column {place}", thumbnail) for place, head in enumerate(gallery.columns, 1)
    ]
    rows = []
    for place, row in enumerate(gallery.cells, 1):
        head = None
        if place <= len(gallery.rows):
            head = _cell(gallery.rows[place - 1], f"Head of row {place}", thumbnail)
        where = _head_text(gallery.rows, place, "row")
        cells = tuple(
            _cell(cell, f"{where}, {_head_text(gallery.columns, column, 'column')}", thumbnail)
            for column, cell in enumerate(row, 1)
        )
        rows.append((head, cells))
    return GalleryView(gallery.title, caption, tuple(columns), tuple(rows))


def _head_text(heads: Sequence[Picture | str], place: int, noun: str) -> str:
    """A row or column by its head if that is a text, else by its number."""
    head = heads[place - 1] if place <= len(heads) else None
    return head if isinstance(head, str) and head else f"{noun} {place}"


def _cell(cell: Picture | str, alt: str, thumbnail: Thumbnails) -> GridCell:
    if isinstance(cell, str):
        return GridCell(None, cell)
    return GridCell(thumbnail(cell, alt, share=_SHARE), "")
