"""Calls into plugins: options checked beforehand, failures named afterwards."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interpret_inn.errors import InnError, PluginError, suggest
from interpret_inn.types import Localizer, LocalizerFunction, Masks, Score
from interpret_inn.types.completing import NEEDED, lacks_members, refuse_strange_members, told_missing

_ROUNDING = 1e-9
"""An end of an interval may be so much beyond the value, as a share of it."""


def call_named(title: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Calls a plugin's function; what it raises names `title`.

    Raises:
        PluginError: it raised something that is neither this library's nor about memory.
    """
    try:
        return function(*arguments, **options)
    except InnError as error:
        error.add_note(f"(raised by {title})")
        raise
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise PluginError(f"{_sentence(title)} failed. {type(error).__name__}: {error}") from error


def check_options(
    title: str, function: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]
) -> None:
    """Compares a call's options with the function's signature, so that a misspelt one is named.

    Raises:
        PluginError: an option that it does not take, or one missing that it needs.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some callables written in C do not tell
        return
    try:
        signature.bind(*arguments, **options)
    except TypeError as error:
        raise PluginError(_misfit(title, signature, arguments, options, error)) from None


def _misfit(
    title: str,
    signature: inspect.Signature,
    arguments: Sequence[Any],
    options: Mapping[str, Any],
    error: TypeError,
) -> str:
    parameters = list(signature.parameters.values())
    by_name = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for option in options:
        if option not in by_name and not open_ended:
            hint = suggest(option, by_name[len(arguments) :])
            return f"{_sentence(title)} takes no option {option!r}. {hint}"
    missing = [
        p.name
        for p in parameters[len(arguments) :]
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name not in options
    ]
    if missing:
        return f"{_sentence(title)} needs {', '.join(f'{name}=' for name in missing)} and was called without."
    return f"{_sentence(title)} cannot be called so: {error}."


def check_source(title: str, source: Any) -> None:
    """Refuses what cannot be a concept source.

    Raises:
        PluginError: needed members are missing, or some would never be read; they are named.
    """
    missing = lacks_members(source)
    if missing:
        raise PluginError(
            f"Expected {title} to build an object with {', '.join(NEEDED)}, {told_missing(source, missing)}"
        )
    refuse_strange_members(source)


def checked_score(title: str, found: Any) -> Score:
    """A metric's score with plain numbers in it.

    Raises:
        PluginError: it is no `Score`, holds what is no number, is NaN, or is outside its own interval.
    """
    if not isinstance(found, Score):
        raise PluginError(
            f"Expected {title} to give a Score, found an object of type {type(found).__name__}."
        )
    fault = score_fault(found)
    if fault:
        raise PluginError(f"The Score of {title} cannot be used. {fault}")
    parts = {str(name): float(value) for name, value in found.parts.items()}
    return Score(float(found.value), float(found.low), float(found.high), parts)


def score_fault(score: Score) -> str:
    """What is wrong with a score, a sentence; empty if nothing is. Infinity may be a score, NaN is none."""
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
    """Python's and NumPy's numbers, and arrays and tensors of one; no text and no truth value."""
    if isinstance(value, (Tensor, np.ndarray)):
        return value.ndim == 0 and _is_number(value.item())
    return isinstance(value, (Real, np.number)) and not isinstance(value, (bool, np.complexfloating))


def parameter_names(function: Callable[..., Any]) -> list[str]:
    """Names of what a function takes; none if it does not tell, as some that are written in C."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def _sentence(title: str) -> str:
    return title[:1].upper() + title[1:]


class NamedLocalizer(Localizer):
    """A plugin's localizer; what it raises names who supplied it.

    Args:
        name: What it is listed as.
        title: What errors call it.
        built: What the plugin built, whose `space`, `notes` and `batchwise` it has.
    """

    def __init__(self, name: str, title: str, built: LocalizerFunction) -> None:
        self.name, self._title, self._built = name, title, built
        self.space = getattr(built, "space", Localizer.space)
        self.notes = getattr(built, "notes", Localizer.notes)
        self.batchwise = getattr(built, "batchwise", Localizer.batchwise)

    def __call__(self, translator: Any, inputs: Any, factor: str) -> Tensor | Masks:
        """Masks of a factor; see `Localizer`."""
        found: Tensor | Masks = call_named(self._title, self._built, translator, inputs, factor)
        return found
