"""The kind of a label, if none is given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import ConceptError
from interpret_inn.types import ConceptKind
from interpret_inn.types.numbers import BoolArray

FEW = 20
"""Integers of this many distinct values, or fewer, are taken as categories."""

Array = npt.NDArray[Any]


def is_missing(value: Any) -> bool:
    """Whether one label stands for "not known": None, NaN, "", or a data frame's NA.

    >>> [is_missing(value) for value in (None, float("nan"), " ", 0, False, "no")]
    [True, True, True, False, False, False]
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def numbers_in(values: Array, known: BoolArray, *, required_by: str | None = None) -> Array | None:
    """Texts as the numbers they spell, or None if they are names.

    Whole numbers in text are names too (folders called 0 to 9), unless `required_by`, the name of a concept
    that has to be numeric, is given; then a text that spells no finite number is an error.
    """
    numbers = np.full(values.shape, np.nan)
    texts = values[known]
    wrong = [text for text in texts.ravel().tolist() if not _spells_number(text)]
    if wrong and required_by is not None:
        raise ConceptError(
            f"Expected finite numbers as labels of {required_by!r}, found {wrong[0]!r}. "
            "Give numbers, None where unknown, or the kind 'categorical'."
        )
    if wrong:
        return None
    numbers[known] = texts.astype(np.float64)
    names = (numbers[known] == np.round(numbers[known])).all()
    return None if names and required_by is None else numbers


def spells_numbers(values: Array, known: BoolArray) -> bool:
    """Whether all known texts spell finite numbers, so that they might be meant as such."""
    return all(map(_spells_number, values[known].ravel().tolist()))


def _spells_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def guess_kind(name: str, values: Array, known: BoolArray) -> ConceptKind:
    """Text, bools and integers of few distinct values are categories; other numbers are numeric.

    Integers count as few distinct if there are at most `FEW` or they are all of 0 … C − 1 (class
    numbers), with two samples of each on average. Floats that are whole numbers and have gaps are treated
    like integers, because integers cannot hold NaN.

    Raises:
        ConceptError: several yes/no columns in one table.
    """
    found = values[known]
    if values.ndim == 2:
        if values.dtype.kind in "bU" or (values.dtype.kind in "iu" and np.isin(found, (0, 1)).all()):
            raise ConceptError(
                f"Expected one class, or (N, d) numbers, as labels of {name!r}, found shape "
                f"{values.shape} of {'text' if values.dtype.kind == 'U' else 'yes/no values'}. "
                "Give one concept for each column: "
                "labels={'smiling': table[:, 0], 'hat': table[:, 1]}, or kinds to call it numeric."
            )
        return "numeric"
    if values.dtype.kind in "bU":
        return "categorical"
    whole_with_gaps = values.dtype.kind == "f" and not known.all() and bool((found == np.round(found)).all())
    if values.dtype.kind not in "iu" and not whole_with_gaps:
        return "numeric"
    distinct = np.unique(found)
    class_numbers = distinct[0] == 0 and distinct[-1] == len(distinct) - 1
    few = len(distinct) <= FEW or class_numbers
    return "categorical" if few and 2 * len(distinct) <= len(found) else "numeric"
