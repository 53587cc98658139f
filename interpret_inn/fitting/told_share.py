"""How much of a concept some axes tell: the share of its functions that a regression explains on samples left out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from interpret_inn.flows import fit_kernel_mean
from interpret_inn.types.numbers import TINY

_RIDGE = 1e-3
"""Penalty of the linear regression in units of the axes' variance: only against axes that are almost the same."""


class Told(NamedTuple):
    """Shares of the variance of a concept's functions, each sample predicted by a regression that left it out; ≤ 1.

    Attributes:
        line: By a linear regression.
        kernel: By kernel ridge regression.
    """

    line: float
    kernel: float


def told_share(codes: Tensor, functions: Tensor, generator: Generator) -> Told:
    """What codes tell of a concept.

    Args:
        codes: float (N, m).
        functions: Of the concept's values, of mean 0, float (N, k); see `heads.functions_of`.
        generator: Draws the kernel's centres.
    """
    kernel = fit_kernel_mean(codes, functions.to(codes), generator=generator)
    return Told(line_share(codes, functions), 1 - kernel.share)


def line_share(codes: Tensor, functions: Tensor) -> float:
    """The share that a line explains on samples left out; arguments as above."""
    codes, functions = codes.double(), functions.to(codes).double()
    codes = codes - codes.mean(0)
    gram = codes.T @ codes
    ridge = _RIDGE * gram.diagonal().mean() * torch.eye(len(gram)).to(gram)
    hat = torch.linalg.solve(gram + ridge, codes.T)
    leverage = (codes * hat.T).sum(1)
    left = (functions - codes @ (hat @ functions)) / (1 - leverage - 1 / len(codes)).clamp_min(TINY**0.5)[
        :, None
    ]
    return 1 - float(left.square().sum() / functions.square().sum().clamp_min(TINY))


def held_share(
    codes: Tensor, held_codes: Tensor, functions: Tensor, held_functions: Tensor, generator: Generator
) -> float:
    """The share that kernel ridge regression from codes (N, m) explains on held-out ones (M, m)."""
    shift = functions.mean(0)
    fitted = fit_kernel_mean(codes, functions.to(codes) - shift.to(codes), generator=generator)
    guesses = fitted.mean(held_codes.float()).cpu().double() + shift
    left = (held_functions - guesses).square().sum()
    return 1 - float(left / (held_functions - held_functions.mean(0)).square().sum().clamp_min(TINY))
