"""Probes: how well a concept can be told from a code.

Trained on training codes, scored on test codes. Categorical concepts are scored by accuracy; numbers by R²
(mean over their columns); angles by the R² of cosine and sine. Chance is the best that one constant answer
reaches on the test split: the share of its most frequent class, or 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import InputError
from interpret_inn.metrics.predictors import train_network
from interpret_inn.metrics.probe_kinds import Measure, probe_kind
from interpret_inn.types import ConceptKind, FloatArray, IntArray, ProbeScores, Score
from interpret_inn.types.concepts import kind_of
from interpret_inn.types.numbers import ROUNDING

FEWEST = 5
"""Fewer values than these, on either part, and a score would be made of luck alone: it is NaN."""


@dataclass(frozen=True)
class LinearProbe:
    """A linear probe in the units of the code.

    Attributes:
        kind: What it reads: `categorical`, `numeric` or `cyclic`.
        weight: Float64 (out, d): one row per class seen, per column of the number, or cosine and sine.
        bias: Float64 (out,).
        classes: Int64 (out,), the class of each row; empty unless `categorical`.
    """

    kind: ConceptKind
    weight: FloatArray
    bias: FloatArray
    classes: IntArray

    def scores(self, codes: npt.ArrayLike) -> FloatArray:
        """Logits, values, or cosine and sine: (n, out) for codes (n, d)."""
        return np.asarray(codes, np.float64) @ self.weight.T + self.bias

    def predict(self, codes: npt.ArrayLike) -> npt.NDArray[Any]:
        """Class indices int64 (n,), values float64 (n,) or (n, k), or angles float64 (n,) in [−π, π]."""
        return probe_kind(self.kind).decide(self.scores(codes), self.classes)


def fit_linear_probe(
    codes: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    kind: ConceptKind,
    groups: IntArray | None = None,
    seed: int = 0,
) -> LinearProbe:
    """Trains a linear probe: logistic regression, or ridge regression of the values.

    Codes are standardised first. The penalty is chosen among a few by a fifth of these very codes (whole
    groups), so that nothing of the test split is used; then all of them are fitted with it.

    Args:
        codes: Shape (n, d).
        values: As in `Concept.values`, for these rows; rows with missing values are left out.
        kind: `categorical`, `numeric` or `cyclic`.
        groups: Shape (n,) or None.
        seed: Of the fifth.

    Raises:
        InputError: Codes that are not finite, lengths that differ, no value at all, or an unlabelled kind.
    """
    x, targets, kept_groups = _present(codes, values, kind=kind, groups=groups)
    if not len(x):
        raise InputError("Expected at least one sample with a value to train a probe on, found none.")
    mean, scale = _standard(x)
    x = (x - mean) / scale
    chosen = held_out(len(x), kept_groups, seed=seed)
    weight, bias, classes = probe_kind(kind).fit(x, targets, chosen)
    weight = weight / scale
    return LinearProbe(kind, weight, bias - weight @ mean, classes)


def probe_scores(
    train_codes: npt.ArrayLike,
    train_values: npt.ArrayLike,
    test_codes: npt.ArrayLike,
    test_values: npt.ArrayLike,
    *,
    kind: ConceptKind,
    groups: IntArray | None = None,
    train_groups: IntArray | None = None,
    seed: int = 0,
) -> ProbeScores:
    """How well a concept can be read, linearly and by a small network.

    Args:
        train_codes: Shape (N, d), to train on.
        train_values: As in `Concept.values`, (N,) or (N, k); rows with missing values are left out.
        test_codes: Shape (M, d), to score on.
        test_values: Shape (M,) or (M, k). Classes never seen on the training split count as read wrongly.
        kind: `categorical` (accuracy), `numeric` or `cyclic` (R²).
        groups: Shape (M,), groups of the test rows, for the intervals; None: all apart.
        train_groups: Shape (N,), groups of the fit rows, for choosing penalties and when to stop.
        seed: Of all draws.

    Returns:
        Both scores with 95 % bootstrap intervals; NaN where fewer than 5 values are there on either part
        or the values of the training split are all the same.

    Raises:
        InputError: Codes that are not finite, lengths that differ, or an unlabelled kind.
    """
    x, targets, kept_groups = _present(train_codes, train_values, kind=kind, groups=train_groups)
    test_x, truth, test_groups = _present(test_codes, test_values, kind=kind, groups=groups)
    if _nothing_to_read(targets, truth):
        return ProbeScores(Score(math.nan), Score(math.nan))
    linear = fit_linear_probe(
        x, kind_of(kind).from_targets(targets), kind=kind, groups=kept_groups, seed=seed
    )
    network = train_network(
        x, targets, classes=linear.classes if len(linear.classes) else None,
        held_out=held_out(len(x), kept_groups, seed=seed), seed=seed,
    )  # fmt: skip
    how = probe_kind(kind)
    linear_score, mlp_score = (
        how.score(scores, truth, linear.classes, groups=test_groups, seed=seed)
        for scores in (linear.scores(test_x), network(test_x))
    )
    return ProbeScores(linear=linear_score, network=mlp_score)


def linear_probe_score(
    train_codes: npt.ArrayLike,
    train_values: npt.ArrayLike,
    test_codes: npt.ArrayLike,
    test_values: npt.ArrayLike,
    *,
    kind: ConceptKind,
    groups: IntArray | None = None,
    train_groups: IntArray | None = None,
    seed: int = 0,
) -> Score:
    """The linear half of `probe_scores`, for the same arguments and by the same rules."""
    x, targets, kept_groups = _present(train_codes, train_values, kind=kind, groups=train_groups)
    test_x, truth, test_groups = _present(test_codes, test_values, kind=kind, groups=groups)
    if _nothing_to_read(targets, truth):
        return Score(math.nan)
    linear = fit_linear_probe(
        x, kind_of(kind).from_targets(targets), kind=kind, groups=kept_groups, seed=seed
    )
    scores, how = linear.scores(test_x), probe_kind(kind)
    return how.score(scores, truth, linear.classes, groups=test_groups, seed=seed)


def chance(test_values: npt.ArrayLike, *, kind: ConceptKind) -> float:
    """What the best constant answer reaches: the most frequent class's share, or an R² of 0.

    >>> chance([0, 0, 1, -1], kind="categorical"), chance([0.1, 0.5], kind="numeric")
    (0.6666666666666666, 0.0)
    """
    return probe_kind(kind).chance(np.asarray(test_values))


def score_kind(kind: ConceptKind) -> Measure:
    """How concepts of this kind are scored."""
    return probe_kind(kind).measure


def held_out(length: int, groups: IntArray | None, *, seed: int, share: float = 0.2) -> npt.NDArray[np.bool_]:
    """Marks about a fifth of the rows, whole groups, (length,); none where that would leave nothing."""
    codes = np.arange(length) if groups is None else np.unique(groups, return_inverse=True)[1].reshape(-1)
    count = int(codes.max(initial=-1)) + 1
    if count < FEWEST:
        return np.zeros(length, bool)
    order = np.random.default_rng(seed).permutation(count)
    return np.isin(codes, order[: max(1, round(share * count))])


def _present(
    codes: npt.ArrayLike, values: npt.ArrayLike, *, kind: ConceptKind, groups: IntArray | None
) -> tuple[FloatArray, FloatArray, IntArray | None]:
    """Codes (n, d), targets (n, k) and groups of the rows that have a value."""
    x, targets = np.asarray(codes, np.float64), kind_of(kind).targets(np.asarray(values))
    if x.ndim != 2 or len(x) != len(targets):
        raise InputError(f"Expected codes (n, d) for {len(targets)} values, found an array {x.shape}.")
    if groups is not None and len(groups) != len(x):
        raise InputError(f"Expected one group for each of {len(x)} codes, found {len(groups)}.")
    wrong = ~np.isfinite(x).all(1)
    if wrong.any():
        raise InputError(
            f"Expected finite codes to read out from, found {wrong.sum()} of {len(x)} that are not."
        )
    present = np.isfinite(targets).all(1)
    return x[present], targets[present], None if groups is None else np.asarray(groups)[present]


def _nothing_to_read(train_targets: FloatArray, test_targets: FloatArray) -> bool:
    """Whether there are too few values, or only one, to train a probe or to score it."""
    few = min(len(train_targets), len(test_targets)) < FEWEST
    return few or bool((np.ptp(train_targets, 0) == 0).all())


def _standard(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation (d,) of columns, 1 where a column is dead."""
    scale = x.std(0)
    return x.mean(0), np.where(scale > ROUNDING * max(1.0, float(np.abs(x).max(initial=0.0))), scale, 1.0)
