"""Concepts and groups of sources that cannot be fitted, refused before anything is encoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interpret_inn.errors import ConceptError, PluginError
from interpret_inn.types import Concept, ConceptSource
from interpret_inn.types.concept_faults import concept_faults, group_faults, value_faults


def refuse_concepts(sources: Sequence[ConceptSource], chosen: Sequence[Sequence[Concept]]) -> None:
    """Refuses concepts that cannot be fitted together.

    Args:
        sources: Those of the fit.
        chosen: The concepts of each.

    Raises:
        ConceptError: two sources name the same concept, or there is none.
        PluginError: names, kinds or values that cannot be used, or an order of concepts that have values.
    """
    for source, concepts in zip(sources, chosen, strict=True):
        _refuse(source, concept_faults(source.name, concepts))
    _refuse_same_names(sources, chosen)
    for source, concepts in zip(sources, chosen, strict=True):
        for concept in concepts:
            if concept.values is not None:  # else its pairs say all
                _refuse(source, value_faults(concept, len(source.samples)))
        _refuse_order_of_values(source, concepts)


def refuse_groups(source: ConceptSource) -> None:
    """Refuses groups, or origins, that are not a whole number for each sample.

    Raises:
        PluginError: they are something else.
    """
    for groups in (source.samples.groups, getattr(source.samples, "origins", None)):
        _refuse(source, group_faults(groups, len(source.samples)))


def _refuse(source: ConceptSource, faults: Iterator[str]) -> None:
    for sentence in faults:
        raise PluginError(f"The concept source {source.name!a} cannot be fitted. {sentence}")


def _refuse_order_of_values(source: ConceptSource, concepts: Sequence[Concept]) -> None:
    """Refuses values in an ordered source: its factors change places, and values would stay with the wrong factor."""
    valued = [concept.name for concept in concepts if concept.values is not None]
    if source.ordered and valued:
        raise PluginError(
            f"The concept source {source.name!r} is `ordered`, but its concepts {valued} have values; expected only "
            "unlabelled concepts, as their names go to other factors after the fit."
        )


def _refuse_same_names(sources: Sequence[ConceptSource], chosen: Sequence[Sequence[Concept]]) -> None:
    owner: dict[str, str] = {}
    for source, concepts in zip(sources, chosen, strict=True):
        for concept in concepts:
            if concept.name in owner:
                raise ConceptError(
                    f"The concept {concept.name!r} is named by both {owner[concept.name]!r} and "
                    f"{source.name!r}. Rename one of them."
                )
            owner[concept.name] = source.name
    if not owner:
        raise ConceptError("Expected at least one concept, found none in any source.")
