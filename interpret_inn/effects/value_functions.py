"""Concepts as columns of a regression: functions of their values that can be computed at other values, too."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interpret_inn.types import Concept, FloatArray
from interpret_inn.types.numbers import SMALLEST

_KNOTS = (0.25, 0.5, 0.75)
"""Quantiles at which a function of a number may bend."""

Values = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Basis:
    """Functions of a concept's values.

    Of K classes they are the indicators of all but the first that occurs; of each number, and of the cosine and sine of
    an angle, a line that may bend at three quantiles.

    Attributes:
        count: How many.
        columns: From values as in `Concept.values`, (n, …), to float64 (n, count); zeros if missing, which is the mean
            of the data for numbers and angles.
    """

    count: int
    columns: Callable[[Values], FloatArray]


def basis_of(concept: Concept) -> Basis:
    """The functions for a concept with values, cut and centred by those of its samples that are known.

    Raises:
        InputError: the concept has no values.
    """
    known = concept.at(concept.known)
    if known.indicators is not None:
        return _indicators(np.unique(np.asarray(known.values)))
    knots = (
        [np.unique(np.quantile(column, _KNOTS)) for column in known.targets.T] if known.known.any() else []
    )

    def columns(values: Values) -> FloatArray:
        return _bent(dataclasses.replace(concept, values=values).targets, knots)

    return _centred(np.asarray(known.values), columns)


def _indicators(classes: npt.NDArray[np.generic]) -> Basis:
    others = classes[1:]
    return Basis(len(others), lambda values: (np.asarray(values)[:, None] == others).astype(np.float64))


def _bent(numbers: FloatArray, knots: Sequence[FloatArray]) -> FloatArray:
    """Each column, and what of it is beyond each of its knots."""
    parts = []
    for column, bends in zip(numbers.reshape(len(numbers), -1).T, knots, strict=True):
        parts += [column, *(np.maximum(column - bend, 0) for bend in bends)]
    return np.stack(parts, 1)


def _centred(known: FloatArray, columns: Callable[[FloatArray], FloatArray]) -> Basis:
    """Columns of unit variance and mean 0 among the known values; those that never vary are left out."""
    found = columns(known) if len(known) else np.zeros((0, 0))
    mean, scale = (found.mean(0), found.std(0)) if len(found) else (np.zeros(0), np.zeros(0))
    kept = scale > SMALLEST

    def at(values: Values) -> FloatArray:
        numbers = np.asarray(values, np.float64)
        known_here = np.isfinite(numbers.reshape(len(numbers), -1)).all(1)
        told = np.zeros((len(numbers), int(kept.sum())))
        told[known_here] = ((columns(numbers[known_here]) - mean) / np.where(kept, scale, 1))[:, kept]
        return told

    return Basis(int(kept.sum()), at)
