"""Training samples among which concepts do not go together, though they do in the data."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from interpret_inn.errors import PluginError
from interpret_inn.fitting.pool import Pool, PooledSource, named_failure
from interpret_inn.types.sample_weights import as_weights, weight_faults

_EVEN = 0.8
"""Effective share of the samples (Kish) from which weights are so even that all samples are taken as they are."""
_CUT = 0.2
"""Share of the whole weight that may be lost as no sample is kept more than once: a few of large weight would leave
next to nothing of the others. With a fifth as many are kept as weights are worth (Kish), and no association is left."""


def balanced(pool: Pool, rows: Tensor, generator: Generator) -> Tensor:
    """Some of the rows, as if drawn by the weights that their sources give them, but none of them twice.

    Each is kept with a probability in proportion to its weight (rejection sampling, von Neumann 1951). What is kept is
    a sample like any other: it needs no formulas with weights, and whatever leaves one row out may go on doing so.

    Args:
        pool: The sources.
        rows: Of a split, int64 (n,).
        generator: Draws which are kept.

    Returns:
        int64 (m,), ascending as the rows are; all of them where weights are even.
    """
    kept = torch.ones(len(rows), dtype=torch.bool)
    for part in pool.parts:
        mine = (rows >= part.offset) & (rows < part.offset + len(part.source.samples))
        weights = _weights(part, rows[mine] - part.offset)
        if weights is not None:
            kept[mine] &= torch.rand(len(weights), generator=generator, dtype=torch.float64) < _kept(weights)
    return rows[kept]


def _weights(part: PooledSource, among: Tensor) -> Tensor | None:
    """The weights (M,) that a source gives its samples; None if it has none, or they are nearly the same."""
    if not len(among):
        return None
    with named_failure(part.source, f"for the weights of {len(among)} samples"):
        given = part.source.sample_weights(among)
    for sentence in weight_faults(given, len(among)):
        raise PluginError(
            f"The weights of the concept source {part.source.name!r} cannot be used. {sentence}"
        )
    weights = as_weights(given)
    if weights is None:
        return None
    weights = weights / weights.max()  # squares of any weights are finite then
    even = float(weights.sum() ** 2 / weights.square().sum().clamp_min(torch.finfo(torch.float64).tiny))
    return weights if even < _EVEN * len(among) else None


def _kept(weights: Tensor) -> Tensor:
    """The probability (M,) with which each is kept: 1 for the heaviest, so that little of their weight is lost."""
    ordered = weights.sort(descending=True).values
    # what would be lost if none counted more than the one at each place
    lost = ordered.cumsum(0) - ordered * torch.arange(1, len(ordered) + 1)
    place = int((lost <= _CUT * weights.sum()).sum()) - 1
    return (weights / ordered[place]).clamp(max=1.0)
