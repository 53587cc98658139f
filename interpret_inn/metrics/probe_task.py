"""What a probe learns from and is scored on: rows that have a value, and what is common to all probes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import InputError
from interpret_inn.metrics.bootstrap import group_indices
from interpret_inn.metrics.probe_coordinates import SYSTEMS, Fold, fold_systems
from interpret_inn.metrics.probe_folds import FEWEST, validation_masks
from interpret_inn.metrics.probe_kinds import Coded, probe_kind
from interpret_inn.metrics.probe_linear import fit_linear
from interpret_inn.types import ConceptKind, FloatArray, IntArray, Score
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


def with_values(
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
class Lesson:
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
class Task:
    """What probes learn from, and the rows with values that they are scored on.

    Attributes:
        lesson: The training rows.
        test_x: Test codes, float64 (M, d).
        truth: Their targets, float64 (M, k).
        test_groups: Their groups, (M,), or None.
    """

    lesson: Lesson
    test_x: FloatArray
    truth: FloatArray
    test_groups: IntArray | None

    def score(self, scores: FloatArray) -> Score:
        """Score of what a probe makes of the test codes, (M, out), a column for each class in their order."""
        lesson = self.lesson
        how = probe_kind(lesson.kind)
        return how.score(scores, self.truth, lesson.coded.classes, groups=self.test_groups, seed=lesson.seed)

    def draws(self, scores: FloatArray) -> FloatArray:
        """The same score in each draw that its interval is made of, (resamples,)."""
        lesson = self.lesson
        how = probe_kind(lesson.kind)
        return how.draws(scores, self.truth, lesson.coded.classes, groups=self.test_groups, seed=lesson.seed)

    @property
    def count(self) -> int:
        """Groups of the test rows."""
        return group_indices(self.test_groups, len(self.truth))[1]


def read_task(
    train_codes: npt.ArrayLike,
    train_values: npt.ArrayLike,
    test_codes: npt.ArrayLike,
    test_values: npt.ArrayLike,
    kind: ConceptKind,
    groups: IntArray | None,
    train_groups: IntArray | None,
    seed: int,
) -> Task | None:
    """The arguments of `probe_scores`, checked; None if there are too few values, or only one, to train on."""
    x, targets, kept = with_values(train_codes, train_values, kind=kind, groups=train_groups)
    test_x, truth, test_kept = with_values(test_codes, test_values, kind=kind, groups=groups)
    few = min(len(targets), len(truth)) < FEWEST
    if few or (np.ptp(targets, 0) == 0).all():
        return None
    return Task(Lesson(kind, x, targets, kept, seed), test_x, truth, test_kept)
