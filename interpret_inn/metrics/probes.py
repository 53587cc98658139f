"""Probes: how well a code predicts a concept.

Probes learn from training codes and are scored on test codes. Categorical concepts are scored by accuracy; numbers by
R² (mean over their columns); angles by the R² of cosine and sine. Chance is the best that one constant answer reaches
on the test split: the share of its most frequent class, or 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import InputError
from interpret_inn.metrics.predictors import train_networks
from interpret_inn.metrics.probe_coordinates import SYSTEMS, Fold, fold_systems
from interpret_inn.metrics.probe_folds import FEWEST, validation_masks
from interpret_inn.metrics.probe_kernel import KERNEL_SYSTEMS, train_kernel
from interpret_inn.metrics.probe_kinds import Coded, Measure, probe_kind
from interpret_inn.metrics.probe_linear import fit_linear
from interpret_inn.types import ConceptKind, FloatArray, IntArray, ProbeScores, Score
from interpret_inn.types.concepts import kind_of


@dataclass(frozen=True)
class LinearProbe:
    """A linear probe in the units of the code.

    Attributes:
        kind: Of the concept that it predicts: `categorical`, `numeric` or `cyclic`.
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
    systems: Sequence[str] = SYSTEMS,
) -> LinearProbe:
    """Trains a linear probe: logistic regression, or ridge regression of the values.

    Some of these codes (whole groups) choose the penalty, and whether columns count as they are, standardised, or by
    how much they tell: a fifth of them, of up to 500 each fifth in turn. The test split stays untouched. Then the probe
    is fitted to all of them.

    Args:
        codes: Shape (n, d).
        values: As in `Concept.values`, for these rows; rows with missing values are left out.
        kind: `categorical`, `numeric` or `cyclic`.
        groups: Shape (n,) or None.
        seed: Of the fifths.
        systems: Of coordinates, to choose from: `probe_coordinates.SYSTEMS`.

    Raises:
        InputError: Codes that are not finite, lengths that differ, no value at all, or an unlabelled kind.
    """
    x, targets, kept_groups = _present(codes, values, kind=kind, groups=groups)
    if not len(x):
        raise InputError("Expected at least one sample with a value to train a probe on, found none.")
    return _Lesson(kind, x, targets, kept_groups, seed, systems).linear[0]


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
    networks: bool = True,
) -> ProbeScores:
    """How well probes predict a concept: a linear one, small networks, and kernel ridge regression.

    Coordinates, penalties, the kernel's width and the number of steps are chosen on training rows, by what was not
    fitted to them. The test rows choose nothing but which of the three networks is reported: the median one.

    Args:
        train_codes: Shape (N, d), to train on.
        train_values: As in `Concept.values`, (N,) or (N, k); rows with missing values are left out.
        test_codes: Shape (M, d), to score on.
        test_values: Shape (M,) or (M, k). Classes never seen on the training split count as predicted wrongly.
        kind: `categorical` (accuracy), `numeric` or `cyclic` (R²).
        groups: Shape (M,), groups of the test rows, for the intervals; None: all apart.
        train_groups: Shape (N,), groups of the training rows, for choosing penalties and when to stop.
        seed: Of all draws.
        networks: Whether networks are trained, which takes a third of the time; else their score is NaN.

    Returns:
        The scores with 95 % bootstrap intervals; NaN if fewer than 5 values are there in either split
        or the values of the training split are all the same.

    Raises:
        InputError: Codes that are not finite, lengths that differ, or an unlabelled kind.
    """
    task = _read_task(train_codes, train_values, test_codes, test_values, kind, groups, train_groups, seed)
    if task is None:
        return ProbeScores(Score(math.nan), Score(math.nan))
    lesson = task.lesson
    linear, system = lesson.linear
    # the kernel tries few systems, as each costs much: the network reads by the one that did best
    kernel, system = train_kernel(
        lesson.x, lesson.coded.values, folds=lesson.folds,
        names=tuple(dict.fromkeys((*KERNEL_SYSTEMS, system))), seed=seed,
    )  # fmt: skip
    median = Score(math.nan)
    if networks:
        read = train_networks(
            lesson.x, lesson.coded.values, classes=bool(len(linear.classes)), folds=lesson.folds, system=system,
            seed=seed,
        )  # fmt: skip
        three = [task.score(lesson.decoded(found)) for found in read(task.test_x)]
        median = sorted(three, key=lambda score: score.value)[len(three) // 2]
    return ProbeScores(
        linear=task.score(linear.scores(task.test_x)),
        network=median,
        kernel=task.score(lesson.decoded(kernel(task.test_x))),
    )


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
    """The linear score of `probe_scores`, by the same rules; arguments and errors as there."""
    task = _read_task(train_codes, train_values, test_codes, test_values, kind, groups, train_groups, seed)
    return Score(math.nan) if task is None else task.score(task.lesson.linear[0].scores(task.test_x))


def chance(test_values: npt.ArrayLike, *, kind: ConceptKind) -> float:
    """What the best constant answer reaches: the most frequent class's share, or an R² of 0.

    Raises:
        InputError: an unlabelled kind.

    >>> chance([0, 0, 1, -1], kind="categorical"), chance([0.1, 0.5], kind="numeric")
    (0.6666666666666666, 0.0)
    """
    return probe_kind(kind).chance(np.asarray(test_values))


def score_kind(kind: ConceptKind) -> Measure:
    """How concepts of this kind are scored.

    Raises:
        InputError: an unlabelled kind.
    """
    return probe_kind(kind).measure


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
        raise InputError(f"Expected finite codes to probe, found {wrong.sum()} of {len(x)} that are not.")
    present = np.isfinite(targets).all(1)
    return x[present], targets[present], None if groups is None else np.asarray(groups)[present]


@dataclass(frozen=True)
class _Lesson:
    """Rows with values, to train probes on.

    Attributes:
        kind: Of the concept.
        x: Codes, float64 (N, d).
        targets: Their targets, float64 (N, k).
        groups: Their groups, (N,), or None.
        seed: Of all draws.
        systems: Of coordinates, for the linear probe to choose from.
    """

    kind: ConceptKind
    x: FloatArray
    targets: FloatArray
    groups: IntArray | None
    seed: int
    systems: Sequence[str] = SYSTEMS

    @cached_property
    def coded(self) -> Coded:
        """The targets as predictors learn them."""
        return probe_kind(self.kind).coded(self.targets)

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """The rows that choose, and the coordinates of the others."""
        masks = validation_masks(len(self.x), self.groups, seed=self.seed)
        return fold_systems(self.x, self.coded.values, masks)

    @cached_property
    def linear(self) -> tuple[LinearProbe, str]:
        """The linear probe, and the system of coordinates that it chose."""
        coded = self.coded
        weight, bias, system = fit_linear(
            self.x, coded.values, self.folds, classes=bool(len(coded.classes)), systems=self.systems
        )
        scaled = weight * coded.spread[:, None]
        return LinearProbe(self.kind, scaled, bias * coded.spread + coded.shift, coded.classes), system

    def decoded(self, found: FloatArray) -> FloatArray:
        """Predictions (m, k) in the units of the targets."""
        return found * self.coded.spread + self.coded.shift


@dataclass(frozen=True)
class _Task:
    """What probes learn from, and the rows with values that they are scored on.

    Attributes:
        lesson: The training rows.
        test_x: Test codes, float64 (M, d).
        truth: Their targets, float64 (M, k).
        test_groups: Their groups, (M,), or None.
    """

    lesson: _Lesson
    test_x: FloatArray
    truth: FloatArray
    test_groups: IntArray | None

    def score(self, scores: FloatArray) -> Score:
        """Score of what a probe makes of the test codes, (M, out), a column for each class in their order."""
        lesson = self.lesson
        how = probe_kind(lesson.kind)
        return how.score(scores, self.truth, lesson.coded.classes, groups=self.test_groups, seed=lesson.seed)


def _read_task(
    train_codes: npt.ArrayLike,
    train_values: npt.ArrayLike,
    test_codes: npt.ArrayLike,
    test_values: npt.ArrayLike,
    kind: ConceptKind,
    groups: IntArray | None,
    train_groups: IntArray | None,
    seed: int,
) -> _Task | None:
    """The arguments of `probe_scores`, checked; None if there are too few values, or only one, to train on."""
    x, targets, kept = _present(train_codes, train_values, kind=kind, groups=train_groups)
    test_x, truth, test_kept = _present(test_codes, test_values, kind=kind, groups=groups)
    few = min(len(targets), len(truth)) < FEWEST
    if few or (np.ptp(targets, 0) == 0).all():
        return None
    return _Task(_Lesson(kind, x, targets, kept, seed), test_x, truth, test_kept)
