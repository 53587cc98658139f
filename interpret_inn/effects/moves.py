"""From which value to which a concept goes in each case, and by what weight cases count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interpret_inn.types import Concept, FloatArray, IntArray

RANGES = 4
"""Ranges that numbers are cut into, at most."""
_SHARE_OF_NONE = 0.5
"""As many samples a value counts for that no sample of the data has."""
_UNLIKE = 0.05
"""Two weightings of the same cases differ if they put this share of the weight elsewhere (total variation)."""


@dataclass(frozen=True)
class Moves:
    """From which cell of a concept's values (a class, a range of numbers) to which n cases go.

    Attributes:
        before: int64 (n,).
        after: int64 (n,).
        names: Of the C cells.
    """

    before: IntArray
    after: IntArray
    names: tuple[str, ...]

    @property
    def counts(self) -> IntArray:
        """How many cases go from each cell (rows) to each (columns), int64 (C, C)."""
        size = len(self.names)
        flat = np.bincount(self.before * size + self.after, minlength=size * size)
        return flat.reshape(size, size).astype(np.int64)

    def spread(self, wanted: FloatArray) -> FloatArray:
        """Weights of cases, (n,), of mean 1: cases from one cell to another have their `wanted` share (C, C)."""
        weights = (wanted / np.maximum(self.counts, 1))[self.before, self.after]
        return np.asarray(weights / weights.mean())


def moves_of(concept: Concept, before: Concept, after: Concept) -> Moves | None:
    """The moves of cases whose values are known before and after; None for rows of several numbers.

    Args:
        concept: With the values of the data, whose quantiles part ranges.
        before: With the n values before.
        after: With the n values after.
    """
    assert before.values is not None
    assert after.values is not None
    start, end = concept.cells(before.values, RANGES), concept.cells(after.values, RANGES)
    if start is None or end is None:
        return None
    names = max(start[1], end[1], key=len)
    return Moves(start[0], end[0], names)


def shares(concept: Concept, count: int) -> FloatArray | None:
    """How often each of `count` classes occurs in the data, float64 (count,), above 0; None without classes."""
    if concept.values is None or concept.indicators is None:
        return None
    values = np.asarray(concept.values)[concept.known]
    found = np.maximum(np.bincount(values, minlength=count)[:count], _SHARE_OF_NONE)
    return np.asarray(found / found.sum())


def as_in_data(share: FloatArray) -> FloatArray:
    """Shares of moves (C, C): from each value as often as it occurs (C,), to the others as often as they occur."""
    others = share / np.maximum(1 - share, _rounding(share))[:, None]
    return _off_diagonal(share[:, None] * others)


def evenly(share: FloatArray, moves: Moves) -> FloatArray:
    """Shares of moves (C, C): from each value as often as it occurs (C,), to all others that cases go to alike."""
    reached = _off_diagonal((moves.counts > 0).astype(np.float64))
    return np.asarray(share[:, None] * reached / np.maximum(reached.sum(1, keepdims=True), 1))


def alike(first: FloatArray | None, second: FloatArray) -> bool:
    """Whether two weightings (n,) of the same cases are about the same; None: all count alike."""
    one = np.full(len(second), 1 / len(second)) if first is None else first / first.sum()
    return bool(np.abs(one - second / second.sum()).sum() / 2 < _UNLIKE)


def _off_diagonal(table: FloatArray) -> FloatArray:
    return np.asarray(table * (1 - np.eye(len(table))))


def _rounding(share: FloatArray) -> float:
    """Less than any value's share."""
    return float(share.min()) / 2
