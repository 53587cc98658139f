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

_FEW_AXES = 4
"""Axes that hold most concepts, and that tell little of one before a fit."""
_MORE_REFITS = 10
"""Refits whose interval is a quarter shorter than that of five; more than these shorten it little."""


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
    leakage: Leakage, factors: Factors, *, raw_scores: Mapping[str, float] | None = None
) -> tuple[FactorSummary, ...]:
    """A summary of every factor: its size, its share, and whether it was learnt.

    A factor is learnt if the lower end of the 95 % interval of its own linear probe exceeds both chance and the
    score of the probe from an equally large slice of the unfitted flow.

    Args:
        leakage: Of the same factors.
        factors: Of the flow.
        raw_scores: The scores that sizes were estimated from, by factor; missing or NaN: the size was given.
    """
    raw = raw_scores or {}
    lines = []
    for factor in factors:
        learnt, verdict = _verdict(leakage, factor.name, size=factor.size, residual=factor is factors[-1])
        share = factor.size / factors.total
        lines.append(
            FactorSummary(
                factor.name, factor.size, share, float(raw.get(factor.name, math.nan)), learnt, verdict
            )
        )
    return tuple(lines)


def cure(name: str, size: int, *, fewer: bool, refits: int = 0) -> str:
    """What to type if a factor was not shown to be learnt.

    Fewer axes tell less before a fit, but less after it too: they help where the unfitted axes tell as much. Elsewhere
    the interval is too long, which more refits or more data shorten.

    Args:
        name: The factor.
        size: Its axes.
        fewer: Whether the flow before fitting tells as much as the fitted one.
        refits: How many the interval is of; 0: it is of one test split.

    >>> cure("label", 15, fewer=True)
    'Type fit(…, sizes={"label": 4}), so that fewer axes have to beat what they tell unfitted, or give more images.'
    >>> cure("label", 15, fewer=False, refits=5)
    'Type fit(…, refits=10) for a shorter interval, or give more images.'
    """
    if fewer and size >= 2:
        axes = min(_FEW_AXES, size // 2)
        return (
            f'Type fit(…, sizes={{"{name}": {axes}}}), so that fewer axes have to beat what they tell unfitted, or '
            "give more images."
        )
    if not fewer and 0 < refits < _MORE_REFITS:
        return f"Type fit(…, refits={_MORE_REFITS}) for a shorter interval, or give more images."
    return "Give more images."


def _verdict(leakage: Leakage, name: str, *, size: int, residual: bool) -> tuple[bool | None, str]:
    """Whether a factor was learnt, and the sentence that says so."""
    if residual:
        return None, "Everything that no named factor explains; there are no labels to test it on."
    if name not in leakage.concepts:
        return None, f"{name} has no labels to test it on."
    score, kind = leakage.scores[name][name].linear, leakage.kind[name]
    chance, unfitted = leakage.chance[name], leakage.unfitted[name]
    if not math.isfinite(score.low):
        return (
            False,
            f"{name} cannot be tested: too few samples have a value, or it never varies.",
        )
    found = f"read from its own factor, {name} reaches {score_words(score, kind)}"
    before = value_words(unfitted.value, kind)
    beside = f"guessing reaches {value_words(chance, kind)}, the flow before fitting {before}"
    if not score.value > chance:
        return False, f"{name} was not learnt: {found}, which is no better than guessing ({beside})."
    if not score.low > max(chance, unfitted.value):
        fewer = unfitted.value >= score.value
        other = "guessing" if score.low <= chance else "what is there without any fitting"
        why = (
            "; as much is there without any fitting"
            if fewer
            else f", which so few test samples cannot tell from {other}"
        )
        advice = cure(name, size, fewer=fewer)
        return False, f"{name} was not shown to be learnt: {found}{why} ({beside}). {advice}"
    return True, f"{name} was learnt: {found}; {beside}."


def score_words(score: Score, kind: str) -> str:
    """A score and its interval in words."""
    if kind == "accuracy":
        return f"{score.value:.1%} accuracy (95 % interval {score.low:.1%} to {score.high:.1%})"
    return f"an R² of {score.value:.2f} (95 % interval {score.low:.2f} to {score.high:.2f})"


def value_words(value: float, kind: str) -> str:
    """A score in words.

    >>> value_words(0.974, "accuracy"), value_words(0.314, "r2")
    ('97.4%', '0.31')
    """
    return f"{value:.1%}" if kind == "accuracy" else f"{value:.2f}"
