"""Codes cut into bins."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from interpret_inn.errors import InputError
from interpret_inn.metrics.disentanglement.inputs import read_codes, read_count, varying
from interpret_inn.types import IntArray

BINS = 20


def discretise(
    values: Any, bins: int = BINS, *, method: Literal["histogram", "quantile"] = "histogram"
) -> IntArray:
    """Each column cut into bins.

    Bins of equal width are the custom of the field (20 of them, as in Locatello et al. 2019, "Challenging common
    assumptions"); a few extreme values then push all others into few bins. Bins of equal counts do not mind them.

    Args:
        values: (N, D), N at least `bins`.
        bins: How many, at least 2.
        method: "histogram": bins of equal width from the lowest to the highest value; "quantile": bins that hold
            equally many samples, as far as equal values allow.

    Returns:
        int64 (N, D), 0 to `bins` − 1. A constant column, up to rounding, lies in one bin.

    Raises:
        InputError: not (N, D), not finite, fewer samples than bins, or an unknown method.

    >>> discretise([[0.0], [1.0], [2.0], [10.0]], 2).ravel()
    array([0, 0, 0, 1])
    >>> discretise([[0.0], [1.0], [2.0], [10.0]], 2, method="quantile").ravel()
    array([0, 0, 1, 1])
    """
    array = read_codes(values, "values to discretise")
    bins = read_count(bins, "bins", least=2)
    if len(array) < bins:
        raise InputError(
            f"Expected at least as many samples as bins, found {len(array)} for {bins}. "
            "Take fewer bins, or more samples."
        )
    if method not in ("histogram", "quantile"):
        raise InputError(f'Expected method="histogram" or "quantile", found {method!r}.')
    found = np.zeros(array.shape, np.int64)
    live = varying(array, steps=max(64, 4 * bins))  # else neighbouring edges are the same number
    for place in np.flatnonzero(live):
        column = array[:, place]
        if method == "histogram":
            edges = np.histogram_bin_edges(column, bins)[:-1]
        else:
            edges = np.quantile(column, np.arange(bins) / bins)
        found[:, place] = np.digitize(column, edges) - 1
    return found.clip(0)
