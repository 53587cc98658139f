"""What the templates show of single inputs: examples, maps, neighbours and traversals, with their pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from interpret_inn.explaining.records import Example, ExampleFactor, Explanation, Outcome, Traversal
from interpret_inn.explaining.strengths import decides
from interpret_inn.explaining.wording import number, percent
from interpret_inn.reports import figures
from interpret_inn.reports.figures import element
from interpret_inn.reports.figures_plane import LABELLED, LegendEntry, factor_map, legend, traversal_curves
from interpret_inn.reports.thumbnails import Thumbnails
from interpret_inn.reports.views_pictures import Headed
from interpret_inn.reports.wording import sigmas

EXAMPLES, TRAVERSALS = 64, 12
"""Examples in the page, and traversals of one factor; the JSON file has all of them."""
SHOWN_FIRST = 8
"""Examples that are not folded away."""


@dataclass(frozen=True)
class OutcomeLine:
    """One class and its probability, or a value."""

    label: str
    value: str
    share: float


@dataclass(frozen=True)
class ExampleRow:
    """One factor of one example."""

    name: str
    css: str
    label: str
    value: str
    strip: Markup
    flip: str
    donor: Markup | None
    edited: Markup | None
    swap: tuple[OutcomeLine, ...]
    changed: bool


@dataclass(frozen=True)
class ExampleView:
    """One input: its picture, what the model says, and a row for each factor."""

    number: int
    name: str
    picture: Markup | None
    prediction: tuple[OutcomeLine, ...]
    rows: tuple[ExampleRow, ...]


def outcome_lines(outcome: Outcome, *, classes: bool, most: int = 3) -> tuple[OutcomeLine, ...]:
    """The first `most` lines of an outcome, whose values are probabilities if they are of `classes`."""
    labels = outcome.labels or ("",) * len(outcome.values)
    pairs = list(zip(labels, outcome.values, strict=False))[:most]
    return tuple(
        OutcomeLine(name, percent(v) if classes else number(v), v if classes else math.nan)
        for name, v in pairs
    )


def example_views(
    explanation: Explanation, css: dict[str, str], thumbnail: Thumbnails
) -> tuple[ExampleView, ...]:
    """The examples that the page shows."""
    shown = explanation.examples[:EXAMPLES]
    return tuple(_example(explanation, index, example, css, thumbnail) for index, example in enumerate(shown))


def _example(
    explanation: Explanation, index: int, example: Example, css: dict[str, str], thumbnail: Thumbnails
) -> ExampleView:
    classes = decides(explanation)
    picture = (
        None if example.picture is None else thumbnail(example.picture, f"Input {example.name}", "large")
    )
    rows = tuple(
        _example_row(explanation, example, name, factor, css.get(name, "f-rest"), thumbnail)
        for name, factor in example.factors.items()
    )
    return ExampleView(index, example.name, picture, outcome_lines(example.prediction, classes=classes), rows)


def _example_row(
    explanation: Explanation,
    example: Example,
    name: str,
    factor: ExampleFactor,
    css: str,
    thumbnail: Thumbnails,
) -> ExampleRow:
    classes = decides(explanation)
    swap = outcome_lines(factor.swap, classes=classes, most=1)
    top = example.prediction.labels[:1]
    donor = None
    if 0 <= factor.donor < len(explanation.examples):
        source = explanation.examples[factor.donor]
        donor = element("span", source.name, css="donor")
        if source.picture is not None:
            donor = thumbnail(source.picture, f"Donor {source.name}", "small", share=0.5)
    picture = example.edited.get(name)
    edited = None if picture is None else thumbnail(picture, f"Output with {name} of the donor", "medium")
    where = f"{sigmas(factor.value)}: above {factor.percentile:.0f}% of the data"
    strip = figures.position(factor.percentile, where if math.isfinite(factor.percentile) else "not known")
    changed = classes and bool(top) and bool(swap) and swap[0].label != top[0]
    flip = percent(factor.resample_flip)
    return ExampleRow(
        name, css, factor.label, sigmas(factor.value), strip, flip, donor, edited, swap, changed
    )


# --- maps and neighbours -----------------------------------------------------------------------------


@dataclass(frozen=True)
class MapView(Headed):
    """A factor's map, what its colours mean, and how the plane was chosen."""

    drawing: Markup
    legend: tuple[LegendEntry, ...]
    method: str
    detail: str


def map_views(explanation: Explanation, css: dict[str, str]) -> tuple[MapView, ...]:
    """A map for each factor."""
    views = []
    for name, drawn in explanation.maps.items():
        shown = min(len(drawn.classes), LABELLED)
        classes = (
            f", {len(drawn.classes)} classes: {', '.join(drawn.classes[:shown])}" if drawn.classes else ""
        )
        drawing = factor_map(drawn, f"Map of {name}: {len(drawn.points)} inputs{classes}")
        detail = ""
        if len(drawn.classes) > LABELLED:
            detail = f"{len(drawn.classes)} classes: colours repeat."
        views.append(MapView(name, css.get(name, "f-rest"), drawing, legend(drawn), drawn.method, detail))
    return tuple(views)


@dataclass(frozen=True)
class NeighbourColumn:
    """The inputs nearest to one position."""

    position: str
    items: tuple[tuple[Markup | None, str], ...]


@dataclass(frozen=True)
class NeighbourView(Headed):
    """Real inputs along a factor, from its low to its high end."""

    columns: tuple[NeighbourColumn, ...]


def neighbour_views(
    explanation: Explanation, css: dict[str, str], thumbnail: Thumbnails
) -> tuple[NeighbourView, ...]:
    """A strip of real inputs for each factor."""
    views = []
    for name, row in explanation.neighbours.items():
        columns = []
        for step, where in enumerate(row.positions):
            pictures = row.pictures[step] if step < len(row.pictures) else ()
            values = row.values[step] if step < len(row.values) else ()
            indices = row.indices[step].tolist() if step < len(row.indices) else []
            items = []
            for rank in range(max(len(pictures), len(values), len(indices))):
                value = values[rank] if rank < len(values) else ""
                place = indices[rank] if rank < len(indices) else rank
                alt = f"Input {place}" + (f", {name} {value}" if value else "")
                image = thumbnail(pictures[rank], alt, share=0.6) if rank < len(pictures) else None
                items.append((image, value or ("" if image else f"#{place}")))
            columns.append(NeighbourColumn(sigmas(float(where)), tuple(items)))
        if columns:
            views.append(NeighbourView(name, css.get(name, "f-rest"), tuple(columns)))
    return tuple(views)


# --- traversals -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TraversalView:
    """A traversal: the example it starts from, and curves or a strip of pictures."""

    name: str
    picture: Markup | None
    drawing: Markup | None
    frames: tuple[tuple[Markup, str], ...]


@dataclass(frozen=True)
class TraversalGroup(Headed):
    """The traversals along one factor."""

    traversals: tuple[TraversalView, ...]


def traversal_groups(
    explanation: Explanation, css: dict[str, str], thumbnail: Thumbnails
) -> tuple[TraversalGroup, ...]:
    """Traversals by factor."""
    return tuple(
        TraversalGroup(
            name,
            css.get(name, "f-rest"),
            tuple(
                _traversal(explanation, name, traversal, thumbnail) for traversal in traversals[:TRAVERSALS]
            ),
        )
        for name, traversals in explanation.traversals.items()
        if traversals
    )


def _traversal(
    explanation: Explanation, factor: str, traversal: Traversal, thumbnail: Thumbnails
) -> TraversalView:
    example = (
        explanation.examples[traversal.example]
        if 0 <= traversal.example < len(explanation.examples)
        else None
    )
    name = example.name if example else f"input {traversal.example}"
    picture = None
    if example is not None and example.picture is not None:
        picture = thumbnail(example.picture, f"Input {name}", "small", share=0.5)
    drawing = None
    shows_change = bool(traversal.pictures) and traversal.labels == (
        "change",
    )  # a curve would repeat the pictures
    if traversal.curves.size and not shows_change:
        first, last = (sigmas(float(traversal.positions[end])) for end in (0, -1))
        label = f"Output along {factor} from {first} to {last}"
        title = f"{label}: {', '.join(traversal.labels)}"
        drawing = traversal_curves(traversal, title, shares=decides(explanation), here=traversal.here)
    frames = tuple(
        (thumbnail(frame, f"Output at {sigmas(float(where))}", share=0.7), sigmas(float(where)))
        for frame, where in zip(traversal.pictures, traversal.positions, strict=False)
    )
    return TraversalView(name, picture, drawing, frames)
