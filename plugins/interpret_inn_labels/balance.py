"""Weights under which concepts that go together in the data are independent.

Pairs that share one concept are drawn as if all others were independent of it. With correlated labels
(nine of ten smiling faces are young), drawing by weights makes that true, as far as the data reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from interpret_inn.types import Concept, FloatArray, IntArray
from interpret_inn_labels.kinds import pairing_kind

LARGEST = 50.0
"""No sample counts more than this many times the mean."""

_SWEEPS = (5, 50)  # over all tables: at least, at most
_WORK = 4e8  # cells looked up in one call at most, about 3 s
_CLOSE = 0.002  # total variation between a table and its target that ends the sweeps


def bins_of(concept: Concept, samples: IntArray) -> list[IntArray]:
    """A concept's values as small integers, −1 where missing; several variables for a table of numbers.

    Categories stay; numbers become up to 8 bins of equally many samples, fewer if samples are few. Up
    to three columns (of more, three principal axes of their ranks) are cut each on its own and, to catch what
    shows in no column alone, all together into cells of equally many samples.

    Args:
        concept: With values for all N samples.
        samples: int64 (M,), which samples to look at.
    """
    values, known = np.asarray(concept.values)[samples], concept.known[samples]
    variables = []
    for found in pairing_kind(concept).bins(values[known]):
        variable = np.full(len(samples), -1, dtype=np.int64)
        variable[known] = found
        variables.append(variable)
    return variables


def rake(variables: Sequence[Sequence[IntArray]], count: int) -> FloatArray:
    """Weights that make the variables of different concepts independent, pair by pair.

    Iterative proportional fitting (Deming and Stephan, 1940): each pair's table is scaled in turn to the
    product of its unweighted margins. Empty cells stay empty, so what never occurs is not made up; samples
    of which one of the two is missing keep their weights.

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
