"""Effects of the concepts of a fit that labels alone tell, as records."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import numpy as np

from interpret_inn.backbones import Backbone
from interpret_inn.effects.changes import Target
from interpret_inn.effects.class_shift import TOLD
from interpret_inn.effects.estimate_records import effect_of_estimate
from interpret_inn.effects.estimated import FORMS, estimate
from interpret_inn.effects.fit_samples import affordable, can_estimate, labelled_samples, lacking, tail_of
from interpret_inn.effects.labelled_layer import Labelled
from interpret_inn.effects.records import Effect
from interpret_inn.effects.single_images import single_images
from interpret_inn.fitting.store import FitData

_DRAWS, _PERMUTATIONS = 50, 10
"""Of the bootstrap, and of the null."""
_LEVEL, _SIGNS = 0.05, 199
"""False alarms on a page, with all its concepts together; and draws of the test, at least."""


def estimated_effects(
    backbone: Backbone, data: FitData, names: Iterable[str], *, target: Target = None, seed: int = 0
) -> dict[str, Effect]:
    """The effects of some concepts, estimated by the values that are known of the fit's samples.

    Args:
        backbone: The model and its site; nothing is found where `can_estimate` denies it.
        data: The data of the fit.
        names: Of the concepts; those without values, or of too few samples, are left out.
        target: What of the output to watch; see `measure`.
        seed: Of everything that is drawn.
    """
    if not can_estimate(backbone):
        return {}
    labelled = [concept.name for concept in data.pool.concepts if concept.values is not None]
    wanted, found = set(names), {}
    with backbone.session():
        for name in (one for one in labelled if one in wanted):
            samples = labelled_samples(data, name, seed=seed)
            effect = samples and _estimated(
                backbone, data, samples, name, len(labelled), target=target, seed=seed
            )
            if effect is not None:
                found[name] = effect
    return found


def _estimated(
    backbone: Backbone,
    data: FitData,
    samples: Labelled,
    name: str,
    concepts: int,
    *,
    target: Target,
    seed: int,
) -> Effect | None:
    tail = tail_of(backbone)
    share = affordable(backbone, tail, samples.layer, forms=len(FORMS), draws=_DRAWS + _PERMUTATIONS)
    signs = max(_SIGNS, math.ceil(2 * concepts / _LEVEL) - 1)
    found = estimate(
        samples,
        tail,
        draws=max(10, round(_DRAWS * share)),
        permutations=max(2, round(_PERMUTATIONS * share)),
        signs=signs,
        target=target,
        seed=seed,
    )
    if found is None or found.told > TOLD or not np.isfinite(found.drawn.found[FORMS[0]]["change",]):
        return None
    effect = effect_of_estimate(
        name, found, inputs=len(samples.layer), level=_LEVEL / concepts, class_names=backbone.class_names
    )
    images = single_images(effect, found, samples, data)
    return dataclasses.replace(effect, notes=(*effect.notes, *lacking(samples)), images=images)
