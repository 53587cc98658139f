"""A fixed rotation that brings the covariance of pairs into the factors that they share, before training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from nflows.transforms import Transform
from torch import Tensor

from interpret_inn.types.numbers import TINY

_ROUNDS, _LEAST_RISE = 200, 1e-5
"""Rounds of the alignment at most, and the share by which the sum must rise in each: training goes on from there."""
_MARGIN = 0.01
"""Added to the shift that makes the covariances positive, as a share of the largest eigenvalue."""


class Rotation(Transform):
    """Turns (B, d) by an orthogonal matrix; the identity until `set` is called.

    Args:
        width: d, a few hundred at most: the matrix is dense.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.eye(width))

    def set(self, matrix: Tensor) -> None:
        """Takes over an orthogonal matrix (d, d); rows (B, d) are multiplied by it from the right."""
        self.matrix.copy_(matrix)

    def reorder(self, order: Tensor) -> None:
        """Makes axis `order[i]` of the results axis i from now on; int64 (d,)."""
        self.matrix.copy_(self.matrix[:, order.to(self.matrix.device)])

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Turns (B, d); log|det| is 0, (B,)."""
        return inputs @ self.matrix, inputs.new_zeros(len(inputs))

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Turns (B, d) back; log|det| is 0, (B,)."""
        return inputs @ self.matrix.T, inputs.new_zeros(len(inputs))


def aligning_matrix(
    white: Tensor, first: Tensor, second: Tensor, rho: Tensor, sizes: Sequence[int]
) -> Tensor:
    """The rotation after which each factor's axes hold as much of its pairs' covariance as axes can.

    With `C_k` the covariance of pairs that share concept k (as the least squares slope over ρ), it maximises
    `Σ_k tr(V_kᵀ C_k V_k)` over orthogonal `V = [V_1 … V_K V_residual]`: the part of the pair likelihood that
    a linear map can reach. Each round replaces `V` by the orthogonal matrix nearest to `[C_k V_k]`, which
    cannot lower the sum once the `C_k` are shifted to be positive.

    If pairs share the residual too (all but one concept), what they have in common is no longer one concept's:
    `C_k` is then what the log-likelihood of all pairs gains from an axis of factor k, see `_gain`.

    Args:
        white: Whitened samples, float (N, d).
        first: One side of n pairs, int64 (n,), rows of `white`.
        second: The other side.
        rho: Correlations, float (n, K + 1), the residual last.
        sizes: Axes of each factor, the residual last, summing to d.

    Returns:
        float (d, d), the axes of the factors one after the other as columns.
    """
    return shared_axes(pair_covariances(white, first, second, rho), sizes).to(white)


def pair_covariances(white: Tensor, first: Tensor, second: Tensor, rho: Tensor) -> list[Tensor]:
    """The covariance `C_k` of each concept and of the residual, float64 (d, d) each; arguments as above."""
    a, b = white[first].double(), white[second].double()
    weights = rho.double().to(a.device)
    measure = _gain if bool(weights[:, -1].any()) else _common
    return [measure(a, b, weight) for weight in weights.unbind(1)]


def shared_axes(common: Sequence[Tensor], sizes: Sequence[int], begin: Tensor | None = None) -> Tensor:
    """Orthogonal axes that maximise `Σ_k tr(V_kᵀ C_k V_k)`.

    Args:
        common: `C_k` of each factor, symmetric float64 (d, d).
        sizes: Axes of each factor, summing to d.
        begin: The orthogonal matrix (d, d) that the rounds begin with; None: the identity.

    Returns:
        float64 (d, d), the axes of the factors one after the other as columns.
    """
    spectra = torch.stack([torch.linalg.eigvalsh(c) for c in common])
    # the least shift that makes them positive: a larger one slows the rounds down
    shift = float((-spectra.min()).clamp_min(0) + _MARGIN * spectra.max().clamp_min(0))
    ends = torch.tensor(sizes).cumsum(0).tolist()
    spans = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    axes = torch.eye(len(common[0])).to(common[0]) if begin is None else begin
    reached = -math.inf
    for _ in range(_ROUNDS):
        product = shift * axes
        for c, span in zip(common, spans, strict=True):
            product[:, span] += c @ axes[:, span]
        before, reached = reached, float((axes * product).sum())
        if reached - before <= _LEAST_RISE * abs(reached):
            break
        left, _, right = torch.linalg.svd(product)
        axes = left @ right
    return axes


def _common(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Symmetric covariance (d, d) of pairs, as the slope over their ρ; 0 if no pair shares the concept."""
    product = (a * weight[:, None]).T @ b / weight.square().sum().clamp_min(TINY)
    return (product + product.T) / 2


def _gain(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """The matrix G, symmetric (d, d): an axis v of a factor adds vᵀ G v + const to the mean log-likelihood of pairs.

    `G = E[(ρ (a bᵀ + b aᵀ) − ρ² (a aᵀ + b bᵀ)) / (2 (1 − ρ²))]`, from `likelihoods.pair_log_ratio`.
    """
    left = (2 * (1 - weight.square()) * len(a))[:, None]
    own = weight[:, None]
    product = (a * own / left).T @ b
    return product + product.T - (a * own.square() / left).T @ a - (b * own.square() / left).T @ b
