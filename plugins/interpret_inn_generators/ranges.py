"""The range of values of images."""

from __future__ import annotations

from torch import Tensor

from interpret_inn.types.numbers import SLACK

Range = tuple[float, float]

FEW = 0.01
"""A smaller share of values outside a range is an accident, and is not spoken of."""
RANDOM = 1e-4
"""Two runs on the same inputs that differ by more, as a share of the spread, differ by more than rounding."""
_CLEARLY_BELOW = -0.05  # a few dark pixels just under 0 do not make a range from −1


def guess_range(images: Tensor) -> Range | None:
    """(0, 1) or (−1, 1) if images (n, ...) look so, else None."""
    low, high = shown(images)
    if low >= -SLACK and high <= 1 + SLACK:
        return 0.0, 1.0
    if low >= -1 - SLACK and high <= 1 + SLACK and low < _CLEARLY_BELOW:
        return -1.0, 1.0
    return None


def shown(images: Tensor) -> Range:
    """The lowest and the highest value."""
    low, high = images.aminmax()
    return float(low), float(high)


def outside(images: Tensor, value_range: Range) -> float:
    """Share of values that lie outside by more than a hundredth of the range."""
    low, high = value_range
    slack = (high - low) / 100
    return float(((images < low - slack) | (images > high + slack)).float().mean())
