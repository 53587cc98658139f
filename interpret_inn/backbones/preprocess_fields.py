"""Refuses fields of a preprocess that nothing can be prepared with, such as files and flags may hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from interpret_inn.errors import InputError

LARGEST_PICTURE = 2**28
"""Pixels that a picture may be resized to, 16,384 squared: larger than any model takes, and still in memory."""


def require_numbers(*, size: Any, mean: Any, std: Any, crop_pct: Any, channels: Any) -> None:
    """Raises unless all fields that hold numbers hold such as a picture can be prepared with.

    Args:
        size: Two whole numbers of at least 1, or None.
        mean: Finite numbers, one for each channel.
        std: As many finite numbers above 0.
        crop_pct: A number in (0, 2].
        channels: A whole number of at least 1, or None.

    Raises:
        InputError: a field holds something else.
    """
    for name, value, fits, words in (
        ("size", size, size is None or _is_size(size), "two whole numbers from 1, (height, width)"),
        ("channels", channels, channels is None or _is_whole(channels), "a whole number from 1"),
        ("mean", mean, _are_numbers(mean), "a list of finite numbers, one for each channel"),
        ("std", std, _are_numbers(std), "a list of finite numbers, one for each channel"),
    ):
        if not fits:
            raise InputError(f"Expected {name} of a preprocess to be {words}, found {value!r:.80}.")
    if len(mean) != len(std) or any(value <= 0 for value in std):
        raise InputError(
            f"Expected a mean and a standard deviation above 0 for each channel, found {mean} and {std}."
        )
    if not _is_number(crop_pct) or not 0 < crop_pct <= 2:
        raise InputError(f"Expected crop_pct in (0, 2], found {crop_pct!r:.80}.")
    if size is not None:
        _require_moderate(size, crop_pct)


def _require_moderate(size: Sequence[Any], crop_pct: Any) -> None:
    """Raises if a picture would be resized to more than `LARGEST_PICTURE` pixels, what is cropped then counted in."""
    # a picture's shorter side may be brought to the longer of these, so that at least a square of it is made
    if max(size) > math.isqrt(LARGEST_PICTURE) * min(crop_pct, 1):
        raise InputError(
            f"Expected pictures of at most {LARGEST_PICTURE:,} pixels before they are cropped, found "
            f"size={tuple(size)!r:.80} with crop_pct={crop_pct:g}."
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _are_numbers(value: Any) -> bool:
    return isinstance(value, Sequence) and all(map(_is_number, value))


def _is_size(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) == 2 and all(map(_is_whole, value))
