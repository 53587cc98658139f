"""How far each axis of a white space is to be trusted to tell a concept, judged by samples that are left out.

A white space makes axes alike whose variances in the layer differ by orders of magnitude. Canonical directions take the
small ones for as good as the large ones, and of few samples they fit the noise in them. Ridge regression in the layer's
own units trusts an axis of variance s by s / (s + λ).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from interpret_inn.flows.left_out import blocks_of, left_out
from interpret_inn.types import IntArray
from interpret_inn.types.numbers import TINY

_PENALTIES = (0.0, *np.logspace(-4, 1, 16).tolist())
"""Of ridge regression, in units of the mean variance of the axes; 0 trusts all axes alike."""


def axis_trust(rows: Tensor, functions: Tensor, variances: Tensor, groups: IntArray | None) -> Tensor:
    """The weights (d,), in [0, 1], with which ridge regression of a concept shrinks white axes.

    The penalty is the one whose leave-one-out predictions correlate most with the concept's functions (mean square over
    functions; predictions that correlate negatively count as none). Their size does not matter, as it would for squared
    error: only directions are asked for.

    Args:
        rows: Exactly white samples of mean 0, float64 (N, d).
        functions: Of the concept's values, of mean 0, float64 (N, k).
        variances: Of the axes in the layer, float64 (d,).
        groups: Of the samples, int64 (N,): those of one group are left out together. None: all are apart.
    """
    unit = variances.mean().clamp_min(TINY)
    blocks = [] if groups is None else blocks_of(torch.from_numpy(np.unique(groups, return_inverse=True)[1]))
    moment = rows.T @ functions / len(rows)
    best, found = -1.0, torch.ones_like(variances)
    for penalty in _PENALTIES:
        weights = variances / (variances + penalty * unit) if penalty else torch.ones_like(variances)
        left = functions - rows @ (weights[:, None] * moment)
        predicted = functions - left_out(left, rows, weights / len(rows), blocks)
        told = _agreement(predicted, functions)
        if told > best:
            best, found = told, weights
    return found


def _agreement(predicted: Tensor, functions: Tensor) -> float:
    """Mean squared correlation of columns (N, k) with columns, of those that correlate positively."""
    centred = predicted - predicted.mean(0)
    sizes = (centred.square().sum(0) * functions.square().sum(0)).sqrt().clamp_min(TINY)
    return float(((centred * functions).sum(0) / sizes).clamp_min(0).square().mean())
