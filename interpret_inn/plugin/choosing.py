"""The concept sources and the localizer that were asked for, by name or as objects."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

from interpret_inn.errors import ConceptError, LocalizerError, suggest
from interpret_inn.plugin.calling import NamedLocalizer
from interpret_inn.plugin.shared_manager import get_manager
from interpret_inn.translating.settings import FitSettings
from interpret_inn.translating.translator import Translator
from interpret_inn.types import ConceptSource, Localizer, LocalizerFunction, LocalizerSpec, as_source
from interpret_inn.types.completing import is_meant_as_source, lacks_members
from interpret_inn.types.members import refuse_near_names

AUTO = "auto"
_NEAR = 0.75
"""Similarity (`difflib`, 0 to 1) from which an option counts as a misspelt setting: above the 0.6 at which
errors suggest names, as an option of a source may be a little like a setting."""


def chosen_sources(
    sources: Sequence[ConceptSource | str], options: dict[str, Any], *, seed: int = 0
) -> list[ConceptSource]:
    """Concept sources from what `fit` was given; options belong to the one source that is named.

    Args:
        sources: Concept sources, or names of some.
        options: Of the one that is named.
        seed: Of the fit, which named sources that draw have as theirs.

    Raises:
        ConceptError: neither a source nor a name, or options of no source or of several.
        PluginError: an unknown name, options that the source does not take, needed members that a source lacks, or
            members that would never be read.
    """
    for source in sources:
        if not isinstance(source, str) and lacks_members(source) and not is_meant_as_source(source):
            raise ConceptError(
                "Expected a concept source or the name of one, found an object of type "
                f'{type(source).__name__}. Type fit("labels", data=images, labels=…).'
            )
    named = [source for source in sources if isinstance(source, str)]
    if options and len(named) != 1:
        near = suggest(next(iter(options)), FitSettings.names())
        raise ConceptError(
            f"Expected settings of the fit, found {sorted(options)}. {near} Options of a source go with the "
            'name of one source, fit("labels", data=…), or into concept_source("labels", data=…).'
        )
    _refuse_typos(named, options)
    return [
        get_manager().concept_source(source, **_seeded(source, seed), **options)
        if isinstance(source, str)
        else as_source(source)
        for source in sources
    ]


def _seeded(source: str, seed: int) -> dict[str, int]:
    takes = inspect.signature(get_manager().find("concept_source", source).build).parameters
    return {"seed": seed} if "seed" in takes else {}


def _refuse_typos(named: Sequence[str], options: Iterable[str]) -> None:
    """Refuses an option that the source does not take and that is nearly a setting of the fit."""
    for source in named:
        takes = inspect.signature(get_manager().find("concept_source", source).build).parameters
        for option in options:
            near = difflib.get_close_matches(option, FitSettings.names(), n=1, cutoff=_NEAR)
            if near and option not in takes and "options" not in takes:
                raise ConceptError(
                    f"Neither the fit nor the concept source {source!r} takes {option!r}. "
                    f"Did you mean {near[0]!r}?"
                )


def chosen_localizer(
    translator: Translator,
    localizer: LocalizerFunction | str,
    options: Mapping[str, Any],
    *,
    seed: int | None = None,
) -> tuple[LocalizerFunction, str]:
    """A localizer from what `localize` was given, and what to call it.

    Args:
        translator: Of a fitted interpreter.
        localizer: A name, "auto", or a callable.
        options: Of the one that is named.
        seed: Given to the one that is named, if it takes one; None: it has its own.

    Raises:
        LocalizerError: neither a name nor what can be called as a localizer, options beside an object, or
            "auto" although no localizer suits.
        PluginError: an unknown name or option, or a public name of an object that is nearly a member's.
    """
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0):
        raise LocalizerError(f"Expected seed to be a whole number, at least 0, found {seed!r}.")
    if isinstance(localizer, str):
        name = _automatic(translator).name if localizer == AUTO else localizer
        if (
            seed is not None
            and "seed" in inspect.signature(get_manager().find("localizer", name).build).parameters
        ):
            options = {"seed": seed} | dict(options)
        return get_manager().localizer(name, **options), name
    _require_localizer(localizer)
    if options:
        raise LocalizerError(
            f"Expected no options beside a localizer that is made already, found {sorted(options)}. Give them to "
            'inn.localizer("name", …), or name the localizer.'
        )
    name = _name_of(localizer)
    if not isinstance(localizer, NamedLocalizer):
        refuse_near_names(localizer, Localizer, owner=f"the localizer {name!r}")
    return localizer, name


def report_localizer(
    translator: Translator, localizer: LocalizerFunction | str | None
) -> tuple[LocalizerFunction, str] | None:
    """What localizes in a report, and what to call it: as `chosen_localizer`, but "auto" is built to be quick.

    Returns:
        None if nothing is to be localized, or if no installed localizer suits.

    Raises:
        LocalizerError, PluginError: as `chosen_localizer`.
    """
    if localizer is None:
        return None
    if localizer != AUTO:
        return chosen_localizer(translator, localizer, {})
    spec = suited(translator)
    return None if spec is None else chosen_localizer(translator, spec.name, spec.quick)


def suited(translator: Translator) -> LocalizerSpec | None:
    """The localizer that says it suits best; None if none gives a number above 0.

    Raises:
        PluginError: one failed, and the manager is strict.
    """
    manager = get_manager()
    answers = [(manager.suits(spec, translator), spec) for spec in manager.localizers()]
    most, best = max(answers, key=lambda answer: answer[0], default=(0.0, None))
    return best if most > 0 else None


def _automatic(translator: Translator) -> LocalizerSpec:
    spec = suited(translator)
    if spec is None:
        known = [each.name for each in get_manager().localizers()]
        which = f"Name one of {known}" if known else "None is installed; inn.plugins() lists all plugins"
        raise LocalizerError(f'localizer="auto" found no localizer that suits this model. {which}.')
    return spec


def _name_of(localizer: Any) -> str:
    named = getattr(localizer, "name", "")
    if isinstance(named, str) and named:
        return named
    return str(getattr(localizer, "__name__", type(localizer).__name__))


def _require_localizer(localizer: Any) -> None:
    """Refuses what cannot be called as (translator, inputs, factor), and a class, which such a call would build."""
    if isinstance(localizer, type) or not callable(localizer):
        found = f"the class {localizer.__name__}" if isinstance(localizer, type) else type(localizer).__name__
        raise LocalizerError(
            f"Expected the name of a localizer or a callable that takes (translator, inputs, factor), found {found}. "
            "Type a name that inn.plugins() lists, or an object of that class."
        )
    try:
        inspect.signature(localizer).bind(None, None, None)
    except ValueError:  # a callable whose signature cannot be read
        return
    except TypeError as problem:
        raise LocalizerError(
            f"Expected a localizer that takes (translator, inputs, factor), found one that does not: {problem}."
        ) from None
