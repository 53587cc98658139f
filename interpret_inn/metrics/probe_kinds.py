"""How concepts of each kind are probed and scored: by accuracy, or by R²."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from interpret_inn.metrics.bootstrap import bootstrap_mean, bootstrap_r2, mean_draws, r2_draws
from interpret_inn.types import FloatArray, IntArray, Score
from interpret_inn.types.concepts import kind_of
from interpret_inn.types.numbers import ROUNDING

Measure = Literal["accuracy", "r2"]


class Coded(NamedTuple):
    """Targets in the form that predictors learn, and the way back.

    Attributes:
        values: Float64 (n, k): a column for each class that occurs, 1 for its rows; or numbers, standardised.
        shift: Float64 (k,), the mean that was taken from the numbers; 0 for classes.
        spread: Float64 (k,), what numbers were divided by; 1 for classes.
        classes: Int64 (k,), the class of each column; empty for numbers.
    """

    values: FloatArray
    shift: FloatArray
    spread: FloatArray
    classes: IntArray


class ProbeKind(ABC):
    """What differs between probes by the kind of the concept."""

    measure: Measure

    @abstractmethod
    def coded(self, targets: FloatArray) -> Coded:
        """What predictors learn of targets (n, k)."""

    @abstractmethod
    def decide(self, scores: FloatArray, classes: IntArray) -> npt.NDArray[Any]:
        """The predictions that scores (n, out) stand for, as in `Concept.values`."""

    @abstractmethod
    def score(
        self, scores: FloatArray, truth: FloatArray, classes: IntArray, *, groups: IntArray | None, seed: int
    ) -> Score:
        """Score of scores (m, out) against true targets (m, k), with its interval."""

    @abstractmethod
    def draws(
        self, scores: FloatArray, truth: FloatArray, classes: IntArray, *, groups: IntArray | None, seed: int
    ) -> FloatArray:
        """The score in each draw that its interval is made of, (resamples,); NaN where there is none."""

    @abstractmethod
    def chance(self, values: npt.NDArray[Any]) -> float:
        """What the best constant answer reaches, for values as in `Concept.values`."""


class _Classes(ProbeKind):
    measure: Measure = "accuracy"

    def coded(self, targets: FloatArray) -> Coded:
        classes, labels = np.unique(targets[:, 0].astype(np.int64), return_inverse=True)
        count = len(classes)
        return Coded(np.eye(count)[labels.reshape(-1)], np.zeros(count), np.ones(count), classes)

    def decide(self, scores: FloatArray, classes: IntArray) -> npt.NDArray[Any]:
        return np.asarray(classes[scores.argmax(1)])

    def score(
        self, scores: FloatArray, truth: FloatArray, classes: IntArray, *, groups: IntArray | None, seed: int
    ) -> Score:
        return bootstrap_mean(self.decide(scores, classes) == truth[:, 0], groups, seed=seed, share=True)

    def draws(
        self, scores: FloatArray, truth: FloatArray, classes: IntArray, *, groups: IntArray | None, seed: int
    ) -> FloatArray:
        return mean_draws(self.decide(scores, classes) == truth[:, 0], groups, seed=seed)

    def chance(self, values: npt.NDArray[Any]) -> float:
        labels = values.astype(np.int64)
        labels = labels[labels >= 0]
        return float(np.bincount(labels).max() / len(labels)) if len(labels) else math.nan


class _Numbers(ProbeKind):
    measure: Measure = "r2"

    def coded(self, targets: FloatArray) -> Coded:
        shift, spread = targets.mean(0), targets.std(0)
        spread = np.where(spread > ROUNDING * np.abs(targets).max(0, initial=0.0), spread, 1.0)
        return Coded((targets - shift) / spread, shift, spread, np.empty(0, np.int64))

    def decide(self, scores: FloatArray, classes: IntArray) -> npt.NDArray[Any]:  # noqa: ARG002
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def score(
        self,
        scores: FloatArray,
        truth: FloatArray,
        classes: IntArray,  # noqa: ARG002
        *,
        groups: IntArray | None,
        seed: int,
    ) -> Score:
        return bootstrap_r2(truth, scores, groups, seed=seed)

    def draws(
        self,
        scores: FloatArray,
        truth: FloatArray,
        classes: IntArray,  # noqa: ARG002
        *,
        groups: IntArray | None,
        seed: int,
    ) -> FloatArray:
        return r2_draws(truth, scores, groups, seed=seed)

    def chance(self, values: npt.NDArray[Any]) -> float:  # noqa: ARG002
        return 0.0


class _Angles(_Numbers):
    def decide(self, scores: FloatArray, classes: IntArray) -> npt.NDArray[Any]:  # noqa: ARG002
        return np.arctan2(scores[:, 1], scores[:, 0])


_KINDS: Mapping[str, ProbeKind] = {"categorical": _Classes(), "numeric": _Numbers(), "cyclic": _Angles()}


def probe_kind(kind: str) -> ProbeKind:
    """How concepts of this kind are probed.

    Raises:
        InputError: an unlabelled kind.
    """
    kind_of(kind)  # raises for a kind that has no values
    return _KINDS[kind]
