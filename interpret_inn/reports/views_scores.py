"""What the page shows of scores against known factors: a line for each metric, and why others are missing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.wording import interval_text, number
from interpret_inn.reports import figures
from interpret_inn.types import Score


@dataclass(frozen=True)
class ScoreRow:
    """A score: its metric, what the metric asks, a bar if it lies in [0, 1], number and interval, parts."""

    name: str
    summary: str
    strip: Markup
    value: str
    interval: str
    parts: tuple[tuple[str, str], ...]


def score_rows(explanation: Explanation) -> tuple[ScoreRow, ...]:
    """A row for each score; none if nothing was scored."""
    found = explanation.scores
    if found is None:
        return ()
    return tuple(_row(name, score, found.summaries.get(name, "")) for name, score in found.items())


def _row(name: str, score: Score, summary: str) -> ScoreRow:
    value, interval = number(score.value), interval_text(score, "r2")
    label = f"{name}: {value}" + (f", 95% interval {interval}" if interval else "")
    inside = math.isfinite(score.value) and 0 <= score.value <= 1
    strip = figures.bar(score, label, top=1.0) if inside else Markup("")
    parts = tuple((part, number(part_value)) for part, part_value in score.parts.items())
    return ScoreRow(name, summary, strip, value, interval, parts)
