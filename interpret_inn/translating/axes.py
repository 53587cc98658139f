"""The main direction of a factor, and how the data lie along it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from interpret_inn.translating.directions import main_direction
from interpret_inn.translating.fitted import Fitted


@dataclass(frozen=True)
class FactorAxis:
    """A direction in a factor and the stored data along it.

    Attributes:
        direction: Unit vector, float (size,).
        mean: Mean position of the data.
        std: Standard deviation of the data along it.
        quantiles: Positions below which 0 %, 1 % … 100 % of the data lie, float (101,).
    """

    direction: Tensor
    mean: float
    std: float
    quantiles: Tensor

    @classmethod
    def along(cls, direction: Tensor, codes: Tensor) -> FactorAxis:
        """From a direction (size,) and the factor's codes (N, size)."""
        positions = codes @ direction
        quantiles = torch.quantile(positions, torch.linspace(0, 1, 101).to(positions))
        spread = float(positions.std(correction=0))
        return cls(direction, float(positions.mean()), max(spread, 1e-6), quantiles)

    def position(self, codes: Tensor) -> Tensor:
        """Position of codes (..., size), in standard deviations from the mean, (...)."""
        return (codes @ self.direction.to(codes) - self.mean) / self.std

    def percentile(self, positions: Tensor) -> Tensor:
        """Share of the data below positions given in standard deviations, 0 to 100."""
        where = torch.searchsorted(self.quantiles, (positions * self.std + self.mean).to(self.quantiles))
        return where.clamp(0, 100)

    def moved(self, codes: Tensor, positions: Tensor) -> Tensor:
        """Codes (B, ..., size) put at positions (S,) along the direction: (S, B, ..., size)."""
        steps = positions.to(codes).reshape(-1, *[1] * (codes.ndim - 1))
        return codes + ((steps - self.position(codes)) * self.std)[..., None] * self.direction.to(codes)


def factor_axes(fitted: Fitted) -> dict[str, FactorAxis]:
    """The main direction of every factor, from the stored codes of the training split."""
    axes = {}
    for factor in fitted.factors:
        codes = fitted.reference_codes[:, factor.start : min(factor.stop, fitted.reference_codes.shape[1])]
        found = torch.from_numpy(main_direction(codes, fitted.concept(factor))).to(codes)
        axis = FactorAxis.along(found, codes)
        short = factor.size - len(found)
        whole = torch.nn.functional.pad(axis.direction, (0, short))
        axes[factor.name] = FactorAxis(whole, axis.mean, axis.std, axis.quantiles)
    return axes
