"""Likelihoods of codes and of pairs of codes, as pure functions.

`log p(a, b) = Σ_k [log N(z̃ᵃ_k; 0, I) + log N(z̃ᵇ_k; ρ_k z̃ᵃ_k, (1 − ρ_k²) I)] + log|det Tᵃ| + log|det Tᵇ|`
(equations 6 to 9 of Esser, Rombach and Ommer, 2020, with a ρ of its own for every pair and factor).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LOG_TWO_PI = math.log(2 * math.pi)


def log_likelihood(codes: Tensor, log_det: Tensor) -> Tensor:
    """Log-density of samples under a standard normal code.

    Args:
        codes: float (B, d).
        log_det: float (B,), log|det T'|.

    Returns:
        float (B,), in nats.
    """
    return log_det - 0.5 * (codes.square().sum(1) + codes.shape[1] * _LOG_TWO_PI)


def pair_log_ratio(first: Tensor, second: Tensor, rho: Tensor) -> Tensor:
    """`log p(a, b) − log p(a) − log p(b)`: what knowing the pair adds; the Jacobians cancel.

    Args:
        first: Codes of one side, float (n, d).
        second: Codes of the other, float (n, d).
        rho: Correlation on every axis, float (n, d), −1 < ρ < 1 (`spread` makes it from factors).

    Returns:
        float (n,), in nats.
    """
    left = 1 - rho.square()
    # log N(b; ρa, 1 − ρ²) − log N(b; 0, 1), simplified so that axes with ρ = 0 give exactly 0
    exponent = rho * (2 * first * second - rho * (first.square() + second.square())) / (2 * left)
    return (exponent - 0.5 * left.log()).sum(1)


def pair_log_likelihood(
    first: Tensor, second: Tensor, rho: Tensor, *, log_det_first: Tensor, log_det_second: Tensor
) -> Tensor:
    """Log-density of pairs, float (n,), in nats.

    Args:
        first: Codes of one side, float (n, d).
        second: Codes of the other, float (n, d).
        rho: Correlation on every axis, float (n, d).
        log_det_first: log|det T'| of one side, float (n,).
        log_det_second: Of the other.
    """
    alone = log_likelihood(first, log_det_first) + log_likelihood(second, log_det_second)
    return alone + pair_log_ratio(first, second, rho)


def spread(rho: Tensor, owner: Tensor) -> Tensor:
    """Correlations of factors, (n, K + 1), as correlations of axes, (n, d).

    Args:
        rho: float (n, K + 1).
        owner: int64 (d,), the index of the factor that each axis belongs to.
    """
    return rho.index_select(1, owner)


def owners(sizes: tuple[int, ...]) -> Tensor:
    """The index of the factor that each axis belongs to, int64 (d,).

    >>> owners((2, 1, 3)).tolist()
    [0, 0, 1, 2, 2, 2]
    """
    return torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
