"""How much of a concept some axes tell: the share of its functions that a regression explains on samples left out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from interpret_inn.flows import fit_kernel_mean
from interpret_inn.flows.left_out import blocks_of, left_out, with_mean
from interpret_inn.types.numbers import TINY

_PENALTIES = (1e-3, 1e-2, 0.1, 0.3, 1.0, 3.0)
"""Of the linear regression, in units of the axes' mean variance. A kernel chooses its own too: a line that had none
would fall behind it by the noise of many axes alone."""

_CENTRES = 512
"""Centres of the kernel at most: twice as many take eight times as long, and tell as much."""


class Told(NamedTuple):
    """Shares of the variance of a concept's functions, each sample predicted by a regression that left it out; ≤ 1.

    Attributes:
        line: By a linear regression.
        kernel: By kernel ridge regression.
    """

    line: float
    kernel: float


def told_share(codes: Tensor, functions: Tensor, groups: Tensor, generator: Generator) -> Told:
    """What codes tell of a concept.

    Args:
        codes: float (N, m).
        functions: Of the concept's values, of mean 0, float (N, k); see `heads.functions_of`.
        groups: Of the samples, int64 (N,): those of one group are left out together.
        generator: Draws the kernel's centres.
    """
    functions = functions.to(codes)
    kernel = fit_kernel_mean(codes, functions, generator=generator, groups=groups, most=_CENTRES)
    return Told(line_share(codes, functions, groups), 1 - kernel.share)


def line_share(codes: Tensor, functions: Tensor, groups: Tensor) -> float:
    """The share that a line explains on samples left out, by the best of some penalties; arguments as above."""
    codes, functions = codes.double(), functions.to(codes).double()
    codes = codes - codes.mean(0)
    values, vectors = torch.linalg.eigh(codes.T @ codes)
    turned, blocks = codes @ vectors, blocks_of(groups.to(codes.device))
    moment = turned.T @ functions
    unit = values.mean().clamp_min(TINY)
    left = []
    for penalty in _PENALTIES:
        weights = 1 / (values + penalty * unit)
        wrong = functions - turned @ (weights[:, None] * moment)
        left.append(float(left_out(wrong, *with_mean(turned, weights), blocks).square().sum()))
    return 1 - min(left) / max(float(functions.square().sum()), TINY)
