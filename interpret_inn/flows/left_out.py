"""Residuals of least squares fits that left out rows, a whole group at a time, without fitting anew."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from interpret_inn.types.numbers import TINY

_NUMBERS = 2**24
"""Numbers in matrices of groups that are solved together, 128 MiB in float64."""


def blocks_of(groups: Tensor) -> list[Tensor]:
    """Which rows lie in the same group, for each number of rows that groups have.

    Args:
        groups: Of each row, int64 (N,).

    Returns:
        Indices of rows, int64 (groups of this size, size), sizes ascending.
    """
    order = groups.argsort(stable=True)
    counts = groups.unique(return_counts=True)[1]
    starts = counts.cumsum(0) - counts
    return [
        order[starts[counts == size][:, None] + torch.arange(size, device=groups.device)]
        for size in counts.unique().tolist()
    ]


def left_out(residuals: Tensor, features: Tensor, weights: Tensor, blocks: Sequence[Tensor]) -> Tensor:
    """Residuals of each group of rows, by the fit to all other rows: `(I − H_BB)⁻¹ (y − Hy)_B`.

    `H = Φ diag(w) Φᵀ` maps values y to their predictions, as ridge regression does. For groups of one row this is the
    residual over `1 − h`, with h the leverage (Allen's PRESS, 1974); for larger ones it follows from the formula of
    Sherman, Morrison and Woodbury in the same way.

    Args:
        residuals: `y − Hy`, float64 (N, r).
        features: Φ, float64 (N, p).
        weights: w, float64 (p,).
        blocks: The groups, see `blocks_of`.

    Returns:
        float64 (N, r). `I − H_BB` is as far from singular as the penalty is from 0, which lies far above rounding. A
        larger bound would call samples that are merely interpolated well predicted.
    """
    leverage = features.square() @ weights
    left = residuals / (1 - leverage).clamp_min(TINY)[:, None]
    for rows in blocks:
        if rows.shape[1] == 1:
            continue
        for some in rows.split(max(1, _NUMBERS // (rows.shape[1] * max(rows.shape[1], len(weights))))):
            left[some] = _without(residuals[some], features[some], weights)
    return left


def with_mean(features: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Features (N, p) of mean 0 and their weights, and one more: the mean of the values, which is fitted too.

    Without it, the other rows give a row away where features are as many: they add up to what cancels it.
    """
    more = features.new_ones(len(features), 1)
    return torch.cat((features, more), 1), torch.cat((weights, weights.new_tensor([1 / len(features)])))


def _without(residuals: Tensor, inside: Tensor, weights: Tensor) -> Tensor:
    """Residuals (g, n, r) of g groups of n rows with features (g, n, p): by systems of n × n or, if smaller, p × p."""
    count, width = inside.shape[1:]
    scaled = inside * weights
    if count <= width:
        system = (1 + TINY) * torch.eye(count).to(inside) - scaled @ inside.mT
        alone: Tensor = torch.linalg.solve(system, residuals)
        return alone
    system = (1 + TINY) * torch.eye(width).to(inside) - inside.mT @ scaled
    found: Tensor = residuals + scaled @ torch.linalg.solve(system, inside.mT @ residuals)
    return found
