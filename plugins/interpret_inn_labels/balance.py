"""Weights under which concepts that go together in the data are independent.

Pairs that share one concept are drawn as if all others were independent of it. Where labels are correlated
(nine of ten smiling faces are young), drawing by weights makes that true, as far as the data reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.stats import rankdata

from interpret_inn.types import Concept, FloatArray, IntArray

LARGEST = 50.0
"""No sample counts more than this many times the mean."""

_BINS = 8  # more fit the noise: 16 cost four independent concepts 31 % of 10,000 samples, 8 cost 8 %
_AXES = 3
_SWEEPS = (5, 50)
_WORK = 4e8  # cells looked up in one call at most, about 3 s
_CLOSE = 0.002  # total variation between a table and its target that ends the sweeps


def bins_of(concept: Concept, samples: IntArray) -> list[IntArray]:
    """A concept's values as small integers, −1 where missing; several variables for a table of numbers.

    Categories stay; numbers become up to 8 bins of equally many samples, fewer where samples are few. Up
    to three columns (of more, three principal axes of their ranks) are cut each on its own and, to catch what
    shows in no column alone, all together into cells of equally many samples.

    Args:
        concept: With values for all N samples.
        samples: int64 (M,), which samples to look at.
    """
    values = np.asarray(concept.values)[samples]
    if concept.kind == "categorical":
        return [values.astype(np.int64)]
    table = values.reshape(len(values), -1).astype(np.float64)
    known = ~np.isnan(table).any(1)
    bins = int(np.clip(np.sqrt(known.sum() / 10), 2, _BINS))
    if concept.kind == "cyclic":
        cut = [np.floor(np.mod(table[known, 0], 2 * np.pi) / (2 * np.pi) * bins).astype(np.int64)]
    elif table.shape[1] == 1:
        cut = [_quantile_bins(table[known, 0], bins)]
    else:
        axes = _few_axes(table[known])
        cut = [_quantile_bins(axis, bins) for axis in axes.T] + [_cells(axes, bins)]
    variables = []
    for found in cut:
        variable = np.full(len(values), -1, dtype=np.int64)
        variable[known] = found
        variables.append(variable)
    return variables


def rake(variables: Sequence[Sequence[IntArray]], count: int) -> FloatArray:
    """Weights that make the variables of different concepts independent, pair by pair.

    Iterative proportional fitting (Deming and Stephan, 1940): each pair's table is scaled in turn to the
    product of its unweighted margins. Empty cells stay empty, so what never occurs is not made up; samples
    where one of the two is missing keep their weights.

    Args:
        variables: For each concept its variables, int64 (M,) with −1 where missing.
        count: M.

    Returns:
        float64 (M,), mean 1, at most `LARGEST`.
    """
    weights = np.ones(count)
    pairs = [(x, y) for one, other in combinations(variables, 2) for x in one for y in other]
    if not pairs:
        return weights
    sweeps = int(np.clip(_WORK / (len(pairs) * count), *_SWEEPS))
    for _ in range(sweeps):
        distance = 0.0
        for x, y in pairs:
            distance = max(distance, _fit_table(weights, x, y))
        np.minimum(weights, LARGEST * weights.mean(), out=weights)
        weights /= weights.mean()
        if distance < _CLOSE:
            break
    return np.minimum(weights, LARGEST)


def effective_size(weights: FloatArray) -> float:
    """Kish's effective number of samples, (Σw)² / Σw².

    >>> effective_size(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    return float(weights.sum() ** 2 / np.square(weights).sum())


def _fit_table(weights: FloatArray, x: IntArray, y: IntArray) -> float:
    """Scales `weights` in place to one table's target; how far it was from it, in [0, 1]."""
    columns = int(y.max()) + 1
    cells = (int(x.max()) + 1) * columns
    if cells <= 0:
        return 0.0
    both = (x >= 0) & (y >= 0)
    cell = np.where(both, x * columns + y, cells)
    counts = np.bincount(cell, minlength=cells + 1)[:-1].reshape(-1, columns).astype(np.float64)
    mass = np.bincount(cell, weights, minlength=cells + 1)[:-1]
    total = mass.sum()
    if total <= 0:
        return 0.0
    target = (counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) * (counts > 0)).ravel()
    target *= total / target.sum()
    factor = np.ones(cells + 1)
    np.divide(target, mass, out=factor[:-1], where=mass > 0)
    weights *= factor[cell]
    return float(np.abs(target - mass).sum() / (2 * total))


def _quantile_bins(values: FloatArray, bins: int) -> IntArray:
    """Bins of about equally many samples; equal values stay together. int64 (n,)."""
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins))
    return np.searchsorted(edges, values, side="left").astype(np.int64)


def _few_axes(table: FloatArray) -> FloatArray:
    # Middle ranks: equal rows must stay together, whatever their order in the data.
    ranks = (rankdata(table, axis=0) - 0.5) / len(table) - 0.5
    if ranks.shape[1] <= _AXES:
        return np.asarray(ranks)
    directions = np.linalg.eigh(ranks.T @ ranks)[1][:, ::-1]
    return np.asarray(ranks @ directions[:, :_AXES])


def _cells(axes: FloatArray, wanted: int) -> IntArray:
    """Halves the samples at the median of the widest axis, again and again. int64 (n,)."""
    cells = [np.arange(len(axes))]
    while len(cells) * 2 <= wanted:
        halves = []
        for members in cells:
            spread = np.ptp(axes[members], axis=0) if len(members) else np.zeros(axes.shape[1])
            along = axes[members, int(spread.argmax())]
            low = along <= np.median(along) if len(members) else np.zeros(0, dtype=bool)
            halves += [members[low], members[~low]]
        cells = halves
    found = np.zeros(len(axes), dtype=np.int64)
    for number, members in enumerate(cells):
        found[members] = number
    return found
