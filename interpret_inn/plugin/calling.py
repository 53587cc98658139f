"""Calls into plugins: options checked beforehand, failures named afterwards."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from interpret_inn.errors import InnError, PluginError, suggest
from interpret_inn.types import Localizer, LocalizerFunction, Masks, Score
from interpret_inn.types.completing import NEEDED, lacks_members, missing_text, refuse_strange_members
from interpret_inn.types.metric_calls import score_fault


def call_named(title: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Calls a plugin's function; what it raises names `title`.

    Raises:
        PluginError: it raised an error that is neither this library's nor one of memory, which callers answer with
            smaller batches.
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
        PluginError: the function does not take an option, or needs one that is missing.
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
        PluginError: needed members are missing, or a misspelt one would never be read; they are named.
    """
    missing = lacks_members(source)
    if missing:
        raise PluginError(
            f"Expected {title} to build an object with {', '.join(NEEDED)}, {missing_text(source, missing)}"
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
