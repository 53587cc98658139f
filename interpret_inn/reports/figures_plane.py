"""SVG figures in the plane: maps of a factor's codes, and the output's curves along a traversal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from interpret_inn.explaining.records import FactorMap, Traversal
from interpret_inn.explaining.wording import number, percent
from interpret_inn.reports.figures import element, joined
from interpret_inn.reports.wording import sigmas
from interpret_inn.types import FloatArray, IntArray
from interpret_inn.types.numbers import BoolArray

POINTS = 1500
"""Points drawn in one map; more would hide each other."""
CLASS_COLOURS, RAMP_STEPS, WHEEL_STEPS = 10, 7, 12
"""Colours of the style sheet for classes (`k0` …), sizes (`q0` …) and angles (`h0` …)."""
LABELLED = 20
"""Classes named in a map or a legend; beyond that names would overlap."""
_SIDE, _MARGIN = 320.0, 14.0


@dataclass(frozen=True)
class LegendEntry:
    """A colour and what it stands for."""

    css: str
    text: str


def colour_classes(drawn: FactorMap) -> list[str]:
    """Every point's CSS class: `k0`… by class, `q0`… by size, `h0`… by angle, `none` where missing."""
    values = np.asarray(drawn.colour, dtype=np.float64)
    known = np.isfinite(values)
    scale = _scale_of(drawn)
    bins = scale.bins(values, known)
    return [f"{scale.prefix}{index}" if there else "none" for index, there in zip(bins, known, strict=True)]


def legend(drawn: FactorMap) -> tuple[LegendEntry, ...]:
    """What the colours of a map mean; empty if the map names its classes itself or has no values."""
    values = drawn.colour[np.isfinite(drawn.colour)]
    return _scale_of(drawn).legend(values) if len(values) else ()


def _class_bins(values: FloatArray, known: BoolArray) -> IntArray:
    return np.asarray(np.where(known, values, 0).astype(np.int64) % CLASS_COLOURS)


def _no_legend(values: FloatArray) -> tuple[LegendEntry, ...]:  # noqa: ARG001
    return ()


def _wheel_bins(values: FloatArray, known: BoolArray) -> IntArray:
    turn = np.mod(np.where(known, values, 0.0), 2 * np.pi) / (2 * np.pi)
    return np.asarray((turn * WHEEL_STEPS).astype(np.int64) % WHEEL_STEPS)


def _wheel_legend(values: FloatArray) -> tuple[LegendEntry, ...]:  # noqa: ARG001
    angles = {0: "0°", 3: "90°", 6: "180°", 9: "270°"}
    return tuple(LegendEntry(f"h{step}", angles.get(step, "")) for step in range(WHEEL_STEPS))


def _ramp_bins(values: FloatArray, known: BoolArray) -> IntArray:
    """Steps of the ramp with equally many points each, so that outliers do not wash out the rest."""
    if not known.any():
        return np.zeros(len(values), dtype=np.int64)
    edges = np.quantile(values[known], np.linspace(0, 1, RAMP_STEPS + 1)[1:-1])
    return np.searchsorted(edges, np.where(known, values, edges[0]), side="right").astype(np.int64)


def _ramp_legend(values: FloatArray) -> tuple[LegendEntry, ...]:
    ends = {0: number(float(values.min())), RAMP_STEPS - 1: number(float(values.max()))}
    return tuple(LegendEntry(f"q{step}", ends.get(step, "")) for step in range(RAMP_STEPS))


class _ColourScale(NamedTuple):
    """How values become colours: CSS classes of one prefix, by number, and what the legend says of them."""

    prefix: str
    bins: Callable[[FloatArray, BoolArray], IntArray]
    legend: Callable[[FloatArray], tuple[LegendEntry, ...]]


_SCALES: Mapping[str, _ColourScale] = {
    "categorical": _ColourScale("k", _class_bins, _no_legend),
    "cyclic": _ColourScale("h", _wheel_bins, _wheel_legend),
    "numeric": _ColourScale("q", _ramp_bins, _ramp_legend),
}


def _scale_of(drawn: FactorMap) -> _ColourScale:
    return _SCALES.get(drawn.kind, _SCALES["numeric"])  # points of unlabelled concepts have no colour


def factor_map(drawn: FactorMap, label: str) -> Markup:
    """A scatter of codes in the plane; classes are named where their points are."""
    every = max(1, math.ceil(len(drawn.points) / POINTS))
    points = _fitted(np.asarray(drawn.points, dtype=np.float64)[::every])
    thinned = FactorMap(drawn.points[::every], drawn.colour[::every], drawn.kind, drawn.classes, drawn.method)
    colours = np.array(colour_classes(thinned))
    finite = np.isfinite(points).all(axis=1)
    parts = []
    for css in sorted(set(colours[finite].tolist()), key=lambda name: (name != "none", name)):
        spots = points[finite & (colours == css)]
        # A line of no length with round ends is a dot: a whole class is one path, a tenth of the bytes.
        path = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in spots)
        parts.append(element("path", d=path, css=f"spots {css}"))
    parts += _class_names(thinned, points)
    return element(
        "svg", joined(parts), viewBox=f"0 0 {_SIDE:g} {_SIDE:g}", css="plane", role="img", aria_label=label
    )


def _fitted(points: FloatArray) -> FloatArray:
    """Points scaled into the figure, one scale for both axes, far outliers drawn at the border."""
    finite = points[np.isfinite(points).all(axis=1)]
    if not len(finite):
        return points
    low, high = np.quantile(finite, 0.005, axis=0), np.quantile(finite, 0.995, axis=0)
    span = float(max(*(high - low), 1e-9))
    centred = (points - (low + high) / 2) / span
    placed = _SIDE / 2 + centred * np.array([1.0, -1.0]) * (_SIDE - 2 * _MARGIN)
    inside: FloatArray = np.clip(placed, _MARGIN / 2, _SIDE - _MARGIN / 2)
    return inside


def _class_names(drawn: FactorMap, points: FloatArray) -> list[Markup]:
    if len(drawn.classes) > LABELLED:
        return []
    names = []
    for index, name in enumerate(drawn.classes):
        spots = points[drawn.colour == index]
        spots = spots[np.isfinite(spots).all(axis=1)]
        if len(spots):
            x, y = np.median(spots, axis=0)
            short = name if len(name) <= 14 else f"{name[:13]}…"
            names.append(
                element(
                    "text",
                    short,
                    x=f"{x:.0f}",
                    y=f"{y:.0f}",
                    text_anchor="middle",
                    dy="0.35em",
                    css="spot-name",
                )
            )
    return names


# --- traversals -------------------------------------------------------------------------------------------

_WIDE, _HIGH = 286.0, 172.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 74.0, 8.0, 24.0
_LINE = 14.0
"""Pixels between names of curves."""


def traversal_curves(traversal: Traversal, label: str, *, shares: bool, here: float = math.nan) -> Markup:
    """The output's values along a traversal.

    Args:
        traversal: Positions and curves.
        label: What the figure says, for those who cannot see it.
        shares: Curves are probabilities: the scale goes from 0 to 100 %.
        here: Where the example itself stands, in standard deviations; NaN: not shown.
    """
    curves = np.asarray(traversal.curves, dtype=np.float64).reshape(len(traversal.positions), -1)
    low, high = _range(curves, shares)
    horizontal = _Scale(float(traversal.positions[0]), float(traversal.positions[-1]), _LEFT, _WIDE - _RIGHT)
    vertical = _Scale(low, high, _HIGH - _BOTTOM, _TOP)
    parts = [*_frame(horizontal, vertical, shares)]
    if math.isfinite(here) and horizontal.start <= here <= horizontal.stop:
        x = f"{horizontal(here):.1f}"
        parts.append(element("line", x1=x, x2=x, y1=_TOP, y2=_HIGH - _BOTTOM, css="here"))
    ends = []
    for index in range(curves.shape[1]):
        path = _path(
            [
                (horizontal(float(p)), vertical(float(v)))
                for p, v in zip(traversal.positions, curves[:, index], strict=True)
            ]
        )
        parts.append(
            element("path", d=path, css=f"curve k{index % CLASS_COLOURS} dash{index // CLASS_COLOURS % 2}")
        )
        ends.append(vertical(float(curves[-1, index])))
    parts += _end_names(traversal.labels, ends)
    return element(
        "svg", joined(parts), viewBox=f"0 0 {_WIDE:g} {_HIGH:g}", css="plane", role="img", aria_label=label
    )


@dataclass(frozen=True)
class _Scale:
    """A straight line from values to pixels."""

    start: float
    stop: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        span = (self.stop - self.start) or 1.0
        return self.first + (value - self.start) / span * (self.last - self.first)


def _range(curves: FloatArray, shares: bool) -> tuple[float, float]:
    finite = curves[np.isfinite(curves)]
    if shares or not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = 0.05 * (high - low) or max(abs(high) * 0.05, 0.5)
    return low - room, high + room


def _frame(horizontal: _Scale, vertical: _Scale, shares: bool) -> list[Markup]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        value = vertical.start + share * (vertical.stop - vertical.start)
        y = vertical(value)
        text = percent(value) if shares else number(value)
        parts.append(element("line", x1=_LEFT, x2=_WIDE - _RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", css="grid"))
        parts.append(element("text", text, x=_LEFT - 5, y=f"{y + 3.5:.1f}", text_anchor="end", css="tick"))
    for share in (0.0, 0.5, 1.0):
        value = horizontal.start + share * (horizontal.stop - horizontal.start)
        said = sigmas(value)
        text = "mean" if said == "0.0σ" else said
        anchor = ("start", "middle", "end")[round(2 * share)]
        parts.append(
            element("text", text, x=f"{horizontal(value):.1f}", y=_HIGH - 8, text_anchor=anchor, css="tick")
        )
    return parts


def _path(points: Sequence[tuple[float, float]]) -> str:
    """A line through points, broken where a value is missing."""
    steps, pen = [], "M"
    for x, y in points:
        if math.isfinite(y):
            steps.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(steps)


def _end_names(labels: Sequence[str], ends: Sequence[float]) -> list[Markup]:
    """Names at the right ends of their curves, pushed apart where they would overlap."""
    order = sorted(
        (i for i in range(min(len(labels), len(ends))) if math.isfinite(ends[i])), key=lambda i: ends[i]
    )
    places: dict[int, float] = {}
    last = -math.inf
    for index in order:
        places[index] = last = max(ends[index], last + _LINE)
    floor = _HIGH - _BOTTOM + _LINE / 2
    for index in reversed(order):
        places[index] = floor = min(places[index], floor - (_LINE if index != order[-1] else 0))
    parts = []
    for i in order:
        name = labels[i] if len(labels[i]) <= 10 else f"{labels[i][:9]}…"
        colour = f"end k{i % CLASS_COLOURS}"
        parts.append(element("circle", cx=_WIDE - _RIGHT + 9, cy=f"{places[i]:.1f}", r=3.2, css=colour))
        parts.append(element("text", name, x=_WIDE - _RIGHT + 17, y=f"{places[i] + 4:.1f}", css="curve-name"))
    return parts
