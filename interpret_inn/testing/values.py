"""The contract of a concept's values, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from interpret_inn.types import Concept
from interpret_inn.types.concepts import LARGEST_ANGLE


def value_faults(concept: Concept, count: int) -> Iterator[str]:
    """What is wrong with the values of a concept of `count` samples, in sentences."""
    return _CHECKS.get(concept.kind, _number_values)(concept, count)


def _no_values(concept: Concept, count: int) -> Iterator[str]:  # noqa: ARG001
    if concept.values is not None:
        yield f"{concept.name!r} is unlabelled and yet has values."


def _one_each(concept: Concept, count: int) -> Iterator[str]:
    """What is wrong with the number of values, nothing where there is one for each sample."""
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
