"""How concepts of each kind are probed and scored: by accuracy, or by R²."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from interpret_inn.metrics.bootstrap import bootstrap_mean, bootstrap_r2
from interpret_inn.metrics.predictors import logistic, ridge
from interpret_inn.types import FloatArray, IntArray, Score
from interpret_inn.types.concepts import kind_of
from interpret_inn.types.numbers import BoolArray

Measure = Literal["accuracy", "r2"]
Weights = tuple[FloatArray, FloatArray, IntArray]
"""Weight (out, d), bias (out,), and the class of each row (out,); no classes for what is not categorical."""


class ProbeKind(ABC):
    """What differs between probes by the kind of the concept."""

    measure: Measure

    @abstractmethod
    def fit(self, x: FloatArray, targets: FloatArray, chosen: BoolArray) -> Weights:
        """Trains on standardised codes (n, d) and targets (n, k); rows `chosen`, (n,), decide on the penalty."""

    @abstractmethod
    def decide(self, scores: FloatArray, classes: IntArray) -> npt.NDArray[Any]:
        """The predictions that scores (n, out) stand for, as in `Concept.values`."""

    @abstractmethod
    def score(
        self, scores: FloatArray, truth: FloatArray, classes: IntArray, *, groups: IntArray | None, seed: int
    ) -> Score:
        """Score of scores (m, out) against true targets (m, k), with its interval."""

    @abstractmethod
    def chance(self, values: npt.NDArray[Any]) -> float:
        """What the best constant answer reaches, for values as in `Concept.values`."""


class _Classes(ProbeKind):
    measure: Measure = "accuracy"

    def fit(self, x: FloatArray, targets: FloatArray, chosen: BoolArray) -> Weights:
        classes, labels = np.unique(targets[:, 0].astype(np.int64), return_inverse=True)
        return *logistic(x, labels.reshape(-1), len(classes), chosen), classes

    def decide(self, scores: FloatArray, classes: IntArray) -> npt.NDArray[Any]:
        return np.asarray(classes[scores.argmax(1)])

    def score(
        self, scores: FloatArray, truth: FloatArray, classes: IntArray, *, groups: IntArray | None, seed: int
    ) -> Score:
        return bootstrap_mean(self.decide(scores, classes) == truth[:, 0], groups, seed=seed, share=True)

    def chance(self, values: npt.NDArray[Any]) -> float:
        labels = values.astype(np.int64)
        labels = labels[labels >= 0]
        return float(np.bincount(labels).max() / len(labels)) if len(labels) else math.nan


class _Numbers(ProbeKind):
    measure: Measure = "r2"

    def fit(self, x: FloatArray, targets: FloatArray, chosen: BoolArray) -> Weights:
        return *ridge(x, targets, chosen), np.empty(0, np.int64)

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
