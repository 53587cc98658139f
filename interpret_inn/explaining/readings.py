"""What probes read of a concept, as verdicts, doubts and pages take it: one source of figures for all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

from interpret_inn.explaining.evidence import READABLE, Leakage, Refits
from interpret_inn.types import ProbeScores, Score

_TAIL = 0.025
"""Of a 95 % interval, beyond its lower end."""


@dataclass(frozen=True)
class Reading:
    """What probes read of one concept: over refits where these have a figure of it, else on the test split.

    Attributes:
        name: The concept.
        kind: Of its scores: `accuracy` or `r2`.
        own: Of the linear probe, from its own factor.
        chance: What guessing reaches.
        before: Of the linear probe, from as many axes before the fit; NaN: not known.
        whole: The highest of the probes of the whole layer.
        others: The highest of the probes of each other factor, the residual among them.
        refits: How many refits the figures are means over; 0: they are of the test split.
        judged: How many concepts are judged together.
    """

    name: str
    kind: str
    own: Score
    chance: float
    before: float
    whole: Score
    others: Mapping[str, Score]
    refits: int
    judged: int

    @property
    def low(self) -> float:
        """Lower end of the own score, such that at most 5 % of pages have a false alarm: see `lower`."""
        return lower(self.own, self.judged)

    @cached_property
    def layer(self) -> Score:
        """What the layer tells: the highest score that is surely above guessing; NaN if there is none.

        A factor is a part of the layer. Where the probe of the whole layer finds less than that of a part, as it may
        among many columns of few samples, the part's score counts.
        """
        found = [self.whole, *self.others.values()]
        sure = [
            score
            for score in found
            if lower(score, self.judged * len(found)) > self.chance and score.value > self.chance + READABLE
        ]
        if self.low > self.chance:
            sure.append(self.own)
        return max(sure, key=lambda score: score.value, default=Score(math.nan))

    def share(self, score: float) -> float:
        """A score on a scale from guessing (0) to what the layer tells (1); NaN if that is nothing."""
        return (score - self.chance) / (self.layer.value - self.chance)


def lower(score: Score, judged: int = 1) -> float:
    """Lower end of an interval that holds for so many scores together.

    The half-width grows by the ratio of the normal quantiles for .025/K and .025 (Bonferroni): the chance that any of K
    lower ends lies above the truth stays what it is for one.

    >>> round(lower(Score(0.7, 0.6, 0.8)), 3), round(lower(Score(0.7, 0.6, 0.8), 4), 3)
    (0.6, 0.573)
    """
    if judged <= 1:
        return score.low
    quantile = NormalDist().inv_cdf
    return score.value - (score.value - score.low) * quantile(_TAIL / judged) / quantile(_TAIL)


def best(probe: ProbeScores) -> Score:
    """The highest of the scores of the linear probe, the small network and the kernel probe."""
    found = probe.linear
    for score in (probe.network, probe.kernel):
        if score.value > found.value or math.isnan(found.value):
            found = score
    return found


def readings(leakage: Leakage, refits: Refits | None = None) -> dict[str, Reading]:
    """What is read of each concept that has a factor, in the order of the concepts.

    Args:
        leakage: Of the test split.
        refits: Of the same fit, if there are any.
    """
    judged = [name for name in leakage.concepts if name in leakage.factors]
    return {name: _reading(leakage, refits, name, len(judged)) for name in judged}


def _reading(leakage: Leakage, refits: Refits | None, name: str, judged: int) -> Reading:
    over = refits if refits is not None and refits.own(name) is not None else None
    cells = leakage.scores[name] if over is None else over.scores[name]
    if over is None:
        unfitted, whole, chance = (
            leakage.unfitted.get(name),
            leakage.representation[name],
            leakage.chance[name],
        )
        before = math.nan if unfitted is None else unfitted.value
    else:
        before, whole, chance = (
            over.unfitted.get(name, math.nan),
            over.representation[name],
            over.chance[name],
        )
    return Reading(
        name=name,
        kind=leakage.kind[name],
        own=cells[name].linear,
        chance=chance,
        before=before,
        whole=best(whole),
        others={factor: best(cell) for factor, cell in cells.items() if factor != name},
        refits=0 if over is None else over.count,
        judged=judged,
    )
