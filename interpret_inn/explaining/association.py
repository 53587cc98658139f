"""Association: how well another concept's true value predicts a concept.

If a factor predicts another concept no better than the true value of its own concept does, it leaks nothing: the two
concepts go together in the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from interpret_inn.metrics.bootstrap import bootstrap_r2
from interpret_inn.metrics.probe_folds import FEWEST
from interpret_inn.types import ConceptKind, FloatArray, IntArray
from interpret_inn.types.concepts import kind_of
from interpret_inn.types.numbers import SMALLEST

CELLS = 16
"""Cells that a number is cut into at most."""
FULL = 10
"""Training samples that a cell of a number holds on average, at least."""
_AXES = 4  # of several columns: 16 cells are 2 along each of 4 axes


def predicted_by(
    train_values: npt.NDArray[Any],
    train_others: npt.NDArray[Any],
    test_values: npt.NDArray[Any],
    test_others: npt.NDArray[Any],
    *,
    kind: ConceptKind,
    other_kind: ConceptKind,
) -> float:
    """Scores a concept's prediction from another concept: the majority, or mean, of each cell of the other.

    Categories are cells by themselves; numbers are cut at quantiles (several columns: along their leading
    principal axes), angles into equal sectors. In cells without a training sample, the whole training split predicts.

    Args:
        train_values: The concept on the training split, (n,) or (n, k), as in `Concept.values`.
        train_others: The other concept on the training split.
        test_values: The concept on the test split, (m,) or (m, k).
        test_others: The other concept on the test split.
        kind: Of the concept.
        other_kind: Of the other concept.

    Returns:
        Accuracy or R² (mean over columns) on the test split; NaN if fewer than 5 samples of either split
        have both values.
    """
    targets = [kind_of(kind).targets(part) for part in (train_values, test_values)]
    others = [kind_of(other_kind).targets(part) for part in (train_others, test_others)]
    for part in (0, 1):
        present = np.isfinite(targets[part]).all(1) & np.isfinite(others[part]).all(1)
        targets[part], others[part] = targets[part][present], others[part][present]
    if min(len(targets[0]), len(targets[1])) < FEWEST:
        return math.nan
    rule, other_rule = (_RULES[one] for one in (kind, other_kind))
    return rule.score(targets[0], targets[1], *other_rule.cells(others[0], others[1]))


def _own_cells(train: FloatArray, test: FloatArray) -> tuple[IntArray, IntArray]:
    """Cell numbers of both splits: each category is a cell."""
    return train[:, 0].astype(np.int64), test[:, 0].astype(np.int64)


def _sectors(train: FloatArray, test: FloatArray) -> tuple[IntArray, IntArray]:
    """Cell numbers of both splits: equal sectors of the circle, from cosine and sine."""
    count = _count(train)
    angles = [np.arctan2(part[:, 1], part[:, 0]) / (2 * math.pi) + 0.5 for part in (train, test)]
    train_cells, test_cells = (np.minimum((part * count).astype(np.int64), count - 1) for part in angles)
    return train_cells, test_cells


def _quantile_cells(train: FloatArray, test: FloatArray) -> tuple[IntArray, IntArray]:
    """Cell numbers of both splits; the cells are cut by the training split."""
    mean, scale = train.mean(0), train.std(0) + SMALLEST
    axes = np.linalg.svd((train - mean) / scale, full_matrices=False)[2][:_AXES]
    each = max(2, round(_count(train) ** (1 / len(axes))))
    numbers = [np.zeros(len(train), np.int64), np.zeros(len(test), np.int64)]
    for axis in axes:
        along = [((part - mean) / scale) @ axis for part in (train, test)]
        cuts = np.unique(np.quantile(along[0], np.arange(1, each) / each))
        for number, position in zip(numbers, along, strict=True):
            number *= each
            number += np.searchsorted(cuts, position, side="right")
    return numbers[0], numbers[1]


def _count(train: FloatArray) -> int:
    """Cells for this many training samples."""
    return int(np.clip(len(train) // FULL, 2, CELLS))


def _accuracy(train: FloatArray, test: FloatArray, cells: IntArray, test_cells: IntArray) -> float:
    """Share of the test split whose class is the majority of its cell."""
    told = _majorities(train[:, 0], cells)(test_cells)
    return float((told == test[:, 0]).mean())


def _r2(train: FloatArray, test: FloatArray, cells: IntArray, test_cells: IntArray) -> float:
    """R² of the means of cells on the test split."""
    return bootstrap_r2(test, _means(train, cells, test_cells), resamples=2).value


def _majorities(labels: FloatArray, cells: IntArray) -> Callable[[IntArray], FloatArray]:
    """A function from cells to the label most frequent there on the training split."""
    classes, numbers = np.unique(labels, return_inverse=True)
    seen, places = np.unique(cells, return_inverse=True)
    counts = np.zeros((len(seen), len(classes)))
    np.add.at(counts, (places.reshape(-1), numbers.reshape(-1)), 1)
    majority, overall = classes[counts.argmax(1)], classes[counts.sum(0).argmax()]

    def told(asked: IntArray) -> FloatArray:
        place = np.minimum(np.searchsorted(seen, asked), len(seen) - 1)
        return np.asarray(np.where(seen[place] == asked, majority[place], overall))

    return told


def _means(targets: FloatArray, cells: IntArray, asked: IntArray) -> FloatArray:
    """The mean of the training targets (n, k) in each asked cell, (m, k)."""
    seen, places = np.unique(cells, return_inverse=True)
    places = places.reshape(-1)
    sizes = np.bincount(places)[:, None]
    means = np.stack([np.bincount(places, column) for column in targets.T], 1) / sizes
    place = np.minimum(np.searchsorted(seen, asked), len(seen) - 1)
    return np.asarray(np.where((seen[place] == asked)[:, None], means[place], targets.mean(0)))


class _Rule(NamedTuple):
    """How a concept of one kind is cut into cells, and how its prediction from another's is scored."""

    cells: Callable[[FloatArray, FloatArray], tuple[IntArray, IntArray]]
    score: Callable[[FloatArray, FloatArray, IntArray, IntArray], float]


_RULES: Mapping[ConceptKind, _Rule] = {
    "categorical": _Rule(_own_cells, _accuracy),
    "numeric": _Rule(_quantile_cells, _r2),
    "cyclic": _Rule(_sectors, _r2),
}
