"""How codes of the data are spread: Gaussians with the mean and the covariance of the stored codes."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Generator, Tensor

from interpret_inn.translating.fitted import Fitted

_AT_ONCE = 1024
_PARTS = 10


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
    return Spread(fitted.reference_codes[:, first:stop], width=stop - first)


def mixture_draws(codes: Tensor, n: int, *, seed: int) -> Tensor:
    """`n` draws from a mixture of up to ten Gaussians fitted to codes (M, d), float (n, d).

    Covariances are full where there are enough codes for them, else diagonal.
    """
    from sklearn.mixture import GaussianMixture

    count, width = codes.shape
    parts = max(1, min(_PARTS, count // 20))
    shape = "full" if count >= 4 * width * parts else "diag"
    mixture = GaussianMixture(parts, covariance_type=shape, random_state=seed, max_iter=200, reg_covar=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not quite converged is no matter for draws
        mixture.fit(codes.double().cpu().numpy())
    # draws come part by part: shuffled, so that any stretch of them is a fair sample
    return torch.from_numpy(mixture.sample(n)[0]).to(codes)[torch.randperm(n, generator=_seeded(seed))]


def _seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)
