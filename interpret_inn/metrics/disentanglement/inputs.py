"""Codes and factors as all scores take them: checked, factors as class numbers, dimensions in groups."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.types import IntArray
from interpret_inn.types.numbers import BoolArray

Groups = Sequence[slice | Sequence[int] | IntArray]
"""Which dimensions make up one code: slices, or lists of dimensions."""

CodeArray = npt.NDArray[np.floating[Any]]

ROUNDING_STEPS = 64
"""A column whose values span no more than this many neighbouring numbers is constant up to rounding."""


class Rows(NamedTuple):
    """Some rows of codes and factors.

    Attributes:
        codes: float32 or float64 (N, D), as given: bins depend on the last digits.
        labels: int64 (N, K), the factors' values by number, in their order.
    """

    codes: CodeArray
    labels: IntArray


def read_codes(codes: Any, what: str = "codes") -> CodeArray:
    """Codes (N, D) as floats; float32 stays float32.

    Args:
        codes: Array or tensor.
        what: Their name in the error.

    Raises:
        InputError: another shape, no rows, or values that are not finite.
    """
    array = read_array(codes, what)
    if array.ndim != 2 or not array.size:
        raise InputError(
            f"Expected {what} of shape (N, D), at least one row and one dimension, found {array.shape}. "
            "A single dimension is codes[:, None]."
        )
    try:
        if array.dtype.kind == "c":
            raise TypeError("complex numbers have no order")
        array = np.asarray(array, array.dtype if array.dtype in (np.float32, np.float64) else np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Expected {what} that are real numbers, found an array of {array.dtype}."
        ) from error
    wrong = ~np.isfinite(array).all(1)
    if wrong.any():
        raise InputError(
            f"Expected {what} that are finite, found NaN or infinity in {wrong.sum()} of {len(array)} rows, "
            f"first in row {int(wrong.argmax())}. Leave these rows out of codes and factors."
        )
    return array


def read_rows(codes: Any, factors: Any) -> Rows:
    """Codes and factors of one set of rows.

    Args:
        codes: (N, D).
        factors: (N, K), each column a factor whose different values are its classes.

    Raises:
        InputError: shapes that do not go together, values that are not finite, a factor of one value, or one that has
            more values than half the rows, as measured numbers have.
    """
    array = read_codes(codes)
    values = _factors(factors, len(array))
    labels = numbered(values)
    _check_labels(labels)
    return Rows(array, labels)


def read_parts(codes: Any, factors: Any, test: tuple[Any, Any] | float, seed: int) -> tuple[Rows, Rows]:
    """Rows to learn from and rows to test on.

    Args:
        codes: (N, D).
        factors: (N, K).
        test: Codes (M, D) and factors (M, K) of other rows, or the share of these rows that is kept to test on.
        seed: Of the choice of that share.

    Raises:
        InputError: as in `read_rows`, or a test set that does not fit.
    """
    if not isinstance(test, tuple):
        rows = read_rows(codes, factors)
        kept = tested_rows(len(rows.codes), test, seed)
        _check_labels(rows.labels[~kept])
        return Rows(rows.codes[~kept], rows.labels[~kept]), Rows(rows.codes[kept], rows.labels[kept])
    if len(test) != 2:
        raise InputError(f"Expected test=(codes, factors) or a share such as 0.3, found {len(test)} arrays.")
    array, other = read_codes(codes), read_codes(test[0], "test codes")
    values, tested = _factors(factors, len(array)), _factors(test[1], len(other))
    if other.shape[1] != array.shape[1] or tested.shape[1] != values.shape[1]:
        raise InputError(
            f"Expected test codes and factors of {array.shape[1]} and {values.shape[1]} columns, as those to learn "
            f"from, found {other.shape[1]} and {tested.shape[1]}."
        )
    labels = numbered(np.concatenate([values, tested]))
    _check_labels(labels[: len(array)])
    return Rows(array, labels[: len(array)]), Rows(other, labels[len(array) :])


def tested_rows(count: int, share: float, seed: int) -> BoolArray:
    """Which of the rows are kept to test on, (count,).

    Raises:
        InputError: the share leaves nothing on one side, or the seed is not a whole number from 0.
    """
    size = round(share * count) if 0 < share < 1 else 0
    if not 0 < size < count:
        raise InputError(
            f"Expected test=(codes, factors), or the share of {count} rows to test on, between 0 and 1; "
            f"found {share}."
        )
    kept = np.zeros(count, np.bool_)
    generator = np.random.default_rng(read_count(seed, "seed", least=0))
    kept[generator.permutation(count)[:size]] = True
    return kept


def read_groups(groups: Groups | None, dimensions: int) -> list[IntArray]:
    """The dimensions of each code; every dimension by itself for None.

    Raises:
        InputError: an empty group, a dimension that does not exist, or one in two groups.
    """
    every = np.arange(dimensions)
    if groups is None:
        return [every[i : i + 1] for i in range(dimensions)]
    found = []
    for group in groups:
        try:
            found.append(every[group] if isinstance(group, slice) else every[_places(group)])
        except (IndexError, TypeError) as error:
            raise InputError(
                f"Expected groups of dimensions from 0 to {dimensions - 1}, slices or lists of numbers, "
                f"found {group!r}."
            ) from error
    if not found or not all(len(group) for group in found):
        raise InputError(f"Expected at least one group, and a dimension in each; found {groups!r}.")
    times = np.bincount(np.concatenate(found), minlength=dimensions)
    if (times > 1).any():
        raise InputError(
            f"Expected every dimension in one group at most, found {np.flatnonzero(times > 1).tolist()} "
            "in several places."
        )
    return found


def _places(group: Any) -> npt.NDArray[Any]:
    """Numbers, or a mask, of a group's dimensions."""
    places = np.asarray(list(group))
    return places if len(places) else np.empty(0, np.int64)


def varying(codes: CodeArray, steps: int = ROUNDING_STEPS) -> BoolArray:
    """Dimensions (D,) that are not constant up to rounding.

    Args:
        codes: (N, D).
        steps: A dimension is constant if its values span no more than this many neighbouring numbers of their type.
    """
    finest = np.finfo(codes.dtype).eps * np.abs(codes).max(0)
    return np.asarray(np.ptp(codes, 0) > steps * finest, np.bool_)


def read_array(given: Any, what: str) -> npt.NDArray[Any]:
    """An array of what may hold one: a tensor of any precision and device, lists.

    Raises:
        InputError: rows of different lengths.
    """
    if isinstance(given, Tensor):
        kept = given.detach().cpu()
        return np.asarray((kept.float() if kept.dtype in (torch.bfloat16, torch.float16) else kept).numpy())
    try:
        return np.asarray(given)
    except ValueError as error:
        raise InputError(f"Expected {what} whose rows are of one length, found others.") from error


def read_count(value: Any, name: str, *, least: int) -> int:
    """A whole number that counts something.

    Raises:
        InputError: another kind of number, or less than `least`.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise InputError(f"Expected {name} to be a whole number, at least {least}, found {value!r}.")
    return int(value)


def _factors(given: Any, count: int) -> npt.NDArray[Any]:
    """Factor values (count, K) of any type that can be ordered."""
    values = read_array(given, "factors")
    if values.ndim != 2 or not values.shape[1]:
        raise InputError(
            f"Expected factors of shape (N, K), found {values.shape}. A single factor is factors[:, None]."
        )
    if len(values) != count:
        raise InputError(f"Expected one row of factors for each of {count} codes, found {len(values)}.")
    if (values.dtype.kind == "f" and not np.isfinite(values).all()) or (
        values.dtype.kind == "O" and any(value is None or value != value for value in values.flat)
    ):
        raise InputError(
            "Expected factors without gaps, found NaN, infinity or None. Leave these rows out of codes and factors."
        )
    return values


def numbered(values: npt.NDArray[Any]) -> IntArray:
    """The values of each column by number, in their order: int64 (N, K) of (N, K)."""
    columns = [np.unique(column, return_inverse=True)[1].reshape(-1) for column in values.T]
    return np.stack(columns, 1).astype(np.int64)


def refuse_constant(constant: BoolArray) -> None:
    """Refuses factors that are marked as constant, (K,).

    Raises:
        InputError: there are some.
    """
    if constant.any():
        raise InputError(
            f"Expected factors that vary, found a single value in column(s) {np.flatnonzero(constant).tolist()}. "
            "Leave them out: nothing can be told of a factor that is always the same."
        )


def _check_labels(labels: IntArray) -> None:
    """Refuses factors of one value, and measured numbers."""
    counts = np.array([len(np.unique(column)) for column in labels.T])
    refuse_constant(counts < 2)
    many = (counts > 2) & (counts * 2 > len(labels))
    if many.any():
        raise InputError(
            f"Expected factors with a few values each, found {counts[many].max()} in {len(labels)} rows (column(s) "
            f"{np.flatnonzero(many).tolist()}). Cut measured numbers into classes: discretise(factors, bins=10)."
        )
