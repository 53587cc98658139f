"""What the templates show of masks: a row for each factor, the same examples in all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from interpret_inn.explaining.places import Place
from interpret_inn.explaining.records import Explanation
from interpret_inn.reports.pictures import Thumbnails
from interpret_inn.reports.wording import MISSING, number, percent
from interpret_inn.types import Score


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
    """Whether the masks were measured, and are not shown to be better than chance."""
    if not math.isfinite(place.reliability.value):
        return False  # its notes say why
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
    if not (math.isfinite(score.low) and math.isfinite(score.high)):
        return number(score.value)
    return f"{number(score.value)} ({number(score.low)} to {number(score.high)})"
