"""Concepts: the meanings of factors, and how values of each kind are read, compared and written."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata

from interpret_inn.errors import InputError
from interpret_inn.types.numbers import NEGLIGIBLE, TINY, BoolArray, FloatArray, IntArray
from interpret_inn.types.ranges import Cells, in_ranges

ConceptKind = Literal["categorical", "numeric", "cyclic", "unlabelled"]

Values = npt.NDArray[Any]

LARGEST_ANGLE = 2 * math.pi + 1e-4
"""Largest angle in radians: a full turn, and a little that rounding of degrees adds."""
LARGEST_NUMBER = 1e100
"""Largest value of a number: sums of squares of larger ones may be infinite in float64."""


@dataclass(frozen=True)
class Concept:
    """A meaning that one factor is to carry, with its value for every sample if known.

    Attributes:
        name: Also the factor's name.
        kind: How values compare; `unlabelled` concepts have none and are not probed.
        values: `categorical`: int64 (N,), −1 if missing; `numeric`: float64 (N,) or (N, d), NaN if missing; `cyclic`:
            angles in radians, float64 (N,), NaN if missing; `unlabelled`: None.
        classes: Names of the classes, by index.
        guessed: The kind was guessed from the values and not given.

    Members that need values raise InputError if `values` is None.

    >>> shape = Concept("shape", "categorical", np.array([0, 1, -1]), ("circle", "square"))
    >>> shape.known.tolist(), shape.text(shape.values[1])
    ([True, True, False], 'square')
    >>> shape.at([0, 1]).distance([0, 0], [0, 1]).tolist()
    [0.0, 1.0]
    """

    name: str
    kind: ConceptKind
    values: Values | None = None
    classes: tuple[str, ...] = ()
    guessed: bool = False

    @property
    def known(self) -> BoolArray:
        """Which samples have a value, bool (N,); a row of numbers has none if any of them is missing."""
        return kind_of(self.kind).known(self._given)

    @property
    def missing(self) -> float:
        """The code of a missing value: −1 among class indices, else NaN."""
        return kind_of(self.kind).missing

    @property
    def targets(self) -> FloatArray:
        """Targets of regressions and probes, float64 (N, k): see `ValueKind.targets`."""
        return kind_of(self.kind).targets(self._given)

    @property
    def indicators(self) -> FloatArray | None:
        """One-hot columns of the classes that occur, float64 (N, C), zeros if missing; None without classes."""
        return kind_of(self.kind).indicators(self._given)

    @property
    def functions(self) -> FloatArray:
        """Orthonormal functions of the values, of mean 0, float64 (N, k); all values must be known.

        Of classes: indicators over the root of their share, less their mean, whose span holds all contrasts of classes.
        Of numbers: normal scores of each column. Of angles: cosine and sine.
        """
        return kind_of(self.kind).functions(self._given)

    def slices(self, count: int) -> IntArray | None:
        """Which slice each sample is of, int64 (N,): its class, or one of `count` with about as many samples each.

        Equal values are of one slice, as are angles that differ by whole turns; all values must be known. None: rows
        of several numbers, which have no order.
        """
        return kind_of(self.kind).slices(self._given, count)

    def cells(self, values: npt.ArrayLike, most: int) -> Cells | None:
        """In which class, or which range of numbers, some values are.

        Args:
            values: As in `values`, (n,).
            most: Ranges of numbers or angles at most: they lie between quantiles of the concept's own values.

        Returns:
            The index of each value's cell, int64 (n,), −1 if it is missing, and the names of the cells: of classes, or
            as "0.1 to 0.5". None: rows of several numbers, which have no order.

        >>> size = Concept("size", "numeric", np.linspace(0, 1, 101))
        >>> size.cells([0.1, 0.9, np.nan], 2)
        (array([ 0,  1, -1]), ('0 to 0.5', '0.5 to 1'))
        """
        return kind_of(self.kind).cells(np.asarray(values), self._given, self.classes, most)

    def text(self, value: npt.ArrayLike) -> str:
        """One value or prediction in words: the class's name, the number (or d of them), or degrees."""
        return kind_of(self.kind).text(np.asarray(value), self.classes)

    def distance(self, first: npt.ArrayLike, second: npt.ArrayLike) -> FloatArray:
        """How far values or predictions are from others of the same concept.

        Args:
            first: As in `values`, (n,) or (n, d).
            second: Likewise.

        Returns:
            float64 (n,), NaN if either is missing. Categories: 1 if they differ, else 0; numbers: the absolute
            difference in units of the concept's own standard deviation (mean over columns); angles: the absolute
            angle between them, in [0, π].
        """
        return kind_of(self.kind).distance(np.asarray(first), np.asarray(second), self._given)

    def is_fixed_by(self, other: Concept) -> bool:
        """Whether the other concept's value says this one's exactly: each value of the other has one value of this.

        The samples with a value of both decide. It is false where fewer than two of them share a value on the average,
        as a value that occurs once has but one value of anything, and where this concept does not vary.

        Args:
            other: A concept with values of the same samples.

        >>> kind = Concept("kind", "categorical", np.array([0, 0, 1, 1, 1, 1]), ("animal", "vehicle"))
        >>> name = Concept("class", "categorical", np.array([0, 0, 1, 1, 2, 2]), ("cat", "car", "bus"))
        >>> kind.is_fixed_by(name), name.is_fixed_by(kind)
        (True, False)
        """
        both = self.known & other.known
        mine, theirs = (
            np.unique(one.targets[both], axis=0, return_inverse=True)[1].reshape(-1) for one in (self, other)
        )
        values, pairs = len(np.unique(theirs)), len(np.unique(np.stack((mine, theirs)), axis=1).T)
        return bool(2 * values <= both.sum() and pairs == values and len(np.unique(mine)) > 1)

    def at(self, index: npt.ArrayLike) -> Concept:
        """The same concept for some samples: their indices, int (n,), or a mark for each, bool (N,)."""
        if self.values is None:
            return self
        chosen = np.asarray(index)
        chosen = chosen if chosen.dtype == np.bool_ else chosen.astype(np.int64)
        return dataclasses.replace(self, values=np.asarray(self.values)[chosen])

    def without(self, hidden: npt.ArrayLike) -> Concept:
        """The same concept with the values missing where `hidden`, bool (N,), is true."""
        if self.values is None:
            return self
        values = np.array(self.values)
        values[np.asarray(hidden, np.bool_)] = self.missing
        return dataclasses.replace(self, values=values)

    @property
    def _given(self) -> Values:
        if self.values is None:
            raise InputError(f"The concept {self.name!r} has no values. Expected one that is labelled.")
        return np.asarray(self.values)


class ValueKind(ABC):
    """How values of one kind of concept are read, compared and written."""

    missing: float = math.nan

    @abstractmethod
    def known(self, values: Values) -> BoolArray:
        """Which of values (n,) or (n, d) are not missing, bool (n,)."""

    @abstractmethod
    def targets(self, values: Values) -> FloatArray:
        """Class indices, the numbers, or cosine and sine of angles: float64 (n, k), NaN if missing."""

    def indicators(self, values: Values) -> FloatArray | None:  # noqa: ARG002
        """One-hot columns of the classes that occur, float64 (n, C), zeros if missing; None without classes."""
        return None

    def functions(self, values: Values) -> FloatArray:
        """Orthonormal functions of values of mean 0, float64 (n, k)."""
        return _orthonormal(self.targets(values))

    def slices(self, values: Values, count: int) -> IntArray | None:
        """The slice of each value, int64 (n,)."""
        if values.ndim > 1 or not len(values):
            return None
        ranks = rankdata(values) - 0.5  # equal values stay together, whatever the order of rows
        return np.asarray(np.minimum(ranks * count // len(ranks), count - 1), np.int64)

    def cells(self, values: Values, own: Values, classes: Sequence[str], most: int) -> Cells | None:  # noqa: ARG002
        """The cell of each value, int64 (n,), and the names of all cells; `own` are the concept's values."""
        return in_ranges(values, own, most)

    @abstractmethod
    def text(self, value: Values, classes: Sequence[str]) -> str:
        """One value in words."""

    @abstractmethod
    def distance(self, first: Values, second: Values, values: Values) -> FloatArray:
        """How far values are from others, float64 (n,); `values` are all of the concept's."""


class _Categories(ValueKind):
    missing = -1

    def known(self, values: Values) -> BoolArray:
        return np.asarray(values >= 0)

    def targets(self, values: Values) -> FloatArray:
        labels = np.asarray(values, np.float64)
        return np.where(labels < 0, np.nan, labels)[:, None]

    def indicators(self, values: Values) -> FloatArray:
        classes, places = np.unique(values, return_inverse=True)
        return np.asarray(np.eye(len(classes))[places.reshape(-1)][:, classes >= 0])

    def functions(self, values: Values) -> FloatArray:
        indicators = self.indicators(values)
        scaled = indicators / np.sqrt(np.maximum(indicators.mean(0), TINY))
        return np.asarray(scaled - scaled.mean(0))

    def slices(self, values: Values, count: int) -> IntArray | None:  # noqa: ARG002
        return np.asarray(np.unique(values, return_inverse=True)[1], np.int64) if len(values) else None

    def cells(self, values: Values, own: Values, classes: Sequence[str], most: int) -> Cells:  # noqa: ARG002
        count = max(int(values.max(initial=-1)), int(own.max(initial=-1))) + 1
        return values.astype(np.int64), tuple(class_name(index, classes) for index in range(count))

    def text(self, value: Values, classes: Sequence[str]) -> str:
        return "missing" if value < 0 else class_name(int(value), classes)

    def distance(self, first: Values, second: Values, values: Values) -> FloatArray:  # noqa: ARG002
        return np.where((first < 0) | (second < 0), np.nan, (first != second).astype(np.float64))


class _Numbers(ValueKind):
    def known(self, values: Values) -> BoolArray:
        return np.asarray(~np.isnan(_columns(values)).any(1))

    def targets(self, values: Values) -> FloatArray:
        return _columns(values)

    def functions(self, values: Values) -> FloatArray:
        columns = _columns(values)
        return _orthonormal(ndtri((rankdata(columns, axis=0) - 0.5) / len(columns)))

    def text(self, value: Values, classes: Sequence[str]) -> str:  # noqa: ARG002
        if np.isnan(value).any():
            return "missing"
        return ", ".join(f"{number:.2f}" for number in np.asarray(value, np.float64).reshape(-1))

    def distance(self, first: Values, second: Values, values: Values) -> FloatArray:
        spread = np.nanstd(_columns(values), axis=0) if self.known(values).any() else np.float64(np.nan)
        apart = np.abs((_columns(second) - _columns(first)) / np.maximum(spread, TINY))
        return np.asarray(apart.mean(1))


class _Angles(ValueKind):
    def known(self, values: Values) -> BoolArray:
        return np.asarray(~np.isnan(values))

    def targets(self, values: Values) -> FloatArray:
        angles = np.asarray(values, np.float64)
        return np.stack([np.cos(angles), np.sin(angles)], 1)

    def slices(self, values: Values, count: int) -> IntArray | None:
        return super().slices(np.mod(values, 2 * math.pi), count)

    def cells(self, values: Values, own: Values, classes: Sequence[str], most: int) -> Cells | None:  # noqa: ARG002
        return in_ranges(
            np.mod(values, 2 * math.pi), np.mod(own, 2 * math.pi), most, unit=(180 / math.pi, "°")
        )

    def text(self, value: Values, classes: Sequence[str]) -> str:  # noqa: ARG002
        return "missing" if np.isnan(value) else f"{math.degrees(value) % 360:.0f}°"

    def distance(self, first: Values, second: Values, values: Values) -> FloatArray:  # noqa: ARG002
        return np.asarray(np.abs(np.angle(np.exp(1j * (second - first)))))


_KINDS: Mapping[str, ValueKind] = {"categorical": _Categories(), "numeric": _Numbers(), "cyclic": _Angles()}


def kind_of(kind: str) -> ValueKind:
    """How values of this kind behave.

    Raises:
        InputError: an unlabelled kind, or one that does not exist.
    """
    found = _KINDS.get(kind)
    if found is None:
        raise InputError(
            f"An unlabelled concept has no values to predict. Expected a kind out of {tuple(_KINDS)}, found {kind!r}."
        )
    return found


def class_name(index: int, names: Sequence[str] | None) -> str:
    """The name of a class.

    >>> class_name(3, None), class_name(0, ["cat", "dog"])
    ('class 3', 'cat')
    """
    return names[index] if names is not None and index < len(names) else f"class {index}"


def _columns(values: Values) -> FloatArray:
    """Numbers (n,) or (n, d) as columns, float64 (n, d)."""
    numbers = np.asarray(values, np.float64)
    return numbers.reshape(len(numbers), math.prod(numbers.shape[1:]))


def _orthonormal(columns: FloatArray) -> FloatArray:
    """Columns (n, k) as uncorrelated ones of mean 0 and variance 1, (n, r): the span is the same."""
    centred = columns - columns.mean(0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    kept = values > NEGLIGIBLE * max(float(values.max(initial=0.0)), TINY)
    return np.asarray(left[:, kept] * math.sqrt(len(columns)))
