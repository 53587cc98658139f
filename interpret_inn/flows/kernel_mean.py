"""The mean of some axes given others, by kernel ridge regression in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from interpret_inn.flows.left_out import blocks_of, left_out
from interpret_inn.types.numbers import TINY

CENTRES = 1024
"""Centres of the kernel at most: with more samples, they are a random part of these (Williams and Seeger, 2001)."""
_WIDTHS = (0.5, 1.0, 2.0, 4.0)
"""Widths that are tried, as multiples of the root of the median squared distance between centres."""
_CENTRES_OF_WIDTHS, _ROWS_OF_WIDTHS = 256, 2048
"""Centres and rows by which the width is chosen, at most."""
_PENALTIES = torch.logspace(-4, 3, 15, dtype=torch.float64)
"""Ridge penalties that each axis chooses from."""
_GAIN = 1e-3
"""Share of an axis's variance that its mean must explain on samples left out, or the axis keeps a mean of 0."""
_SAME = 1e-10
"""Eigenvalues of the kernel matrix below this share of the largest are rounding."""


class KernelMean(nn.Module):
    """`m(c) = k(s ⊙ c, centres) W`, k a Gaussian kernel; 0 far from all centres.

    Args:
        centres: n of them.
        inputs: Axes of c.
        outputs: Axes whose mean it tells.
    """

    centres: Tensor
    weights: Tensor
    sharpness: Tensor
    scales: Tensor

    def __init__(self, centres: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.zeros(centres, inputs))
        self.register_buffer("weights", torch.zeros(centres, outputs))
        self.register_buffer("sharpness", torch.ones(()))
        self.register_buffer("scales", torch.ones(inputs))

    def forward(self, given: Tensor) -> Tensor:
        """Means (B, outputs) at (B, inputs)."""
        scales, centres, weights = (part.to(given) for part in (self.scales, self.centres, self.weights))
        found: Tensor = _kernel(given * scales, centres, self.sharpness.to(given)) @ weights
        return found


class MeanFit(NamedTuple):
    """A fitted mean.

    Attributes:
        mean: The function.
        left: Residuals of the training samples, each by a fit that left it and its group out, float64 (N, r).
        share: Mean square of these, over that of the axes themselves.
    """

    mean: KernelMean
    left: Tensor
    share: float


def fit_kernel_mean(
    given: Tensor,
    axes: Tensor,
    *,
    generator: Generator,
    groups: Tensor | None = None,
    scales: Tensor | None = None,
    most: int = CENTRES,
) -> MeanFit:
    """Kernel ridge regression whose width, and penalty for each axis, are chosen by the exact leave-one-out error.

    Args:
        given: float (N, m).
        axes: float (N, r), of mean 0.
        generator: Draws the centres.
        groups: Of the samples, int64 (N,): those of one group are variants of one thing, and are left out together.
            None: all are apart.
        scales: By which the given axes are multiplied first, float (m,): what changes along an axis of small scale
            hardly moves the mean. None: all are 1.
        most: Centres at most.
    """
    scales = torch.ones(given.shape[1]) if scales is None else scales
    given, axes = given.double() * scales.to(given.device), axes.double()
    chosen = torch.randperm(len(given), generator=generator)[:most].to(given.device)
    centres = given[chosen]
    typical = _squares(centres, centres).median().clamp_min(TINY)
    sharpness = [1 / (2 * width**2 * typical) for width in _WIDTHS]
    # the width is chosen with few centres and rows: a solution with all of them takes some ten times as long
    groups = torch.arange(len(given)) if groups is None else groups
    some = slice(0, _ROWS_OF_WIDTHS)
    part = _Rows(given[some], axes[some], blocks_of(groups[some].to(given.device)))
    tried = [_Tried(part, centres[:_CENTRES_OF_WIDTHS], one) for one in sharpness]
    rows = _Rows(given, axes, blocks_of(groups.to(given.device)))
    best = _Tried(rows, centres, min(tried, key=lambda one: one.error).sharpness)
    mean = KernelMean(len(centres), given.shape[1], axes.shape[1])
    mean.centres.copy_(centres)
    mean.weights.copy_(best.weights)
    mean.sharpness.copy_(best.sharpness)
    mean.scales.copy_(scales)
    share = best.error / float(axes.square().mean(0).sum().clamp_min(TINY))
    return MeanFit(mean.to(axes.device), best.left, share)


class _Rows(NamedTuple):
    """What a mean is fitted to: inputs (N, m), axes (N, r), and which rows are left out together."""

    given: Tensor
    axes: Tensor
    blocks: Sequence[Tensor]


class _Tried:
    """One width: features of the kernel's span, and for each axis the penalty that errs least on samples left out."""

    def __init__(self, rows: _Rows, centres: Tensor, sharpness: Tensor) -> None:
        self.sharpness = sharpness
        values, vectors = torch.linalg.eigh(_kernel(centres, centres, sharpness))
        kept = values > _SAME * values[-1]
        whitener = vectors[:, kept] * values[kept].rsqrt()
        features = _kernel(rows.given, centres, sharpness) @ whitener
        strengths, directions = torch.linalg.eigh(features.T @ features)
        strengths, turned = strengths.clamp_min(0), features @ directions
        moments = turned.T @ rows.axes
        alone = rows.axes.square().mean(0)
        lowest, self.left = alone, rows.axes.clone()
        shrunk = torch.zeros_like(moments)
        for penalty in _PENALTIES.tolist():
            kept_shares = 1 / (strengths + penalty)
            slopes = kept_shares[:, None] * moments
            left = left_out(rows.axes - turned @ slopes, turned, kept_shares, rows.blocks)
            error = left.square().mean(0)
            # the first of them must tell something, a later one more than those before
            better = error < torch.where(lowest < alone, lowest, (1 - _GAIN) * alone)
            lowest = torch.where(better, error, lowest)
            self.left[:, better], shrunk[:, better] = left[:, better], slopes[:, better]
        self.error = float(lowest.sum())
        self.weights = whitener @ (directions @ shrunk)


def _kernel(first: Tensor, second: Tensor, sharpness: Tensor) -> Tensor:
    """Gaussian kernel (n, m) of rows (n, k) and (m, k)."""
    return torch.exp(-sharpness * _squares(first, second))


def _squares(first: Tensor, second: Tensor) -> Tensor:
    """Squared distances (n, m) of rows (n, k) and (m, k)."""
    lengths = first.square().sum(1)[:, None] + second.square().sum(1)
    return (lengths - 2 * first @ second.T).clamp_min(0)
