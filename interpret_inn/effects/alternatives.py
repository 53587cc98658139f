"""The values that a concept takes in place of a sample's own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from interpret_inn.types import Concept, FloatArray, IntArray

RANGES = 4
"""Ranges of equal counts that numbers and angles are cut into."""
FEWEST_CASES = 5
"""Samples from which a change from one value to another, or a predicted class, has a figure of its own."""
_MOST_NAMED = 12
"""Values whose changes have figures of their own, at most: the most frequent."""
_MOST = 4
"""Other values that each sample takes at most; of more, so many are drawn."""


class Alternatives(NamedTuple):
    """Other values for each of N samples, M for each.

    Attributes:
        cells: Which value, or range of values, each sample has, int64 (N,).
        names: Of the cells.
        others: The cell of each alternative, int64 (M, N).
        givers: A sample of that cell, as drawn, int64 (M, N).
        values: The values themselves, as in `Concept.values`, (M, N) or (M, N, k).
        shares: Of the cells in the data, float64 (C,).
        moves: Pairs of cells, before and after, that have a figure of their own.
        data: Weight of each alternative if other values come as often as in the data, float64 (M, N), 1 for each sample
            in all.
        even: If all other values come equally often.
    """

    cells: IntArray
    names: tuple[str, ...]
    others: IntArray
    givers: IntArray
    values: npt.NDArray[np.generic]
    shares: FloatArray
    moves: tuple[tuple[int, int], ...]
    data: FloatArray
    even: FloatArray


def alternatives(concept: Concept, *, seed: int) -> Alternatives | None:
    """What each sample's value is exchanged for; None if all samples have the same. All values must be known.

    Categories take every other class. Numbers and angles are cut into ranges of equal counts, and each other range
    gives the value of one of its samples, as drawn.
    """
    random = np.random.default_rng(seed)
    cells, names = _cells(concept)
    counts = np.bincount(cells).astype(np.float64)
    if len(counts) < 2:
        return None
    others = _others(cells, counts, random)
    values = np.asarray(concept.values)
    by_cell = [np.flatnonzero(cells == cell) for cell in range(len(counts))]
    givers = np.empty(others.shape, np.int64)
    for cell, members in enumerate(by_cell):
        asked = others == cell
        givers[asked] = random.choice(members, int(asked.sum()))
    chosen = counts[others]
    weights = chosen / chosen.sum(0)
    if len(others) < len(counts) - 1:  # drawn by their weights already
        weights = np.full(others.shape, 1 / len(others))
    # of a few that were drawn by their shares, the even mean would rest on rare ones alone
    even = np.full(others.shape, 1 / len(others)) if len(others) == len(counts) - 1 else weights
    moves = _moves(cells, others, counts)
    return Alternatives(
        cells, names, others, givers, values[givers], counts / counts.sum(), moves, weights, even
    )


def _cells(concept: Concept) -> tuple[IntArray, tuple[str, ...]]:
    values = np.asarray(concept.values)
    if concept.indicators is not None:
        present, cells = np.unique(values, return_inverse=True)
        return cells.reshape(-1), tuple(concept.text(value) for value in present)
    along = values
    if values.ndim > 1:  # rows of numbers: along the axis that varies most
        scaled = (values - values.mean(0)) / np.maximum(values.std(0), 1e-12)
        along = scaled @ np.linalg.svd(scaled, full_matrices=False)[2][0]
    cuts = np.unique(np.quantile(along, np.arange(1, RANGES) / RANGES))
    above = along[along > along.min()]
    cuts = cuts[cuts > along.min()] if (cuts > along.min()).any() or not len(above) else above.min()[None]
    cells = np.unique(np.searchsorted(cuts, along, side="right"), return_inverse=True)[1].reshape(-1)
    order, names = np.argsort(along, kind="stable"), []
    for cell in range(cells.max() + 1):
        members = order[cells[order] == cell]
        names.append(f"{concept.text(values[members[0]])} to {concept.text(values[members[-1]])}")
    return cells, tuple(names)


def _others(cells: IntArray, counts: FloatArray, random: np.random.Generator) -> IntArray:
    """Other cells for each sample, int64 (M, N): all, or some as often as in the data."""
    number = len(counts)
    if number - 1 <= _MOST:
        steps = np.arange(1, number)[:, None]
        return np.asarray((cells + steps) % number)
    found = np.empty((_MOST, len(cells)), np.int64)
    for cell in range(number):
        members = np.flatnonzero(cells == cell)
        shares = counts.copy()
        shares[cell] = 0
        found[:, members] = random.choice(number, (_MOST, len(members)), p=shares / shares.sum())
    return found


def _moves(cells: IntArray, others: IntArray, counts: FloatArray) -> tuple[tuple[int, int], ...]:
    """Changes between the most frequent cells that enough samples make."""
    frequent = np.argsort(-counts, kind="stable")[:_MOST_NAMED]
    made, times = np.unique((cells * len(counts) + others).ravel(), return_counts=True)
    pairs = (
        divmod(int(number), len(counts))
        for number, many in zip(made, times, strict=True)
        if many >= FEWEST_CASES
    )
    return tuple(pair for pair in pairs if pair[0] in frequent and pair[1] in frequent)
