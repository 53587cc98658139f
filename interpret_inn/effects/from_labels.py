"""Effects of the concepts of a fit that labels alone tell, as records."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Backbone, Carried, primary
from interpret_inn.backbones.state import device_and_dtype
from interpret_inn.data.process import derived_seed
from interpret_inn.effects.changes import Target
from interpret_inn.effects.estimated import FORMS, Estimate, Key, Labelled, Tail, complete, estimate
from interpret_inn.effects.records import Effect
from interpret_inn.fitting.store import FitData
from interpret_inn.types import Concept, FloatArray, Score
from interpret_inn.types.concepts import class_name

MOST_SAMPLES = 1000
"""Samples of each concept that are used, at most, drawn from all splits: no part of the flow is."""
_FEWEST = 20
"""Samples with a value below which nothing is estimated."""
_POINT = FORMS[:2]
"""Forms whose mean is the figure. Its interval reaches from the lowest of these to the highest of all."""
_DEVIATIONS, _AROUND = 1.96, 0.003
"""Half an interval: deviations of the bootstrap, and of shares what a few samples more or less make."""
_DRAWS, _PERMUTATIONS = 50, 10
_WORK = 1e11
"""Multiplications of the layers behind the site that the draws of one concept may take; of dear ones fewer are made."""
_A_NUMBER = 500
"""Multiplications for each number of an output, at least, as images are made by layers that use a weight many times."""
_LEVEL, _SIGNS = 0.05, 199
"""False alarms on a page, with all its concepts together; and draws of the test, at least."""
_TOLD = 0.99
"""Share of a concept that others tell from which nothing says what is its own."""
_LACKING = 0.1
"""Share of samples without a value of another concept that is worth a note."""
_AT_ONCE = 512
_MEASURES = {"flip_rate": "flip", "kl": "kl", "change": "change", "class_std": "class_std"}


def estimated_effects(
    backbone: Backbone, data: FitData, names: Iterable[str], *, target: Target = None, seed: int = 0
) -> dict[str, Effect]:
    """The effects of some concepts, estimated by the values that are known of the fit's samples.

    Only where the layers behind the site make the outputs by themselves, from rows that hold the whole representation
    (the layouts `vector` and `flat`): a mean over positions cannot carry what changes at one of them.

    Args:
        backbone: The model and its site.
        data: The data of the fit.
        names: Of the concepts; those without values, or of too few samples, are left out.
        target: What of the output to watch; see `measure`.
        seed: Of everything that is drawn.
    """
    if not can_estimate(backbone):
        return {}
    labelled = [concept for concept in data.pool.concepts if concept.values is not None]
    wanted, found = set(names), {}
    with backbone.session():
        for concept in labelled:
            chosen = _chosen(data, concept, seed) if concept.name in wanted else torch.zeros(0)
            if len(chosen) < _FEWEST:
                continue
            effect = _estimated(backbone, data, concept.name, chosen, len(labelled), target=target, seed=seed)
            if effect is not None:
                found[concept.name] = effect
    return found


def can_estimate(backbone: Backbone) -> bool:
    """Whether effects can be estimated at the site of a model that has run."""
    whole = backbone.layout.name in ("vector", "flat")
    return whole and backbone.has_tail and not backbone.draws_random_numbers


def _chosen(data: FitData, concept: Concept, seed: int) -> Tensor:
    """Rows of the pool in which a concept is known, at most `MOST_SAMPLES` of them, int64 (n,)."""
    known = torch.cat([data.pool.indices(split) for split in ("train", "validation", "test")])
    values = next(c for c in data.pool.concepts_at(known) if c.name == concept.name)
    known = known[torch.from_numpy(values.known)]
    order = torch.randperm(len(known), generator=Generator().manual_seed(derived_seed(seed, concept.name)))
    return known[order[:MOST_SAMPLES]]


def _estimated(
    backbone: Backbone, data: FitData, name: str, rows: Tensor, concepts: int, *, target: Target, seed: int
) -> Effect | None:
    every = data.pool.concepts_at(rows)
    own = next(concept for concept in every if concept.name == name)
    others = tuple(c for c in every if c.name != name and c.values is not None and c.known.any())
    layer = data.rows(rows)[:, 0].cpu().double().numpy()
    labelled = complete(Labelled(layer, own, others, data.pool.groups_at(rows)))
    layer = labelled.layer
    tail = _tail_of(backbone)
    draws, permutations = _affordable(backbone, tail, layer)
    signs = max(_SIGNS, math.ceil(2 * concepts / _LEVEL) - 1)
    found = estimate(
        labelled, tail, draws=draws, permutations=permutations, signs=signs, target=target, seed=seed
    )
    if found is None or found.told > _TOLD or not np.isfinite(found.found[FORMS[0]]["change",]):
        return None
    effect = effect_of_estimate(
        name, found, inputs=len(layer), level=_LEVEL / concepts, class_names=backbone.class_names
    )
    return dataclasses.replace(effect, notes=(*effect.notes, *_lacking(labelled)))


def _lacking(data: Labelled) -> list[str]:
    """Says for which concepts an effect is adjusted in part only, and whether there are too few groups to test it."""
    notes = [
        f"{1 - other.known.mean():.0%} of the samples have no {other.name}, so it is adjusted for only in part."
        for other in data.others
        if 1 - other.known.mean() > _LACKING
    ]
    groups = len(np.unique(data.groups))
    if groups < _FEWEST:
        notes.append(f"Only {groups} groups of samples are there: too few to test an effect.")
    return notes


def _tail_of(backbone: Backbone) -> Tail:
    """The layers behind the site, from rows of the representation."""
    device, dtype = device_and_dtype(backbone.model)
    carried = Carried(tuple(backbone.z_shape), dtype)

    def tail(rows: FloatArray) -> Tensor:
        parts = torch.from_numpy(rows).float().split(_AT_ONCE)
        outputs = [
            primary(backbone.tail(backbone.layout.from_rows(part, carried).to(device))).detach().cpu()
            for part in parts
        ]
        return torch.cat(outputs)

    return tail


def _affordable(backbone: Backbone, tail: Tail, layer: FloatArray) -> tuple[int, int]:
    """Draws of the bootstrap, and permutations, by what the layers behind the site cost, roughly."""
    module = backbone.model.get_submodule(backbone.address.path)
    weights = sum(parameter.numel() for parameter in module.parameters())
    each = max(weights, _A_NUMBER * tail(layer[:1]).numel()) * len(layer) * len(FORMS)
    share = min(1.0, _WORK / each / (_DRAWS + _PERMUTATIONS))
    return max(10, round(_DRAWS * share)), max(2, round(_PERMUTATIONS * share))


def effect_of_estimate(
    name: str, found: Estimate, *, inputs: int, level: float, class_names: Sequence[str] | None = None
) -> Effect:
    """The record of an estimate.

    Args:
        name: Of the concept.
        found: Its parts.
        inputs: Samples that it is of.
        level: Of the test: if its p-value is larger, no effect is shown, and intervals begin at 0.
        class_names: Of the model's outputs, in order.
    """
    shown = found.p <= level

    def score(key: Key, *, share: bool) -> Score:
        return _score(found, key, share=share, shown=shown)

    flips = found.kind == "classes"
    main: Callable[[Key], Score] = lambda key: score(key, share=flips)  # noqa: E731
    values: dict[str, dict[str, Score]] = {}
    classes: dict[str, Score] = {}
    for key in found.found[FORMS[0]]:
        if key[0] == "values":
            values.setdefault(key[1], {})[key[2]] = main(key)
        elif key[0] == "class":
            classes[class_name(int(key[1]), class_names)] = main(key)
    measures = {field: score((key,), share=key == "flip") for field, key in _MEASURES.items()}
    at = {"data": measures["flip_rate" if flips else "change"]}
    even = main(("even",))
    if abs(even.value - at["data"].value) > _AROUND:
        at["even"] = even
    null = {
        field: float(np.mean([found.null[form][key,].mean() for form in _POINT]))
        for field, key in _MEASURES.items()
        if (key,) in found.null[FORMS[0]]
    }
    return Effect(
        concept=name, basis="estimated", kind=found.kind, **measures, at=at, values=values, by_class=classes,
        null=null, p=found.p, inputs=inputs, notes=_notes(name, found, level),
    )  # fmt: skip


def _score(found: Estimate, key: Key, *, share: bool, shown: bool) -> Score:
    """A figure: the mean of the forms, from the lowest of these to the highest of all."""
    forms = {form: found.found[form][key] for form in FORMS}
    value = float(np.mean([forms[form] for form in _POINT]))
    if not math.isfinite(value):
        return Score(math.nan)
    more = _AROUND if share else 0.0
    half = {form: _DEVIATIONS * float(np.nanstd(found.drawn[form][key])) + more for form in FORMS}
    low = max(0.0, min(forms[form] - half[form] for form in _POINT)) if shown else 0.0
    high = max(forms[form] + half[form] for form in FORMS)
    return Score(value, min(low, value), min(high, 1.0) if share else high)


def _notes(name: str, found: Estimate, level: float) -> tuple[str, ...]:
    notes = [
        "The interval reaches from what images must change at least, if all of one class react alike, to what they "
        f"change if each reacts in its own way. Pairs of images that differ in {name} alone would settle it: render or "
        f"photograph 50 images with another {name}, and give them as counterfactuals={{{name!r}: (images, others)}}."
    ]
    if found.p > level:
        notes.insert(
            0, f"The layer does not surely move with {name} (p = {found.p:.2g}), so no effect is shown."
        )
    return tuple(notes)
