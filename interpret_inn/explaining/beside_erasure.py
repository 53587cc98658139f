"""Linear erasure beside the flow: what both make of a concept, read by the same probes of the same samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from interpret_inn.explaining.erasure_verdict import Side, compared
from interpret_inn.explaining.evidence import BesideErasure, Leakage
from interpret_inn.explaining.leakage import FactorReadings, mean_scores
from interpret_inn.explaining.probed_splits import ProbedSplits
from interpret_inn.explaining.two_rests import SiteAxes, TwoRests
from interpret_inn.metrics.bootstrap import percentile_interval, unseen_share
from interpret_inn.metrics.linear_erasure import LinearErasure, fit_linear_erasure
from interpret_inn.metrics.probes import ProbeReadings
from interpret_inn.types import Concept, Factors, FloatArray, ProbeScores, Score

_PROBES = ("linear", "network", "kernel")


class ErasureRows(NamedTuple):
    """Training samples that erasure is fitted to.

    Attributes:
        rows: Whitened axes, means over positions, float64 (n, D); as in `EncodedSplit.unfitted`.
        concepts: With values for these samples.
        leading: Axes that enter the flow's blocks, the first ones. Directions are found among these, as the flow's are:
            samples may be too few for more.
    """

    rows: FloatArray
    concepts: Sequence[Concept]
    leading: int


def beside_erasure(
    given: ErasureRows,
    factors: Factors,
    found: FactorReadings,
    probed: ProbedSplits,
    fresh: Sequence[ProbedSplits],
) -> dict[str, BesideErasure]:
    """Compares the flow with linear erasure of each concept that has values.

    Erasure erases the same in all coordinates, but probes of few samples do not read the same in all: so both rests are
    laid into common axes (`TwoRests`). Both own parts are read by `probed`, both rests by `fresh`: what is exact on
    training samples, as erasure and a flow in closed form are, hides there what it does not hide elsewhere.

    Args:
        given: What erasure is fitted to.
        factors: All factors of the code.
        found: What probes read of them.
        probed: The training split and the test split.
        fresh: Samples that neither the flow nor erasure was fitted to, to train probes on and to score them on; empty:
            the rests are not compared.
    """
    site = SiteAxes.of(given.rows, given.leading, seed=probed.seed)
    rows, axes = site(given.rows), site.both(probed.whole("unfitted"))
    comparisons = {}
    for concept in given.concepts:
        name = concept.name
        if name not in probed.kinds or name not in factors.names:
            continue
        erasure = fit_linear_erasure(rows, _targets(concept), leading=given.leading)
        own = [_directions(erasure, part, factors[name].size) for part in axes]
        rests = TwoRests.of(site, erasure, factors[name], probed)
        readings = _Readings(
            own=found.readings[name][name],
            rest=[part.read(name, *rests.of_flow(part)) for part in fresh],
            erasure_own=[probed.read(name, *own)],
            erasure_rest=[part.read(name, *rests.of_erasure(part)) for part in fresh],
        )
        size = factors[name].size
        directions = min(size, erasure.filters.shape[1])
        comparisons[name] = _compared(name, readings, found.leakage, axes=size, directions=directions)
    return comparisons


def _directions(erasure: LinearErasure, rows: FloatArray, most: int) -> FloatArray:
    """Erasure's own part of rows; a column of zeros, which tells nothing, if it found no direction."""
    found = erasure.own(rows, most)
    return found if found.shape[1] else np.zeros((len(rows), 1))


def _targets(concept: Concept) -> FloatArray:
    """What erasure takes out: numbers, cosine and sine, or indicators of classes, float64 (n, k); NaN if missing."""
    indicators = concept.indicators
    return concept.targets if indicators is None else np.where(concept.known[:, None], indicators, np.nan)


class _Readings(NamedTuple):
    """Readings of one concept; of each part by all pairs of splits whose mean counts."""

    own: Sequence[ProbeReadings]
    rest: Sequence[ProbeReadings]
    erasure_own: Sequence[ProbeReadings]
    erasure_rest: Sequence[ProbeReadings]


def _compared(name: str, readings: _Readings, table: Leakage, *, axes: int, directions: int) -> BesideErasure:
    chance = table.chance[name]
    own, rest, erasure_own, erasure_rest = (_Drawn.of(part, chance) for part in readings)
    own_gain, rest_gain = own.gain_over(erasure_own), erasure_rest.gain_over(rest)
    flow, verdict = compared(
        name,
        Side(own.score, erasure_own.score, own_gain),
        Side(rest.score, erasure_rest.score, rest_gain),
        kind=table.kind[name],
        chance=chance,
        whole=_highest(table.representation[name]),
        axes=axes,
        directions=directions,
    )
    scores = {part: _scores(found) for part, found in readings._asdict().items()}
    return BesideErasure(
        **scores, directions=directions, own_gain=own_gain, rest_gain=rest_gain, flow=flow, verdict=verdict
    )


def _scores(readings: Sequence[ProbeReadings]) -> ProbeScores:
    """The mean of these scores; NaN if nothing was read."""
    return mean_scores(readings) if readings else ProbeScores(Score(math.nan), Score(math.nan))


def _highest(scores: ProbeScores) -> Score:
    """The score of the probe that reads most."""
    found: list[Score] = [getattr(scores, probe) for probe in _PROBES]
    return max(found, key=lambda score: score.value)


class _Drawn(NamedTuple):
    """The score of the probe that reads most, with its draws.

    Attributes:
        score: The mean over pairs of splits; NaN if it was not measured.
        floor: Chance: scores below it count as chance.
        values: The score of each pair, (k,).
        draws: (k, resamples), NaN where a draw has no score.
        groups: How many test groups are drawn from.
    """

    score: Score
    floor: float
    values: FloatArray
    draws: FloatArray
    groups: int

    @classmethod
    def of(cls, readings: Sequence[ProbeReadings], floor: float) -> _Drawn:
        """Of pairs of splits whose mean counts."""
        if not readings or not all(set(_PROBES) <= set(one.draws) for one in readings):
            return cls(Score(math.nan), floor, np.empty(0), np.empty((0, 0)), 0)
        scores = mean_scores(readings)
        score = _highest(scores)
        probe = next(each for each in _PROBES if getattr(scores, each) is score)
        values = np.array([getattr(one.scores, probe).value for one in readings])
        # draws of test splits that have no sample in common are independent: equal seeds must not tie them
        draws = np.stack([np.roll(one.draws[probe], place) for place, one in enumerate(readings)])
        return cls(score, floor, values, draws, sum(one.groups for one in readings))

    def gain_over(self, other: _Drawn) -> Score:
        """The difference of both scores, paired; NaN if one was not measured.

        Pairs of splits may differ by more than their test samples explain, as each trains its own probes: then the
        interval is longer by the root of the ratio of both variances (Birge, 1932). It reaches at least as far as that
        of a share of which no sample is seen: where two probes agree on all samples, others might tell them apart.
        """
        if not (len(self.draws) and len(other.draws)):
            return Score(math.nan)
        first, second = (
            [
                np.maximum(part, one.floor)
                for part in (one.score.value, one.values, one.draws, one.draws.mean(0))
            ]
            for one in (self, other)
        )
        value, values, parts, draws = (a - b for a, b in zip(first, second, strict=True))
        draws = draws[np.isfinite(draws)]
        if self.groups < 2 or len(draws) < 2:
            return Score(float(value))
        stretch, unseen = _birge_ratio(values, parts), unseen_share(self.groups)
        low, high = percentile_interval(float(value) + stretch * (draws - float(value)), self.groups)
        return Score(float(value), min(low, float(value) - unseen), max(high, float(value) + unseen))


def _birge_ratio(values: FloatArray, draws: FloatArray) -> float:
    """By how much values (k,) differ more than their own draws (k, resamples) explain; 1 if they do not."""
    within = float(np.nanvar(draws, axis=1).mean())
    if len(values) < 2 or not within > 0:
        return 1.0
    return math.sqrt(max(1.0, float(values.var(ddof=1)) / within))
