"""Ranges between quantiles, in which numbers are told apart as classes are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from interpret_inn.types.numbers import FloatArray, IntArray

_SMALLEST_WRITTEN, _LARGEST_WRITTEN = 1e-3, 1e6
"""Numbers whose largest lies between these are written without a power of ten."""


def in_ranges(
    values: FloatArray, own: FloatArray, most: int, *, unit: tuple[float, str] = (1.0, "")
) -> tuple[IntArray, tuple[str, ...]] | None:
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
    """Names of the ranges between these ends, ascending, with as many digits as tell them apart, and at least three.

    >>> range_names(np.array([0.0, 0.25, 1.0])), range_names(np.array([1234.56])), range_names(np.array([1e-9, 2e-9]))
    (('0 to 0.25', '0.25 to 1'), ('1230',), ('1e-09 to 2e-09',))
    """
    times, mark = unit
    scaled = ends * times
    written = np.abs(scaled).max()
    texts: list[str] = []
    for digits in range(3, 18):
        if _SMALLEST_WRITTEN <= written < _LARGEST_WRITTEN:
            texts = [
                np.format_float_positional(end, digits, fractional=False, trim="-") + mark for end in scaled
            ]
        else:
            texts = [f"{end:.{digits}g}{mark}" for end in scaled]
        if len(set(texts)) == len(texts):
            break
    return tuple(f"{low} to {high}" for low, high in pairwise(texts)) if len(ends) > 1 else tuple(texts)
