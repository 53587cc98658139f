"""How strongly concepts go together in the data: one number in [0, 1] for every two of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from interpret_inn.types import Concept, FloatArray, IntArray
from interpret_inn_labels.kinds import pairing_kind

_NARROW = 1e-9  # share of the widest axis' variance below which an axis is rounding
_STILL = 1e-15  # variance of features that do not vary, which are of order one


def association(
    concepts: Sequence[Concept], *, weights: FloatArray | None = None
) -> Mapping[str, Mapping[str, float]]:
    """The association of every concept with every other, over the samples where both are known.

    It is the root mean square of the two concepts' canonical correlations, with categories taken as
    indicators, numbers as ranks, and angles as cosine and sine. That is Cramér's V for two categorical
    concepts, the correlation ratio (of ranks) for a categorical and a number, and |Spearman's ρ| for two
    numbers; tables of numbers (N, d) and angles fit in without a case of their own.

    Args:
        concepts: Concepts of the same N samples; those without values are left out.
        weights: float64 (N,), how much each sample counts; None: all the same.

    Returns:
        By concept, then by other concept, values in [0, 1]; NaN if fewer than 3 samples have both.

    >>> shape = Concept("shape", "categorical", np.array([0, 0, 1, 1]))
    >>> size = Concept("size", "numeric", np.array([1.0, 2.0, 3.0, 4.0]))
    >>> round(association([shape, size])["size"]["shape"], 3)
    0.894
    """
    known = [concept for concept in concepts if concept.values is not None]
    table: dict[str, dict[str, float]] = {concept.name: {} for concept in known}
    for index, first in enumerate(known):
        for second in known[index + 1 :]:
            value = _between(first, second, weights)
            table[first.name][second.name] = table[second.name][first.name] = value
    return table


def _between(first: Concept, second: Concept, weights: FloatArray | None) -> float:
    both = first.known & second.known
    if both.sum() < 3:
        return math.nan
    share = np.ones(int(both.sum())) if weights is None else weights[both]
    share = share / share.sum()
    one, other = (
        pairing_kind(concept).features(np.asarray(concept.values)[both]) for concept in (first, second)
    )
    if one.ndim == 2:  # classes first
        one, other = other, one
    if one.ndim == 2:
        one, other = _axes(one, share), _axes(other, share)
        squared = float(np.square((one * share[:, None]).T @ other).sum())
        ranks = min(one.shape[1], other.shape[1])
    elif other.ndim == 2:
        squared, ranks = _category_and_axes(one, _axes(other, share), share)
    else:
        squared, ranks = _two_categories(one, other, share)
    return math.sqrt(min(max(squared / ranks, 0.0), 1.0)) if ranks else 0.0


def _axes(features: FloatArray, share: FloatArray) -> FloatArray:
    """Features (n, k) turned into uncorrelated axes of mean 0 and variance 1, (n, r)."""
    features = features - share @ features
    spread, directions = np.linalg.eigh((features * share[:, None]).T @ features)
    kept = spread > max(_NARROW * float(spread[-1]), _STILL)
    return np.asarray(features @ (directions[:, kept] / np.sqrt(spread[kept])))


def _two_categories(
    first: IntArray,
    second: IntArray,
    share: FloatArray,
) -> tuple[float, int]:
    rows, columns = int(first.max()) + 1, int(second.max()) + 1
    joint = np.bincount(first * columns + second, share, rows * columns).reshape(rows, columns)
    joint = joint[joint.sum(1) > 0][:, joint.sum(0) > 0]
    expected = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return float((np.square(joint - expected) / expected).sum()), min(joint.shape) - 1


def _category_and_axes(classes: IntArray, axes: FloatArray, share: FloatArray) -> tuple[float, int]:
    of_class = np.bincount(classes, share)
    sums = np.stack([np.bincount(classes, share * axis) for axis in axes.T], axis=1) if axes.size else axes
    present = of_class > 0
    if not axes.size:
        return 0.0, 0
    squared = float((np.square(sums[present]) / of_class[present, None]).sum())
    return squared, min(int(present.sum()) - 1, axes.shape[1])
