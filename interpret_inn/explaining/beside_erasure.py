"""Linear erasure beside the flow: what both make of a concept, read by the same probes of the same samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from interpret_inn.explaining.erasure_verdict import Side, compared
from interpret_inn.explaining.evidence import BesideErasure, Leakage
from interpret_inn.explaining.leakage import FactorReadings, mean_scores
from interpret_inn.explaining.probed_splits import WIDEST, Both, ProbedSplits, principal_axes
from interpret_inn.metrics.bootstrap import percentile_interval, unseen_share
from interpret_inn.metrics.linear_erasure import LinearErasure, fit_linear_erasure
from interpret_inn.metrics.probes import ProbeReadings
from interpret_inn.types import RESIDUAL, Concept, Factor, Factors, FloatArray, ProbeScores, Score

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

    Erasure works on whitened axes, in which the flow's codes lie, too: what it erases is the same in all coordinates,
    but probes of few samples are not. Both own parts are read by `probed`, both rests by `fresh`: what is exact on
    training samples, as erasure and a flow in closed form are, hides there what it does not hide elsewhere.

    Args:
        given: What erasure is fitted to.
        factors: All factors of the code.
        found: What probes read of them.
        probed: The training split and the test split.
        fresh: Samples that neither the flow nor erasure saw, to train probes on and to score them on; empty: the rests
            are not compared.
    """
    narrow = _narrowing(given.rows, given.leading, probed.seed)
    narrow_codes = _narrowing(probed.whole("codes")[0], given.leading, probed.seed)
    rows, axes = narrow(given.rows), narrow.both(probed.whole("unfitted"))
    rests = [
        _Rest(part, narrow.both(part.whole("unfitted")), narrow_codes.both(part.whole("codes")))
        for part in fresh
    ]
    comparisons = {}
    for concept in given.concepts:
        name = concept.name
        if name not in probed.kinds or name not in factors.names:
            continue
        erasure = fit_linear_erasure(rows, _targets(concept), leading=given.leading)
        directions = [_directions(erasure, part, factors[name].size) for part in axes]
        readings = _Readings(
            own=found.readings[name][name],
            rest=_residual(found.readings[name], rests, narrow_codes)
            or [rest.of_flow(factors[name]) for rest in rests],
            erasure_own=[probed.read(name, *directions)],
            erasure_rest=[rest.of_erasure(name, erasure) for rest in rests],
        )
        comparisons[name] = _compared(
            name, readings, found.leakage, min(factors[name].size, erasure.filters.shape[1])
        )
    return comparisons


def _directions(erasure: LinearErasure, rows: FloatArray, most: int) -> FloatArray:
    """Erasure's own part of rows; a column of zeros, which tells nothing, if it found no direction."""
    found = erasure.own(rows, most)
    return found if found.shape[1] else np.zeros((len(rows), 1))


def _residual(
    readings: Mapping[str, Sequence[ProbeReadings]], rests: Sequence[_Rest], narrow: _Narrowing
) -> Sequence[ProbeReadings]:
    """What was read already, if the residual is all of the rest and was read by the same samples; else nothing."""
    same = len(readings) == 2 and len(readings[RESIDUAL]) == len(rests) and narrow.axes is None
    return readings[RESIDUAL] if same else ()


def _targets(concept: Concept) -> FloatArray:
    """What erasure takes out: numbers, cosine and sine, or indicators of classes, float64 (n, k); NaN if missing."""
    indicators = concept.indicators
    return concept.targets if indicators is None else np.where(concept.known[:, None], indicators, np.nan)


class _Rest(NamedTuple):
    """Samples by which the rests are read: whitened axes of both splits, and codes of both."""

    probed: ProbedSplits
    axes: Both
    codes: Both

    def of_flow(self, factor: Factor) -> ProbeReadings:
        """From all axes of the code but the factor's."""
        train, test = (np.delete(part, factor.slice, axis=1) for part in self.codes)
        return self.probed.read(factor.name, train, test)

    def of_erasure(self, name: str, erasure: LinearErasure) -> ProbeReadings:
        """From what erasure leaves."""
        train, test = (erasure.rest(part) for part in self.axes)
        return self.probed.read(name, train, test)


class _Readings(NamedTuple):
    """Readings of one concept; of each part by all pairs of splits whose mean counts."""

    own: Sequence[ProbeReadings]
    rest: Sequence[ProbeReadings]
    erasure_own: Sequence[ProbeReadings]
    erasure_rest: Sequence[ProbeReadings]


def _compared(name: str, readings: _Readings, table: Leakage, directions: int) -> BesideErasure:
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


class _Narrowing(NamedTuple):
    """Keeps the leading columns, and of more than 512 in all the leading principal axes of the others.

    They are found once, for all concepts: those of each rest apart would hardly differ, and take minutes at wide sites.
    """

    leading: int
    axes: FloatArray | None

    def __call__(self, rows: FloatArray) -> FloatArray:
        if self.axes is None:
            return rows
        return np.hstack((rows[:, : self.leading], rows[:, self.leading :] @ self.axes))

    def both(self, splits: Both) -> Both:
        """The same of two splits."""
        train, test = splits
        return self(train), self(test)


def _narrowing(train: FloatArray, leading: int, seed: int) -> _Narrowing:
    if train.shape[1] <= max(WIDEST, leading):
        return _Narrowing(leading, None)
    return _Narrowing(leading, principal_axes(train[:, leading:], WIDEST // 2, seed=seed))
