"""Leakage: how well probes predict each concept from each factor, from all of `z`, and from the unfitted flow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from interpret_inn.explaining.evidence import FactorSummary, Leakage
from interpret_inn.explaining.probed_splits import ProbedSplits
from interpret_inn.metrics.probes import ProbeReadings, chance, score_kind
from interpret_inn.types import Factors, ProbeScores, Score


class FactorReadings(NamedTuple):
    """What probes read of all concepts in all factors.

    Attributes:
        leakage: The scores.
        readings: By concept, then factor: of the split pairs whose mean is the score.
    """

    leakage: Leakage
    readings: Mapping[str, Mapping[str, tuple[ProbeReadings, ...]]]


def read_factors(
    probed: ProbedSplits, factors: Factors, *, fresh: Sequence[ProbedSplits] = ()
) -> FactorReadings:
    """Probes every factor for every concept: probes learn from the training split, the test split scores them.

    Probes read the mean over positions of codes (n, P, D). They read more than 512 columns (the representation, or the
    residual of a wide site) by the leading principal axes of the training split: 512, or 256 beyond 8,192 columns.

    Args:
        probed: The training split and the test split.
        factors: All factors of the code.
        fresh: Samples that the flow was never fitted to, to train on and to score on, by which concepts are probed in
            factors that are not their own; scores are means over these pairs. Empty: by `probed`.

    Returns:
        The leakage matrix with 95 % intervals, and what it is made of.
    """
    readings = _readings(probed, factors, list(fresh) or [probed])
    representation = probed.columns("representation")
    table = Leakage(
        concepts=tuple(probed.kinds),
        factors=factors.names,
        kind={name: score_kind(kind) for name, kind in probed.kinds.items()},
        scores={
            name: {factor: mean_scores(found) for factor, found in row.items()}
            for name, row in readings.items()
        },
        representation={name: probed.scores(name, *representation) for name in probed.kinds},
        chance={name: chance(probed.values[name][1], kind=kind) for name, kind in probed.kinds.items()},
        unfitted={
            name: probed.linear_score(name, *probed.columns("unfitted", factors[name].slice))
            for name in probed.kinds
            if name in factors.names
        },
        association={
            name: {other: probed.association(name, other) for other in probed.kinds if other != name}
            for name in probed.kinds
        },
        samples={
            name: {other: probed.tested(name, other) for other in probed.kinds} for name in probed.kinds
        },
    )
    return FactorReadings(table, readings)


def _readings(
    probed: ProbedSplits, factors: Factors, others: Sequence[ProbedSplits]
) -> dict[str, dict[str, tuple[ProbeReadings, ...]]]:
    """Readings of each concept in its own factor by `probed`, and in all other factors by each of `others`."""
    own = {
        name: probed.columns("codes", factors[name].slice) for name in factors.names if name in probed.kinds
    }
    apart = [
        (part, {factor.name: part.columns("codes", factor.slice) for factor in factors}) for part in others
    ]
    return {
        name: {
            factor: (probed.read(name, *own[name]),)
            if factor == name
            else tuple(part.read(name, *columns[factor]) for part, columns in apart)
            for factor in factors.names
        }
        for name in probed.kinds
    }


def mean_scores(readings: Sequence[ProbeReadings]) -> ProbeScores:
    """The mean of scores and of the ends of their intervals, which is no narrower than that of all samples together."""

    def mean(probe: str) -> Score:
        found = [getattr(one.scores, probe) for one in readings]
        value, low, high = (
            float(np.mean([getattr(one, end) for one in found])) for end in ("value", "low", "high")
        )
        return Score(value, low, high)

    if len(readings) == 1:
        return readings[0].scores
    return ProbeScores(mean("linear"), mean("network"), mean("kernel"))


def summaries(
    factors: Factors, *, raw_scores: Mapping[str, float] | None = None
) -> tuple[FactorSummary, ...]:
    """A summary of every factor: its size, its share, and what it was sized by.

    Args:
        factors: Of the flow.
        raw_scores: The scores that sizes were estimated from, by factor; missing or NaN: the size was given.
    """
    raw = raw_scores or {}
    return tuple(
        FactorSummary(
            factor.name, factor.size, factor.size / factors.total, float(raw.get(factor.name, math.nan))
        )
        for factor in factors
    )


def value_words(value: float, kind: str) -> str:
    """A score in words.

    >>> value_words(0.974, "accuracy"), value_words(0.314, "r2")
    ('97.4%', '0.31')
    """
    return f"{value:.1%}" if kind == "accuracy" else f"{value:.2f}"
