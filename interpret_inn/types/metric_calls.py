"""Which arguments a metric takes, and what is wrong with a score that it returns."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np
from torch import Tensor

from interpret_inn.types.results import Score

_ROUNDING = 1e-9
"""The value may lie outside its interval by this share of itself."""


def score_fault(score: Score) -> str:
    """What is wrong with a score, in a sentence; empty if nothing is. Infinity may be a score, NaN may not."""
    if not isinstance(score.parts, Mapping):
        return f"Expected its parts to be a mapping from names to numbers, found {score.parts!r:.80}."
    numbers = {"value": score.value, "low": score.low, "high": score.high, **score.parts}
    strange = {name: number for name, number in numbers.items() if not _is_number(number)}
    if strange:
        return f"Expected numbers in a Score, found {strange!r:.120}."
    value, low, high = (float(number) for number in (score.value, score.low, score.high))
    if math.isnan(value):
        return "Expected a number, found NaN. Raise InputError, with the reason, if the data do not suit the metric."
    rounding = _ROUNDING * abs(value) if math.isfinite(value) else 0.0
    if low > value + rounding or high < value - rounding:
        return f"Expected an interval that holds the value, found {low:g} to {high:g} for {value:g}."
    return ""


def _is_number(value: Any) -> bool:
    """Whether this is a real number of Python or NumPy, or an array or tensor of one; a truth value is not."""
    if isinstance(value, (Tensor, np.ndarray)):
        return value.ndim == 0 and _is_number(value.item())
    return isinstance(value, (Real, np.number)) and not isinstance(value, (bool, np.complexfloating))


def parameter_names(function: Callable[..., Any]) -> list[str]:
    """Names of a function's parameters; none if it has no signature, as some functions that are written in C."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []
