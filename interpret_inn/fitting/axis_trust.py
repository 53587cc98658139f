"""How far each axis of a white space is to be trusted to tell a concept, judged by samples that are left out.

A white space makes axes alike whose variances in the layer differ by orders of magnitude. Canonical directions take the
small ones for as good as the large ones, and of few samples they fit the noise in them. Ridge regression in the layer's
own units trusts an axis of variance s by s / (s + λ).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interpret_inn.flows.left_out import blocks_of, left_out, with_mean
from interpret_inn.types import IntArray
from interpret_inn.types.numbers import TINY

_PENALTIES = (0.0, *np.logspace(-4, 1, 16).tolist())
"""Of ridge regression, in units of the mean variance of the axes; 0 trusts all axes alike."""
_SAME = 1e-12
"""Axes of a smaller share of the largest variance among the samples are rounding."""


class Trusted(NamedTuple):
    """A ridge regression of a concept's functions.

    Attributes:
        maps: From functions of the samples to slopes along white axes, float64 (d, N).
        predicted: Functions (N, k) of each sample, by a regression that left it (and its group) out.
    """

    maps: Tensor
    predicted: Tensor


def trusted(rows: Tensor, functions: Tensor, variances: Tensor, groups: IntArray) -> Trusted:
    """Ridge regression in the layer's own units, by the penalty whose predictions of samples left out fit best.

    They fit best where they correlate most with the concept's functions (mean square over functions; predictions that
    correlate negatively count as none). Their size does not matter, as it would for squared error: only directions are
    asked for.

    Args:
        rows: Samples of mean 0, float64 (N, d); white, if they are all that the white space was made from.
        functions: Of the concept's values, of mean 0, float64 (N, k).
        variances: Of the axes in the layer, float64 (d,).
        groups: Of the samples, int64 (N,): those of one group are left out together.
    """
    blocks = blocks_of(torch.from_numpy(np.unique(groups, return_inverse=True)[1]).to(rows.device))
    scales = (variances / variances.mean().clamp_min(TINY)).clamp_min(TINY**2).sqrt()
    strengths, axes = _spectrum(rows * scales)
    turned = (rows * scales) @ axes
    moment, best, found = turned.T @ functions, -1.0, None
    for penalty in _PENALTIES:
        if not penalty and len(rows) <= rows.shape[1]:
            continue  # it would pass through every sample
        weights = 1 / (strengths + penalty * len(rows))
        wrong = functions - turned @ (weights[:, None] * moment)
        predicted = functions - left_out(wrong, *with_mean(turned, weights), blocks)
        told = float(agreement(predicted, functions).mean())
        if told > best:
            best, found = told, (weights, predicted)
    assert found is not None
    weights, predicted = found
    return Trusted((scales[:, None] * axes * weights) @ turned.T, predicted)


def agreement(predicted: Tensor, functions: Tensor) -> Tensor:
    """Squared correlation (k,) of columns (N, k) with columns; 0 of those that correlate negatively."""
    predicted, functions = (part - part.mean(0) for part in (predicted, functions))
    sizes = (predicted.square().sum(0) * functions.square().sum(0)).sqrt().clamp_min(TINY)
    return ((predicted * functions).sum(0) / sizes).clamp(0, 1).square()


def _spectrum(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Squared singular values (r,) of rows (N, d), and their axes (d, r), without those that are rounding."""
    if len(rows) < rows.shape[1]:
        _, values, axes = torch.linalg.svd(rows, full_matrices=False)
        strengths, axes = values.square(), axes.T
    else:
        strengths, axes = torch.linalg.eigh(rows.T @ rows)
    kept = strengths > _SAME * strengths.max()
    return strengths[kept], axes[:, kept]
