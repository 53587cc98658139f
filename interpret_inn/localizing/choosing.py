"""The localizer that was asked for, by name or as an object; and which one where nothing was said."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from numbers import Integral
from typing import TYPE_CHECKING, Any

from interpret_inn.errors import LocalizerError
from interpret_inn.explaining.explain import Locate
from interpret_inn.explaining.places import Place
from interpret_inn.explaining.view import View
from interpret_inn.localizing.places import report_places
from interpret_inn.plugin import get_manager
from interpret_inn.plugin.named import NamedLocalizer
from interpret_inn.translating.batch import Batch
from interpret_inn.types import Localizer

if TYPE_CHECKING:
    from interpret_inn.interpreter import Interpreter

AUTO = "auto"
QUICK: Mapping[str, Any] = {"steps": 20}
"""Options of the automatic choice in a report, which shows many factors and is to be read soon."""


def chosen_localizer(
    interpreter: Interpreter,
    localizer: Localizer | str,
    options: Mapping[str, Any],
    *,
    seed: int | None = None,
) -> tuple[Localizer, str]:
    """A localizer from what `localize` was given, and what to call it.

    Args:
        interpreter: A fitted interpreter.
        localizer: A name, "auto", or a callable.
        options: Of the one that is named.
        seed: Given to the one that is named, where it takes one; None: it has its own.

    Raises:
        LocalizerError: neither a name nor what can be called as a localizer, or options that nobody would read.
        PluginError: an unknown name or option.
    """
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0):
        raise LocalizerError(f"Expected seed to be a whole number, at least 0, found {seed!r}.")
    if isinstance(localizer, str):
        name = _automatic(interpreter) if localizer == AUTO else localizer
        if seed is not None and "seed" in signature(get_manager().find("localizer", name).build).parameters:
            options = {"seed": seed} | dict(options)
        return get_manager().localizer(name, **options), name
    _require_localizer(localizer)
    if options:
        raise LocalizerError(
            f"Expected no options beside a localizer that is made already, found {sorted(options)}. Give them to "
            'inn.localizer("name", …), or name the localizer.'
        )
    if isinstance(localizer, NamedLocalizer):
        return localizer, localizer.name
    return localizer, str(getattr(localizer, "__name__", type(localizer).__name__))


def _require_localizer(localizer: Any) -> None:
    """Of what can be called as (interpreter, inputs, factor); a class would take them for its own options."""
    if isinstance(localizer, type) or not callable(localizer):
        found = f"the class {localizer.__name__}" if isinstance(localizer, type) else type(localizer).__name__
        raise LocalizerError(
            f"Expected the name of a localizer or a callable that takes (interpreter, inputs, factor), found {found}. "
            'Type localizer="masks", or an object of that class.'
        )
    try:
        signature(localizer).bind(None, None, None)
    except ValueError:  # a callable whose signature cannot be read
        return
    except TypeError as problem:
        raise LocalizerError(
            f"Expected a localizer that takes (interpreter, inputs, factor), found one that does not: {problem}."
        ) from None


def places_finder(interpreter: Interpreter, localizer: Localizer | str | None, *, seed: int) -> Locate | None:
    """What finds the places of an explanation.

    None where nothing is to be localized, or where the automatic choice has been left out of the plugins.
    """
    if localizer is None:
        return None
    options: Mapping[str, Any] = {}
    if localizer == AUTO:
        name = _automatic(interpreter)
        if name not in {spec.name for spec in get_manager().localizers()}:
            return None
        options = QUICK if name == "masks" else {}
    made, title = chosen_localizer(interpreter, localizer, options)

    def locate(batch: Batch, view: View) -> tuple[Place, ...]:
        return report_places(interpreter, made, title, batch, view, seed=seed)

    return locate


def _automatic(interpreter: Interpreter) -> str:
    fitted = interpreter.fitted
    at_places = (
        fitted.layout.name in ("positions", "pooled") and fitted.layout.grid(fitted.z_shape) is not None
    )
    return "positions" if at_places else "masks"
