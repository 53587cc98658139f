"""Effects of labelled concepts of which a few pairs are at hand: pairs set the scale, labels tell the rest."""

from __future__ import annotations

import numpy as np

from interpret_inn.backbones import Backbone
from interpret_inn.effects.calibrated import FORM, TIMES, Reactions, calibrate
from interpret_inn.effects.changes import Target
from interpret_inn.effects.estimate_records import effect_of_calibration
from interpret_inn.effects.fit_samples import (
    FEWEST,
    affordable,
    can_estimate,
    labelled_samples,
    lacking,
    tail_of,
)
from interpret_inn.effects.inputs import InputPairs
from interpret_inn.effects.records import Effect
from interpret_inn.fitting.store import FitData
from interpret_inn.translating.encoding import BATCH, prepared
from interpret_inn.types import Concept, FloatArray, Samples

_MOST_PAIRS = 200
"""Pairs that settle an effect by themselves, within some 3 % of cases."""
_DRAWS = 50


def calibrated_effect(
    backbone: Backbone,
    data: FitData | None,
    pairs: InputPairs,
    measured: Effect,
    *,
    target: Target = None,
    seed: int = 0,
) -> Effect | None:
    """The effect that pairs and labels show together, if it is known better than by the pairs alone.

    Args:
        backbone: The model and its site.
        data: The data of the fit; None: not at hand.
        pairs: From 20 to 200 pairs whose values are known.
        measured: What these pairs show by themselves. Where the two disagree, nothing is calibrated.
        target: What of the output to watch; see `measure`.
        seed: Of everything that is drawn.
    """
    differing = pairs.differing()
    if len(differing.places) >= _MOST_PAIRS or measured.kind == "image" or data is None:
        return None
    if pairs.concept.values is None or differing.before is None:
        return None
    name = pairs.concept.name
    with backbone.session():
        samples = labelled_samples(data, name, seed=seed) if can_estimate(backbone) else None
        if samples is None:
            return None
        reactions = _of_known_values(_reactions(backbone, differing), samples.concept)
        if len(np.unique(reactions.groups)) < FEWEST:
            return None
        tail = tail_of(backbone)
        share = affordable(backbone, tail, samples.layer, forms=TIMES, draws=_DRAWS)
        draws = max(10, round(_DRAWS * share))
        found = calibrate(samples, tail, reactions, draws=draws, target=target, seed=seed)
    if found is None or not np.isfinite(found.drawn.found[FORM]["change",]):
        return None
    effect = effect_of_calibration(
        name,
        found,
        inputs=len(reactions.first),
        notes=(*differing.notes, _beside(measured), *lacking(samples)),
        class_names=backbone.class_names,
    )
    return effect if _better(effect, measured) else None


def _better(calibrated: Effect, measured: Effect) -> bool:
    """Whether a calibrated figure is known more closely than a measured one, which does not deny it."""
    own, alone = calibrated.main, measured.main
    return own.high - own.low < alone.high - alone.low and alone.low <= own.value <= alone.high


def _beside(measured: Effect) -> str:
    score = measured.main
    texts = [
        f"{100 * v:.0f}%" if measured.kind == "classes" else f"{v:.2g}"
        for v in (score.value, score.low, score.high)
    ]
    return (
        f"These pairs alone show {texts[0]} ({texts[1]} to {texts[2]}) for the changes that they make: they are few. "
        "The figure is of all changes that occur among the data, of which labels say more."
    )


def _reactions(backbone: Backbone, pairs: InputPairs) -> Reactions:
    """How the layer moves in each pair."""
    assert pairs.before is not None
    assert pairs.after is not None
    first, second = (
        _rows(backbone, samples, pairs.places[:, side].tolist())
        for side, samples in enumerate((pairs.first, pairs.second))
    )
    groups = pairs.groups
    if groups is None:  # pairs of one first input are variants of one thing
        groups = np.unique(first, axis=0, return_inverse=True)[1].reshape(-1)
    return Reactions(first, second, pairs.before, pairs.after, np.asarray(groups))


def _of_known_values(reactions: Reactions, concept: Concept) -> Reactions:
    """The pairs between classes that samples of the fit have: of others, labels tell no shift."""
    if concept.indicators is None:
        return reactions
    ends = [
        np.isin(np.asarray(end.values), np.asarray(concept.values))
        for end in (reactions.before, reactions.after)
    ]
    return reactions.at(np.flatnonzero(ends[0] & ends[1]))


def _rows(backbone: Backbone, samples: Samples, places: list[int]) -> FloatArray:
    """Rows of the layer, float64 (P, D)."""
    found = []
    for start in range(0, len(places), BATCH):
        ready = prepared(backbone, samples.take(places[start : start + BATCH]), start=start)
        found.append(backbone.layout.to_rows(backbone.represent(ready))[0].detach().cpu().double().numpy())
    return np.concatenate(found)
