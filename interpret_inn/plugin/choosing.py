"""The concept sources that a fit was asked for, by name or as objects."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from interpret_inn.errors import ConceptError, suggest
from interpret_inn.plugin.manager import concept_source, get_manager
from interpret_inn.translating.settings import FitSettings
from interpret_inn.types import ConceptSource, as_source
from interpret_inn.types.completing import lacks_members


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
        PluginError: an unknown name, options that the source does not take, or members of a source that nobody would
            read.
    """
    for source in sources:
        if not isinstance(source, str) and lacks_members(source):
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
        concept_source(source, **_seeded(source, seed), **options)
        if isinstance(source, str)
        else as_source(source)
        for source in sources
    ]


def _seeded(source: str, seed: int) -> dict[str, int]:
    takes = inspect.signature(get_manager().find("concept_source", source).build).parameters
    return {"seed": seed} if "seed" in takes else {}


def _refuse_typos(named: Sequence[str], options: Iterable[str]) -> None:
    """Says so where an option that the source does not take is nearly a setting of the fit."""
    for source in named:
        takes = inspect.signature(get_manager().find("concept_source", source).build).parameters
        for option in options:
            near = difflib.get_close_matches(option, FitSettings.names(), n=1, cutoff=0.75)
            if near and option not in takes and "options" not in takes:
                raise ConceptError(
                    f"Neither the fit nor the concept source {source!r} takes {option!r}. "
                    f"Did you mean {near[0]!r}?"
                )
