"""Effects estimated from labels alone: each sample's layer is shifted to where the concept's other values lead."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from interpret_inn.data.process import derived_seed
from interpret_inn.effects.alternatives import Alternatives, alternatives
from interpret_inn.effects.changes import Target
from interpret_inn.effects.class_shift import ClassShift, chance_of_shift, fit_spreads, told_by_others
from interpret_inn.effects.draws import Drawn, Figures, by_form, weights_drawn
from interpret_inn.effects.figures import Key
from interpret_inn.effects.labelled_layer import Labelled, LabelledLayer, Tail
from interpret_inn.types import Concept, FloatArray, IntArray
from interpret_inn.types.numbers import NEGLIGIBLE, TINY

FORMS = ("shift", "transport", "exchange")
"""Ways in which a layer follows a concept: a shift by what the regression says; the same, and its spread around the
regression becomes that of the other value; and what the regression leaves, along the directions of the shift, becomes
that of another sample with this value. A real layer reacts image by image. Along these directions the first two take
its reaction for nothing and the last for all of the spread: at least and at most, if others' directions react less."""


class Estimate(NamedTuple):
    """The parts of an estimate. Figures are by form (see `FORMS`), then by name.

    Attributes:
        drawn: The figures, and the same over bootstrap draws of groups, each with a fit of its own.
        null: The same for concepts whose values were exchanged among samples, (R,) each.
        p: Of the hypothesis that the layer does not move with the concept: by random signs of whole groups.
        told: Share of the concept that the other concepts tell by a line.
        taken: The values that samples took instead.
        agree: Share of the bootstrap's fits by which the predicted class changes, float64 (M, N); NaN without classes.
    """

    drawn: Drawn
    null: dict[str, dict[Key, FloatArray]]
    p: float
    told: float
    taken: Alternatives
    agree: FloatArray


@torch.no_grad()
def estimate(
    data: Labelled,
    tail: Tail,
    *,
    draws: int,
    permutations: int,
    signs: int,
    target: Target = None,
    seed: int = 0,
) -> Estimate | None:
    """Estimates how outputs change when a concept takes other values; None if it has one value alone.

    Args:
        data: The layer and the concepts.
        tail: What the model makes of the layer.
        draws: Of the bootstrap.
        permutations: Of the concept's values, whose figures are the null.
        signs: Draws of the test.
        target: What of the output to watch; see `measure`.
        seed: Of everything that is drawn.
    """
    taken = alternatives(data.concept, seed=seed)
    if taken is None:
        return None
    layer = LabelledLayer(data, tail, taken, target)
    random = np.random.default_rng(derived_seed(seed, "effects"))
    found, _ = _figures(layer, layer.fitted())
    names, members = np.unique(data.groups, return_inverse=True)
    drawn, null, flips = [], [], np.zeros(taken.others.shape)
    for _ in range(draws):
        weights = weights_drawn(members, len(names), random)
        figures, flip = _figures(layer, layer.fitted(weights), weights)
        drawn.append(figures)
        flips += flip / draws
    for _ in range(permutations):
        concept = data.concept.at(_exchanged(data.concept, members, random))
        values = alternatives(concept, seed=seed) or taken
        other = LabelledLayer(data._replace(concept=concept), tail, values, target)
        null.append(_figures(other, other.fitted())[0])
    signs_drawn = np.where(random.random((signs, len(names))) < 0.5, -1.0, 1.0)
    p = chance_of_shift(data.layer, layer.design, data.groups, signs_drawn)
    all_figures = Drawn(found, by_form(drawn, FORMS), layer.kind)
    return Estimate(all_figures, by_form(null, FORMS), p, told_by_others(layer.design), taken, flips)


def _exchanged(concept: Concept, members: IntArray, random: np.random.Generator) -> IntArray:
    """For each sample one whose value it takes, (N,): groups exchange theirs if each has one value alone."""
    firsts = np.unique(members, return_index=True)[1]
    values = np.asarray(concept.values)
    if (values == values[firsts][members]).all():
        return np.asarray(firsts[random.permutation(len(firsts))][members])
    return random.permutation(len(members))


def _figures(
    layer: LabelledLayer, shift: ClassShift, weights: FloatArray | None = None
) -> tuple[Figures, FloatArray]:
    """The figures of each form, and the flips (M, N) of the plain shift.

    `weights` (N,) say how often each sample counts.
    """
    taken, left, found = layer.taken, layer.left(shift, weights), {}
    spreads = fit_spreads(left, taken.cells, len(taken.names), weights)
    layers = [layer.data.layer + moved for moved in layer.shifts(shift)]
    apart = _apart(layer, shift, left)
    flips = np.zeros(taken.others.shape)
    for form in FORMS:
        moved = layer.moved(layer.base, layers)
        found[form] = layer.summed(moved, weights)
        flips = moved.flip if form == "shift" else flips
        ways = zip(taken.others, taken.givers, strict=True)
        if form == "shift":
            more = [left * (spreads[cells] / spreads[taken.cells] - 1) for cells, _ in ways]
        else:
            more = [apart[givers] - apart for _, givers in ways]
        layers = [each + part for each, part in zip(layers, more, strict=True)]
    return found, flips


def _apart(layer: LabelledLayer, shift: ClassShift, left: FloatArray) -> FloatArray:
    """The part of what the regression leaves, (N, D), that lies along the directions in which the layer shifts."""
    noise = layer.noise
    moves = np.concatenate((shift.main, shift.joint)) @ noise.whiten
    _, scales, directions = np.linalg.svd(moves, full_matrices=False)
    kept = directions[scales > NEGLIGIBLE * max(scales.max(initial=0.0), TINY)]
    found: FloatArray = (left @ noise.whiten @ kept.T) @ (kept @ noise.colour)
    return found
