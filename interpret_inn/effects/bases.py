"""The effects of all concepts, each on the best basis that there is for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interpret_inn.backbones import Backbone
from interpret_inn.data import samples
from interpret_inn.effects.changes import Target
from interpret_inn.effects.from_labels import estimated_effects
from interpret_inn.effects.from_pairs import calibrated_effect
from interpret_inn.effects.given import read_counterfactuals
from interpret_inn.effects.inputs import InputPairs, Rendering
from interpret_inn.effects.measured import effect_of_pairs, effect_of_renderings
from interpret_inn.effects.records import Effect
from interpret_inn.effects.source_pairs import source_pairs
from interpret_inn.errors import ConceptError
from interpret_inn.fitting.store import FitData
from interpret_inn.types import Concept, Samples


def effects_of(
    backbone: Backbone,
    concepts: Sequence[Concept],
    data: FitData | None,
    inputs: Any,
    counterfactuals: Mapping[str, Any] | None,
    *,
    target: Target = None,
    seed: int = 0,
) -> dict[str, Effect]:
    """The effects of concepts that pairs or renderings show, in their order.

    Args:
        backbone: The model.
        concepts: Of the fit, with the values of its data.
        data: The data of the fit; None: not at hand.
        inputs: What is explained; None: the test split of the data.
        counterfactuals: As `Interpreter.explain` takes them. They come before what the sources of the fit give.
        target: What of the output to watch; see `measure`.
        seed: Of the bootstrap.

    Raises:
        ConceptError: counterfactuals that cannot be used.
        DataError: images that cannot be read.
        PluginError: a function among them raised.
    """
    found: dict[str, Effect] = {}
    for one in read_counterfactuals(counterfactuals, concepts):
        name = one.concept.name
        found[name] = _given(backbone, one, data, inputs, target=target, seed=seed)
    names = [concept.name for concept in concepts]
    for pairs in source_pairs(data) if data is not None else ():
        name = pairs.concept.name
        if name in names and name not in found:
            found |= _of_source(backbone, pairs, target=target, seed=seed)
    return {name: found[name] for name in names if name in found}


def with_estimates(
    known: Mapping[str, Effect],
    estimates: Mapping[str, Effect] | None,
    backbone: Backbone,
    data: FitData | None,
    names: Sequence[str],
    *,
    target: Target = None,
    seed: int = 0,
) -> dict[str, Effect]:
    """The effects that are known, and of all other concepts what labels tell; in the order of `names`.

    Args:
        known: Measured effects.
        estimates: What labels told of the outputs as a whole when the fit was evaluated. If a target is given, they
            are made anew, while the data are at hand.
        backbone: The model.
        data: The data of the fit; None: not at hand.
        names: Of the concepts.
        target: What of the output to watch; see `measure`.
        seed: Of everything that is drawn.
    """
    lacking = [name for name in names if name not in known]
    if target is not None:
        estimates = (
            {} if data is None else estimated_effects(backbone, data, lacking, target=target, seed=seed)
        )
    found = {name: effect for name, effect in (estimates or {}).items() if name in lacking} | dict(known)
    return {name: found[name] for name in names if name in found}


def _given(
    backbone: Backbone,
    given: InputPairs | Rendering,
    data: FitData | None,
    inputs: Any,
    *,
    target: Target,
    seed: int,
) -> Effect:
    """The effect that the caller's counterfactuals show."""
    if isinstance(given, InputPairs):
        return _of_pairs(backbone, given, data, target=target, seed=seed)
    shown, own = _shown(given.concept.name, data, inputs)
    return effect_of_renderings(backbone, given, shown, own, target=target, seed=seed)


def _shown(name: str, data: FitData | None, inputs: Any) -> tuple[Samples, Concept | None]:
    """The inputs that are explained, and a concept's values for them if these are known."""
    if inputs is not None or data is None:
        return samples(inputs), None
    concepts = data.pool.concepts_at(data.pool.indices("test"))
    own = next((concept for concept in concepts if concept.name == name), None)
    return data.test_inputs(), own


def _of_pairs(
    backbone: Backbone, pairs: InputPairs, data: FitData | None, *, target: Target, seed: int
) -> Effect:
    """The effect that pairs show, with labels where pairs are few."""
    measured = effect_of_pairs(backbone, pairs, target=target, seed=seed)
    return calibrated_effect(backbone, data, pairs, measured, target=target, seed=seed) or measured


def _of_source(backbone: Backbone, pairs: InputPairs, *, target: Target, seed: int) -> dict[str, Effect]:
    """The effect that a source's pairs show; none if too few of them differ."""
    try:
        differing = pairs.differing()
    except ConceptError:
        return {}
    return {pairs.concept.name: effect_of_pairs(backbone, differing, target=target, seed=seed)}
