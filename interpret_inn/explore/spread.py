"""How codes of the data are spread: Gaussians with the mean and the covariance of the stored codes."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from interpret_inn.fitting.fitted import Fitted

_AT_ONCE = 1024


class Spread:
    """The Gaussian of some stored codes.

    It is drawn from without its covariance matrix: for weights `w ~ N(0, I_M)` the sum
    `mean + Σ w_m (b_m − mean) / sqrt(M)` of the M codes `b` has exactly their mean and covariance, however many
    axes they have.

    Args:
        codes: float (M, d).
        width: Axes that draws are to have; those beyond `d` (not stored) are 0.
    """

    def __init__(self, codes: Tensor, *, width: int) -> None:
        self._mean = codes.mean(0)
        self._offsets = (codes - self._mean) / math.sqrt(len(codes))
        self._missing = width - codes.shape[1]

    @property
    def mean(self) -> Tensor:
        """Mean code, float (width,)."""
        return self._padded(self._mean)

    def noise(self, n: int, generator: Generator) -> Tensor:
        """`n` independent draws from N(0, covariance), float (n, width)."""
        draws = []
        for first in range(0, n, _AT_ONCE):
            count = min(_AT_ONCE, n - first)
            weights = torch.randn(count, len(self._offsets), generator=generator, dtype=self._offsets.dtype)
            draws.append(weights.to(self._offsets.device) @ self._offsets)
        return self._padded(torch.cat(draws))

    def _padded(self, codes: Tensor) -> Tensor:
        return torch.nn.functional.pad(codes, (0, self._missing))


def spread_of(fitted: Fitted, first: int = 0, last: int | None = None) -> Spread:
    """The spread of the axes `first` to `last` of all stored codes; None: to the end."""
    stop = fitted.factors.total if last is None else last
    return Spread(fitted.bank[:, first:stop], width=stop - first)
