"""The directions and the number of axes that each concept gets in a conditional flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.data.process import derived_seed
from interpret_inn.fitting.heads import Head, head
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.spread_directions import with_spread
from interpret_inn.flows import pair_covariances, shared_axes
from interpret_inn.types import Concept, IntArray, Pairs
from interpret_inn.types.numbers import TINY

_PAIRS = 32768
"""Pairs by which concepts without values are told."""


class Directions(NamedTuple):
    """Where concepts lie.

    Attributes:
        axes: Orthogonal (d, d), the axes of each concept one after the other as columns, then the residual's.
        sizes: Axes of each concept, and of the residual last.
        strengths: Of each axis of a concept, how much of what changes along it is the concept, float64 (sum of sizes
            but the last,), in [0, 1]: the squared correlation with its best function of the values, on samples
            left out, and what its spread tells.
        scores: By concept, the squared correlations alone, added up over its axes.
    """

    axes: Tensor
    sizes: tuple[int, ...]
    strengths: Tensor
    scores: tuple[float, ...]


def find_directions(
    white: Tensor, pool: Pool, among: Tensor, variances: Tensor, *, given: Mapping[str, int], seed: int
) -> Directions:
    """Canonical directions of all concepts, turned so that they are orthogonal to each other.

    The axes maximise `Σ_k tr(V_kᵀ C_k V_k)`, with `C_k = U diag(s²) Uᵀ / √j` of the j canonical directions U of concept
    k and their squared correlations s²: a concept of many directions must not outvote one of a single direction by
    their number alone.

    Args:
        white: All samples exactly whitened, float64 (N, d); at positions, means over positions.
        pool: The sources; pairs are of its training split.
        among: Training samples whose values count, int64 (n,).
        variances: Of the axes in the layer, float64 (d,): small ones are trusted less, if samples are few.
        given: Sizes by concept.
        seed: Of the draws of pairs.
    """
    heads = _heads(white, pool, among, variances, seed)
    sizes = _sizes(heads, pool.names, given, white.shape[1])
    kept = [one.first(size) for one, size in zip(heads, sizes, strict=True)]
    common = [
        (one.directions * one.strengths / one.strengths.shape[0] ** 0.5) @ one.directions.T for one in kept
    ]
    rest = white.shape[1] - sum(sizes)
    widths = (*sizes, rest)
    axes = shared_axes([*common, torch.zeros_like(common[0])], widths, _begin(kept, sizes, white.shape[1]))
    own = axes.split(widths, 1)
    strengths = [
        (one.strengths[:, None] * (one.directions.T @ columns).square()).sum(0)
        for one, columns in zip(kept, own[:-1], strict=True)
    ]
    scores = [_score(one, columns) for one, columns in zip(kept, own[:-1], strict=True)]
    return Directions(axes, widths, torch.cat(strengths).clamp(0, 1), tuple(scores))


def _score(found: Head, axes: Tensor) -> float:
    """How much of the variance of axes goes with a concept: the strengths of what a line tells, added up over axes."""
    shared = (found.directions[:, : found.lines].T @ axes).square()
    return float((found.strengths[: found.lines, None] * shared).sum(0).clamp(0, 1).sum())


def _heads(white: Tensor, pool: Pool, among: Tensor, variances: Tensor, seed: int) -> list[Head]:
    rows, concepts, groups = white[among], pool.concepts_at(among), pool.groups_at(among)
    if all(concept.values is not None for concept in concepts):
        return [_head(rows, concept, groups, variances) for concept in concepts]
    pairs = pool.sample(_PAIRS, Generator().manual_seed(derived_seed(seed, "alignment")), split="train")
    common = pair_covariances(white, *pairs)
    chance = _chance(white, pairs, seed)
    return [
        _head_of_pairs(common[place], chance[place])
        if concept.values is None
        else _head(rows, concept, groups, variances)
        for place, concept in enumerate(concepts)
    ]


def _head(rows: Tensor, concept: Concept, groups: IntArray, variances: Tensor) -> Head:
    """The directions of a concept's values: what they move first, then what they widen."""
    found, known = head(rows, concept, groups, variances), np.flatnonzero(concept.known)
    own = rows[torch.from_numpy(known).to(rows.device)]
    return with_spread(found, own, concept.at(known), groups[known])


def _chance(white: Tensor, pairs: Pairs, seed: int) -> list[Tensor]:
    """Covariances of pairs whose partners are exchanged, of as many pairs as there are different samples."""
    count = min(len(pairs.first), len(pairs.first.unique()))
    order = torch.randperm(count, generator=Generator().manual_seed(seed))
    return pair_covariances(white, pairs.first[:count], pairs.second[:count][order], pairs.rho[:count])


def _head_of_pairs(common: Tensor, chance: Tensor) -> Head:
    """The directions that pairs of a concept share; those are clear that shuffled pairs do not reach."""
    values, vectors = torch.linalg.eigh(common)
    strengths, directions = values.flip(0).clamp(TINY, 1), vectors.flip(1)
    clear = max(1, int((strengths > torch.linalg.eigvalsh(chance).max()).sum()))
    return Head(directions, strengths, clear, len(strengths))


def _sizes(heads: Sequence[Head], names: Sequence[str], given: Mapping[str, int], leading: int) -> list[int]:
    """Clear directions of each concept, or as many axes as are given; one axis at least is the residual's."""
    sizes = [given.get(name, one.clear) for name, one in zip(names, heads, strict=True)]
    while sum(sizes) >= leading:
        place = max(
            (place for place, name in enumerate(names) if name not in given and sizes[place] > 1),
            key=lambda place: sizes[place],
        )
        sizes[place] -= 1
    return sizes


def _begin(heads: Sequence[Head], sizes: Sequence[int], width: int) -> Tensor:
    """An orthogonal matrix (d, d) near the directions themselves, for rounds that only climb to the nearest summit."""
    like = heads[0].directions
    wanted = torch.zeros(width, width, dtype=like.dtype, device=like.device)
    place = 0
    for one, size in zip(heads, sizes, strict=True):
        count = one.directions.shape[1]
        wanted[:, place : place + count] = one.directions * one.strengths.clamp_min(TINY)
        place += size
    # the polar factor of the directions, filled up by any axes orthogonal to them
    noise = torch.randn(width, width, generator=Generator().manual_seed(0), dtype=like.dtype).to(like)
    left, _, right = torch.linalg.svd(wanted + TINY**0.5 * noise)
    nearest: Tensor = left @ right
    return nearest
