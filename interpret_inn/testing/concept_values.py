"""How far pairs of samples agree in the values of a concept, by its kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata

from interpret_inn.types import Concept, ConceptKind, FloatArray, IntArray


class Agreement(NamedTuple):
    """What was found.

    Attributes:
        value: 1 for full agreement; 0, or chance for categories, for none.
        measure: What the value is, in words.
        known: Pairs whose values are known on both sides.
        enough: The least value that pairs which share the concept must reach. Categories allow a tenth of wrong
            labels; numbers and angles are shared by degrees, so half of full agreement is enough.
    """

    value: float
    measure: str
    known: int
    enough: float


def agreement(concept: Concept, first: IntArray, second: IntArray) -> Agreement | None:
    """Compares a concept's values over pairs.

    Categorical: the share of equal classes. Numeric: the correlation of normal scores, averaged over
    dimensions. Cyclic: the mean cosine of the difference.

    Args:
        concept: With its values.
        first: int64 (n,), samples.
        second: int64 (n,), their partners.

    Returns:
        None if there are no values, or none that are known on both sides.
    """
    if concept.values is None:
        return None
    known = concept.known
    both = known[first] & known[second]
    if not both.any():
        return None
    measure = _MEASURES[concept.kind]
    one, other = measure.scale(concept.values)[np.stack([first, second])[:, both]]
    return Agreement(measure.compare(one, other), measure.text, int(both.sum()), measure.enough)


def _normal_scores(values: npt.NDArray[Any]) -> FloatArray:
    """Replaces each column's values by the normal quantiles of their ranks; NaN stays NaN."""
    values = values.reshape(len(values), math.prod(values.shape[1:]))
    ranks = rankdata(values, axis=0, nan_policy="omit")
    scores: FloatArray = ndtri((ranks - 0.5) / (~np.isnan(values)).sum(0).clip(1))
    return scores


def _correlation(one: FloatArray, other: FloatArray) -> float:
    """Correlation around 0, the mean of normal scores, averaged over columns."""
    scale = np.sqrt((one**2).mean(0) * (other**2).mean(0))
    return float(((one * other).mean(0) / np.where(scale > 0, scale, 1)).mean())


def _unchanged(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values


def _equal(one: IntArray, other: IntArray) -> float:
    return float((one == other).mean())


def _cosine(one: FloatArray, other: FloatArray) -> float:
    return float(np.cos(one - other).mean())


class _Measure(NamedTuple):
    """How the values of two samples are compared: first scaled, all of them; then pair by pair."""

    scale: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
    compare: Callable[[npt.NDArray[Any], npt.NDArray[Any]], float]
    text: str
    enough: float


_MEASURES: Mapping[ConceptKind, _Measure] = {
    "categorical": _Measure(_unchanged, _equal, "the share of equal classes", 0.9),
    "numeric": _Measure(_normal_scores, _correlation, "the correlation of ranks", 0.5),
    "cyclic": _Measure(_unchanged, _cosine, "the mean cosine of the difference", 0.5),
}
