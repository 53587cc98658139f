"""Leakage: how well probes predict each concept from each factor, from all of `z`, and from the unfitted flow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from interpret_inn.explaining.association import predicted_by
from interpret_inn.explaining.evidence import FactorSummary, Leakage
from interpret_inn.metrics.probes import chance, linear_probe_score, probe_scores, score_kind
from interpret_inn.translating.axes import as_rows
from interpret_inn.types import Concept, ConceptKind, Factors, FloatArray, IntArray, ProbeScores, Score

WIDEST = 512
"""Columns that a probe reads at most; of more, it reads the leading principal axes."""
_SQUARE = 16 * WIDEST  # columns whose covariance matrix is formed at most: half a GiB

_ALL = slice(None)
_FEW_AXES = 4
"""Axes that hold most concepts, and that tell little of one before a fit."""
_FLAT = 1e-10  # of the largest eigenvalue: axes with less carry rounding
_Rows = Tensor | npt.NDArray[np.floating]
_Both = tuple[FloatArray, FloatArray]


class EncodedSplit(NamedTuple):
    """The n samples of one split, as a fit encodes them.

    Attributes:
        codes: Codes (n, D), or (n, P, D) at positions.
        representation: The representation itself, (n, width) or (n, P, width); of a very wide one its leading axes.
        unfitted: Codes from the flow before it was fitted, in the shape of `codes`.
        concepts: With values for these samples; those without values are left out.
        groups: int (n,), the groups of the samples: intervals draw whole groups. None: all apart.
    """

    codes: _Rows
    representation: _Rows
    unfitted: _Rows
    concepts: Sequence[Concept]
    groups: IntArray | None = None


def leakage(
    train: EncodedSplit,
    test: EncodedSplit,
    factors: Factors,
    *,
    fresh: Sequence[tuple[EncodedSplit, EncodedSplit]] = (),
    seed: int = 0,
    rows: int = 4000,
    networks: bool = True,
) -> Leakage:
    """Probes every factor for every concept: probes learn from the training split, the test split scores them.

    Probes read the mean over positions of codes (n, P, D). They read more than 512 columns (the representation, or the
    residual of a wide site) by the leading principal axes of the training split: 512, or 256 beyond 8,192 columns.

    Args:
        train: The training split.
        test: The test split, with the same concepts in the same order.
        factors: All factors of the code.
        fresh: Samples that the flow never saw, to train on and to score on, by which concepts are probed in factors
            that are not their own; scores are means over these pairs. Empty: by `train` and `test`.
        seed: Of all draws.
        rows: Rows of each split that are used at most.
        networks: Whether networks are among the probes.

    Returns:
        The leakage matrix with 95 % intervals.
    """
    probed = _Probed(train, test, rows=rows, seed=seed, networks=networks)
    codes = _columns_of(probed, train, test, factors)
    others = [(probed, codes)]
    if fresh:
        parts = [(_Probed(*pair, rows=rows, seed=seed, networks=networks), pair) for pair in fresh]
        others = [(part, _columns_of(part, *pair, factors)) for part, pair in parts]
    representation = probed.columns(train.representation, test.representation)
    scores: dict[str, Mapping[str, ProbeScores]] = {}
    own: dict[str, Score] = {}
    for name in probed.kinds:
        scores[name] = {
            factor: probed.scores(name, *codes[factor])
            if factor == name
            else _mean([part.scores(name, *read[factor]) for part, read in others])
            for factor in factors.names
        }
        if name in factors.names:
            unfitted = probed.columns(train.unfitted, test.unfitted, factors[name].slice)
            own[name] = probed.linear_score(name, *unfitted)
    return Leakage(
        concepts=tuple(probed.kinds),
        factors=factors.names,
        kind={name: score_kind(kind) for name, kind in probed.kinds.items()},
        scores=scores,
        representation={name: probed.scores(name, *representation) for name in probed.kinds},
        chance={name: chance(probed.values[name][1], kind=kind) for name, kind in probed.kinds.items()},
        unfitted=own,
        association={
            name: {other: probed.association(name, other) for other in probed.kinds if other != name}
            for name in probed.kinds
        },
    )


def _columns_of(
    probed: _Probed, train: EncodedSplit, test: EncodedSplit, factors: Factors
) -> dict[str, _Both]:
    """What probes read of both splits, by factor."""
    return {factor.name: probed.columns(train.codes, test.codes, factor.slice) for factor in factors}


def _mean(scores: Sequence[ProbeScores]) -> ProbeScores:
    """The mean of scores and of the ends of their intervals, which is no narrower than that of all samples together."""

    def mean(probe: str) -> Score:
        found = [getattr(one, probe) for one in scores]
        value, low, high = (
            float(np.mean([getattr(one, end) for one in found])) for end in ("value", "low", "high")
        )
        return Score(value, low, high)

    if len(scores) == 1:
        return scores[0]
    return ProbeScores(mean("linear"), mean("network"), mean("kernel"))


class _Probed:
    """The rows of both splits that are used, and the values and groups that belong to them."""

    def __init__(
        self, train: EncodedSplit, test: EncodedSplit, *, rows: int, seed: int, networks: bool
    ) -> None:
        generator = np.random.default_rng(seed)
        self.seed, self.networks = seed, networks
        self.rows = tuple(np.sort(generator.permutation(len(split.codes))[:rows]) for split in (train, test))
        self.kinds: dict[str, ConceptKind] = {}
        self.values: dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]] = {}
        for first, second in zip(train.concepts, test.concepts, strict=True):
            if first.values is not None and second.values is not None:
                self.kinds[first.name] = first.kind
                self.values[first.name] = (
                    np.asarray(first.values)[self.rows[0]],
                    np.asarray(second.values)[self.rows[1]],
                )
        self.train_groups = None if train.groups is None else np.asarray(train.groups)[self.rows[0]]
        self.test_groups = None if test.groups is None else np.asarray(test.groups)[self.rows[1]]

    def columns(self, train: _Rows, test: _Rows, columns: slice = _ALL) -> _Both:
        """The rows used of both splits, float64 (n, d), on their leading axes if they are wide."""
        train, test = train[self.rows[0]][..., columns], test[self.rows[1]][..., columns]
        return principal(as_rows(train), as_rows(test), seed=self.seed)

    def scores(self, name: str, train: FloatArray, test: FloatArray) -> ProbeScores:
        """The scores of all probes of the concept from these columns."""
        train_values, test_values = self.values[name]
        return probe_scores(
            train, train_values, test, test_values, kind=self.kinds[name], groups=self.test_groups,
            train_groups=self.train_groups, seed=self.seed, networks=self.networks,
        )  # fmt: skip

    def linear_score(self, name: str, train: FloatArray, test: FloatArray) -> Score:
        """The score of the linear probe of the concept from these columns."""
        train_values, test_values = self.values[name]
        return linear_probe_score(
            train, train_values, test, test_values, kind=self.kinds[name],
            groups=self.test_groups, train_groups=self.train_groups, seed=self.seed,
        )  # fmt: skip

    def association(self, name: str, other: str) -> float:
        """How well the other concept's true value predicts the concept."""
        (train, test), (train_others, test_others) = self.values[name], self.values[other]
        return predicted_by(
            train, train_others, test, test_others, kind=self.kinds[name], other_kind=self.kinds[other]
        )


def principal(train: FloatArray, test: FloatArray, *, seed: int = 0) -> _Both:
    """Both splits (n, d) on the leading principal axes of the training split, if there are more than 512 columns.

    The axes come from at most 1,024 rows beyond 8,192 columns, so that no square matrix of columns is formed.
    """
    width = train.shape[1]
    if width <= WIDEST:
        return train, test
    if width <= _SQUARE and len(train) >= width:
        centred = train - train.mean(0)
        axes = np.linalg.eigh(centred.T @ centred)[1][:, -WIDEST:]
        return train @ axes, test @ axes
    count = WIDEST if width <= _SQUARE else WIDEST // 2
    some = np.random.default_rng(seed).permutation(len(train))[: len(train) if count == WIDEST else 4 * count]
    centred = train[some] - train[some].mean(0)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    kept = values > _FLAT * values[-1]
    kept[:-count] = False
    axes = centred.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    return train @ axes, test @ axes


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


def cure(name: str, size: int) -> str:
    """What to type if a factor was not shown to be learnt: fewer axes tell less before a fit, and more data more after.

    >>> cure("label", 15)
    'Type fit(…, sizes={"label": 4}), so that fewer axes have to beat what they tell unfitted, or give more images.'
    """
    if size < 2:
        return "Give more images."
    fewer = min(_FEW_AXES, size // 2)
    return (
        f'Type fit(…, sizes={{"{name}": {fewer}}}), so that fewer axes have to beat what they tell unfitted, or give '
        "more images."
    )


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
    if score.low <= chance:
        return False, f"{name} was not learnt: {found}, which is no surer than guessing ({beside})."
    if not score.low > unfitted.value:
        return (
            False,
            f"{name} was not shown to be learnt: {found}; as much is there without any fitting ({beside}). "
            f"{cure(name, size)}",
        )
    return True, f"{name} was learnt: {found}; {beside}."


def score_words(score: Score, kind: str) -> str:
    """A score and its interval in words."""
    if kind == "accuracy":
        return f"{score.value:.1%} accuracy (95 % interval {score.low:.1%} to {score.high:.1%})"
    return f"an R² of {score.value:.2f} (95 % interval {score.low:.2f} to {score.high:.2f})"


def value_words(value: float, kind: str) -> str:
    """A score in words."""
    return f"{value:.1%}" if kind == "accuracy" else f"{value:.2f}"
