"""What the page shows of linear erasure beside the flow: a row for each concept, and the sentence it comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from interpret_inn.explaining.evidence import BesideErasure, Comparison
from interpret_inn.explaining.records import Explanation, ProbeScores
from interpret_inn.explaining.wording import MISSING, score_text
from interpret_inn.reports.answers import Statement
from interpret_inn.types import Score

_GOOD: Mapping[Comparison, bool] = {"better": True, "worse": False}


@dataclass(frozen=True)
class ReadCell:
    """Three probes: the linear one's score, the small network's and the kernel's."""

    linear: str
    network: str
    kernel: str


@dataclass(frozen=True)
class GainCell:
    """A difference and its interval, empty if there is none."""

    value: str
    interval: str


@dataclass(frozen=True)
class ErasureRow:
    """A concept: what the comparison comes to, how it is measured, what is read of both sides, what the flow gains."""

    concept: str
    statement: Statement
    kind: str
    axes: str
    own: ReadCell
    erasure_own: ReadCell
    own_gain: GainCell
    rest: ReadCell
    erasure_rest: ReadCell
    rest_gain: GainCell
    chance: str


def erasure_rows(explanation: Explanation) -> tuple[ErasureRow, ...]:
    """A row for each concept; none if nothing was measured."""
    found = explanation.erasure or {}
    return tuple(_row(explanation, concept, beside) for concept, beside in found.items())


def _row(explanation: Explanation, concept: str, beside: BesideErasure) -> ErasureRow:
    kind = explanation.leakage.kind[concept]
    size = next(factor.size for factor in explanation.factors if factor.name == concept)
    return ErasureRow(
        concept=concept,
        statement=Statement(_GOOD.get(beside.flow), Markup("{}").format(beside.verdict)),
        kind="read correctly" if kind == "accuracy" else "R²",
        axes=f"axes: {size}, directions: {beside.directions}",
        own=_read(beside.own, kind),
        erasure_own=_read(beside.erasure_own, kind),
        own_gain=_gain(beside.own_gain, kind),
        rest=_read(beside.rest, kind),
        erasure_rest=_read(beside.erasure_rest, kind),
        rest_gain=_gain(beside.rest_gain, kind),
        chance=score_text(explanation.leakage.chance[concept], kind),
    )


def _read(scores: ProbeScores, kind: str) -> ReadCell:
    found = (scores.linear, scores.network, scores.kernel)
    return ReadCell(*(score_text(score.value, kind) for score in found))


def _gain(gain: Score, kind: str) -> GainCell:
    """With its sign and unit, and the ends of its interval."""
    if not math.isfinite(gain.value):
        return GainCell(MISSING, "")
    unit = " pp" if kind == "accuracy" else ""
    ends = (gain.low, gain.high)
    interval = " to ".join(_signed(end, kind) for end in ends) if all(map(math.isfinite, ends)) else ""
    return GainCell(_signed(gain.value, kind) + unit, interval)


def _signed(value: float, kind: str) -> str:
    """A difference with its sign: in percentage points of `accuracy`, or of R².

    >>> _signed(0.425, "accuracy"), _signed(-0.004, "r2"), _signed(-0.31, "r2")
    ('+42.5', '0.00', '−0.31')
    """
    text = f"{100 * value:+.1f}" if kind == "accuracy" else f"{value:+.2f}"
    return text.replace("-", "−") if float(text) else text[1:]
