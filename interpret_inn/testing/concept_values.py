"""The contract of a concept's values, by kind: of single samples and of pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata

from interpret_inn.types import Concept, ConceptKind, FloatArray, IntArray
from interpret_inn.types.concepts import LARGEST_ANGLE


def value_faults(concept: Concept, count: int) -> Iterator[str]:
    """What is wrong with the values of a concept of `count` samples, in sentences."""
    return _CHECKS.get(concept.kind, _number_values)(concept, count)


def _no_values(concept: Concept, count: int) -> Iterator[str]:  # noqa: ARG001
    if concept.values is not None:
        yield f"{concept.name!r} is unlabelled and yet has values."


def _one_each(concept: Concept, count: int) -> Iterator[str]:
    """What is wrong with the number of values, nothing if there is one for each sample."""
    values = concept.values
    if not isinstance(values, np.ndarray) or not len(values.shape) or len(values) != count:
        found = f"shape {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        wanted = f"an array with a value of {concept.name!r} for each of {count} samples"
        yield f"Expected {wanted}, found {found}."


def _class_values(concept: Concept, count: int) -> Iterator[str]:
    wrong, values = list(_one_each(concept, count)), concept.values
    if wrong or values is None:
        yield from wrong
    elif values.dtype != np.int64 or values.ndim != 1:
        yield f"Expected int64 (N,) for {concept.name!r}, found {values.dtype} {values.shape}."
    elif values.min() < -1 or values.max() >= len(concept.classes):
        yield (
            f"Expected indices of the {len(concept.classes)} classes of {concept.name!r} (-1: missing), "
            f"found {values.min()} to {values.max()}."
        )


def _number_values(concept: Concept, count: int, *, axes: int = 2) -> Iterator[str]:
    """What is wrong with numbers, of `axes` array axes at most."""
    wrong, values = list(_one_each(concept, count)), concept.values
    if wrong or values is None:
        yield from wrong
    elif values.dtype != np.float64 or values.ndim > axes:
        yield f"Expected float64 (N,) for {concept.name!r}, found {values.dtype} {values.shape}."
    elif np.isinf(values).any() or np.isnan(values).all():
        yield f"Expected finite values of {concept.name!r} (NaN: missing), found infinite ones or none."


def _angle_values(concept: Concept, count: int) -> Iterator[str]:
    wrong, values = list(_number_values(concept, count, axes=1)), concept.values
    if wrong or values is None:
        yield from wrong
    elif np.nanmax(np.abs(values)) > LARGEST_ANGLE:
        yield f"Expected radians for {concept.name!r}, found up to {np.nanmax(np.abs(values)):.4g}."


_CHECKS: Mapping[str, Callable[[Concept, int], Iterator[str]]] = {
    "categorical": _class_values,
    "numeric": _number_values,
    "cyclic": _angle_values,
    "unlabelled": _no_values,
}


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
    values = values.reshape(len(values), -1)
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
