"""The range of values of images."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from interpret_inn.errors import BackboneError
from interpret_inn.types.numbers import SLACK

Range = tuple[float, float]

_CLEARLY_BELOW = -0.05  # a few dark pixels just under 0 do not make a range from −1


def checked_range(value_range: Any) -> Range | None:
    """The range that the user gives, as numbers.

    Raises:
        BackboneError: it is no pair of a lower and a higher finite number.
    """
    if value_range is None:
        return None
    try:
        low, high = map(float, value_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BackboneError(
            "Expected value_range as a pair of the lowest and the highest value of images, such as (-1, 1), "
            f"found {value_range!r}."
        )
    return low, high


def guess_range(images: Tensor) -> Range | None:
    """(0, 1) or (−1, 1) where images (n, ...) look so, else None."""
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
