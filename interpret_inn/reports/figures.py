"""SVG strips: one row of a figure each, in percent of their width, so that text beside them never shrinks.

All colours are CSS classes of the report's style sheet, which knows light, dark and print.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from interpret_inn.types import ProbeScores, Score


@dataclass(frozen=True)
class Mark:
    """A reference on a strip: where it stands, its CSS class, and what it is called."""

    value: float
    css: str
    label: str


def element(name: str, content: object = "", **attributes: object) -> Markup:
    """An SVG or HTML element with everything escaped; `css` becomes `class`, `_` becomes `-`.

    >>> element("line", x1="0%", stroke_width=2, css="grid")
    Markup('<line x1="0%" stroke-width="2" class="grid"></line>')
    """
    pairs = (
        f' {"class" if key == "css" else key.replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    opening = f"<{name}{''.join(pairs)}>"
    # Names come from this package; values and content were escaped just above and here.
    return Markup(opening if name == "img" else f"{opening}{escape(content)}</{name}>")  # noqa: S704


def joined(parts: Iterable[Markup]) -> Markup:
    """Elements one after the other."""
    return Markup("").join(parts)


def place(value: float, top: float) -> str:
    """Where a value stands between 0 and `top`, as a percentage of the width, kept inside."""
    if not math.isfinite(value) or top <= 0:
        return "0%"
    return f"{100 * min(max(value / top, 0.0), 1.0):.2f}%"


def strip(parts: Iterable[Markup], *, height: int, label: str, css: str = "") -> Markup:
    """A drawing as wide as its place and `height` pixels high."""
    return element(
        "svg",
        joined(parts),
        css=f"strip {css}".strip(),
        width="100%",
        height=height,
        role="img",
        aria_label=label,
    )


def _vertical(where: str, css: str, top: float, bottom: float) -> Markup:
    return element("line", x1=where, x2=where, y1=top, y2=bottom, css=css)


def _grid(height: int) -> Markup:
    return joined(_vertical(f"{share}%", "grid", 0, height) for share in (0, 25, 50, 75, 100))


def bar(score: Score, label: str, *, top: float) -> Markup:
    """A bar from 0 to a score, its 95 % interval as a whisker, over lines at the quarters.

    Args:
        score: What to draw; only the lines if it is NaN.
        label: What the strip says, for those who cannot see it.
        top: The value at the right end.
    """
    height = 22
    middle, parts = height / 2, [_grid(height)]
    if math.isfinite(score.value):
        thick = round(height * 0.5)
        parts.append(
            element(
                "rect",
                x="0",
                y=middle - thick / 2,
                width=place(score.value, top),
                height=thick,
                rx=1.5,
                css="bar",
            )
        )
    parts += _whisker(score, top, middle)
    return strip(parts, height=height, label=label)


def _whisker(score: Score, top: float, middle: float, *, cap: float = 3.0) -> list[Markup]:
    if not (math.isfinite(score.low) and math.isfinite(score.high)):
        return []
    low, high = place(score.low, top), place(score.high, top)
    line = element("line", x1=low, x2=high, y1=middle, y2=middle, css="whisker")
    return [
        line,
        _vertical(low, "whisker", middle - cap, middle + cap),
        _vertical(high, "whisker", middle - cap, middle + cap),
    ]


def cell(probe: ProbeScores, label: str, *, marks: Sequence[Mark] = ()) -> Markup:
    """A cell of the leakage matrix, from 0 to 1: linear probe (dot, interval), network (ring), kernel (square)."""
    height, middle, top = 14, 7.0, 1.0
    known = [mark for mark in marks if math.isfinite(mark.value)]
    parts = [element("line", x1="0%", x2="100%", y1=middle, y2=middle, css="rail")]
    parts += [_vertical(place(mark.value, top), f"mark {mark.css}", 1, height - 1) for mark in known]
    parts += _whisker(probe.linear, top, middle, cap=0)
    if math.isfinite(probe.kernel.value):
        half = 4.2
        square = {"width": 2 * half, "height": 2 * half, "transform": f"translate(-{half} 0)"}
        where = place(probe.kernel.value, top)
        parts.append(element("rect", x=where, y=middle - half, **square, css="square"))
    if math.isfinite(probe.network.value):
        parts.append(element("circle", cx=place(probe.network.value, top), cy=middle, r=3.4, css="ring"))
    if math.isfinite(probe.linear.value):
        parts.append(element("circle", cx=place(probe.linear.value, top), cy=middle, r=2.6, css="dot"))
    said = [label, *(mark.label for mark in known if mark.label)]
    return strip(parts, height=height, label="; ".join(said), css="cell-strip")


def axis(top: float, text: Callable[[float], str]) -> Markup:
    """The scale under a column of strips: five ticks from 0 to `top`."""
    anchors = ("start", "middle", "middle", "middle", "end")
    ticks = (
        element("text", text(top * share), x=f"{100 * share:g}%", y=11, text_anchor=anchor, css="tick")
        for share, anchor in zip((0, 0.25, 0.5, 0.75, 1), anchors, strict=True)
    )
    return element("svg", joined(ticks), css="strip axis", width="100%", height=15, aria_hidden="true")


def position(percentile: float, label: str) -> Markup:
    """Where one input stands among the data, from the lowest (left) to the highest (right)."""
    parts = [
        element("line", x1="0%", x2="100%", y1=7, y2=7, css="rail"),
        _vertical("50%", "mark median", 3, 11),
    ]
    if math.isfinite(percentile):
        parts.append(element("circle", cx=place(percentile, 100.0), cy=7, r=4, css="dot"))
    return strip(parts, height=14, label=label)


def shares(parts: Sequence[tuple[str, float, str]], label: str, *, height: int = 14) -> Markup:
    """A strip divided among (name, amount, CSS class), in order."""
    total = sum(amount for _, amount, _ in parts if math.isfinite(amount)) or 1.0
    drawn, start = [], 0.0
    for name, amount, css in parts:
        if not amount > 0:
            continue
        width = 100 * amount / total
        title = element("title", name)
        drawn.append(
            element(
                "rect",
                title,
                x=f"{start:.3f}%",
                y=0,
                width=f"{width:.3f}%",
                height=height,
                css=f"share {css}",
            )
        )
        start += width
    return strip(drawn, height=height, label=label, css="shares")


def dumbbell(before: Score, after: Score, label: str, *, top: float) -> Markup:
    """Two scores on one rail: a ring for the first, a dot for the second, joined."""
    height, middle = 22, 11.0
    parts = [_grid(height)]
    if math.isfinite(before.value) and math.isfinite(after.value):
        ends = (place(before.value, top), place(after.value, top))
        parts.append(element("line", x1=ends[0], x2=ends[1], y1=middle, y2=middle, css="link"))
        parts += _whisker(before, top, middle) + _whisker(after, top, middle)
        parts.append(element("circle", cx=ends[0], cy=middle, r=4.5, css="ring"))
        parts.append(element("circle", cx=ends[1], cy=middle, r=4.5, css="dot"))
    return strip(parts, height=height, label=label)


def reach(score: Score) -> float:
    """How far a score and its interval reach, 0 if they are not known.

    >>> reach(Score(0.3, 0.2, 0.5)), reach(Score(math.nan))
    (0.5, 0.0)
    """
    return max((value for value in (score.value, score.high) if math.isfinite(value)), default=0.0)


def round_up(value: float) -> float:
    """The next number, times a power of ten, whose quarters are short: a good end for a scale.

    >>> [round_up(x) for x in (0.13, 3.2, 0.0, 7.9)]
    [0.16, 3.2, 1.0, 8.0]
    """
    if not (math.isfinite(value) and value > 0):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8)
    # The last digits of a product of floats must not push a value to the next step.
    fitting = (step * power for step in steps if value <= step * power * (1 + 1e-9))
    return round(next(fitting, 10 * power), 12)
