"""Which training rows of a probe choose its settings: whole groups, drawn at random."""

from __future__ import annotations

import numpy as np

from interpret_inn.metrics.bootstrap import group_indices
from interpret_inn.types import IntArray
from interpret_inn.types.numbers import BoolArray

FEWEST = 5
"""With fewer values than these in either split a score would be made of luck alone: it is NaN."""
VALIDATION_SHARE = 0.2
"""Share of the training rows that choose a penalty, or say when to stop."""
_CROSS_VALIDATED = 500
"""With so many training rows or fewer, each fifth of them chooses in turn: a single one would be too few."""
MOST_FITTED = 3
"""Folds that choose, at most, where every setting needs a fit of its own: kernels, and logistic regression."""


def split_off(
    length: int, groups: IntArray | None, *, seed: int, share: float = VALIDATION_SHARE
) -> BoolArray:
    """Marks a share of the rows, whole groups, bool (length,); none if there are too few groups to share out."""
    members, count = group_indices(groups, length)
    if count < FEWEST:
        return np.zeros(length, bool)
    order = np.random.default_rng(seed).permutation(count)
    return np.isin(members, order[: round(share * count)])


def validation_masks(length: int, groups: IntArray | None, *, seed: int) -> tuple[BoolArray, ...]:
    """Rows that choose in turn, bool (length,) each, whole groups.

    One fifth (`split_off`); of up to 500 rows all five; of fewer than five groups none.
    """
    first = split_off(length, groups, seed=seed)
    if length > _CROSS_VALIDATED or not first.any():
        return (first,) if first.any() else ()
    members, count = group_indices(groups, length)
    parts = np.array_split(np.random.default_rng(seed).permutation(count), FEWEST)
    return tuple(np.isin(members, part) for part in parts)
