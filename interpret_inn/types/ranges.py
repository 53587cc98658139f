"""Ranges between quantiles, in which numbers are told apart as classes are."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from interpret_inn.types.numbers import FloatArray, IntArray

Cells = tuple[IntArray, tuple[str, ...]]
"""The index of each value's cell, int64 (n,), −1 if it is missing, and the names of all cells."""

_DIGITS = 2
"""Ends of ranges are written to this many decimals of the power of ten of their span."""
_LARGEST_WRITTEN, _MOST_DECIMALS = 1e6, 6
"""Larger numbers, and ends that need more decimals, are written with a power of ten."""


def in_ranges(
    values: FloatArray, own: FloatArray, most: int, *, unit: tuple[float, str] = (1.0, "")
) -> Cells | None:
    """The range that each number is in, int64 (n,), −1 for NaN, and the names of all ranges.

    Args:
        values: Numbers (n,).
        own: The numbers whose quantiles part the ranges, (N,), NaN if missing.
        most: Ranges at most; fewer if many numbers are equal.
        unit: By what numbers are multiplied where they are written, and what follows them.

    Returns:
        None for rows of several numbers, or if no number is known.
    """
    if values.ndim > 1 or own.ndim > 1 or np.isnan(own).all():
        return None
    ends = np.unique(np.nanquantile(own, np.linspace(0, 1, most + 1)))
    missing = np.isnan(values)
    inside = np.searchsorted(ends[1:-1], np.where(missing, ends[0], values), side="right")
    return np.where(missing, -1, inside).astype(np.int64), range_names(ends, unit)


def range_names(ends: FloatArray, unit: tuple[float, str] = (1.0, "")) -> tuple[str, ...]:
    """Names of the ranges between these ends, ascending, to a hundredth of their span or as fine as tells them apart.

    >>> range_names(np.array([-0.0006, 0.25, 0.998])), range_names(np.array([2.5])), range_names(np.array([1e-9, 2e-9]))
    (('0 to 0.25', '0.25 to 1'), ('2.5',), ('1e-09 to 2e-09',))
    """
    times, mark = unit
    scaled = ends * times
    texts = [f"{end:g}{mark}" for end in scaled]
    decimals = _DIGITS - round(math.log10(float(np.ptp(scaled)) or 1.0))
    if np.abs(scaled).max() < _LARGEST_WRITTEN and decimals <= _MOST_DECIMALS:
        for finer in range(max(decimals, 0), 18):
            texts = [_written(float(end), finer) + mark for end in scaled]
            if len(set(texts)) == len(texts):
                break
    elif len(set(texts)) < len(texts):
        texts = [f"{end!r}{mark}" for end in scaled.tolist()]
    return tuple(f"{low} to {high}" for low, high in pairwise(texts)) if len(ends) > 1 else tuple(texts)


def _written(number: float, decimals: int) -> str:
    """A number without zeros that say nothing, and without the sign of one that is rounded to 0.

    >>> _written(-0.0006, 2), _written(0.25, 3), _written(180.2, 0)
    ('0', '0.25', '180')
    """
    text = f"{number:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if decimals else text
    return "0" if text in ("-0", "") else text
