"""Effects by labels and some pairs: pairs show how single samples react, labels where the layer moves in the mean.

Labels tell how the layer of a sample moves on average when its concept takes another value. Real samples do not move
alike, and a prediction changes where a sample happens to move further than the mean. Pairs that differ in the concept
alone show what moves there are beyond the shift that labels tell. Their covariance is shrunk towards that of what the
regression leaves of the samples (Ledoit and Wolf, 2004, in axes in which the latter is white). Each sample then moves
by its shift and by the remainder of another sample, turned and scaled to have this covariance.

Outputs of the pairs are known, and so is what would be said of them. The mean difference corrects the figure, the more
the surer it is, and where it is beyond chance the figure is not used at all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from interpret_inn.data.process import derived_seed
from interpret_inn.effects.alternatives import alternatives
from interpret_inn.effects.changes import Target
from interpret_inn.effects.class_shift import TOLD, ClassShift, told_by_others
from interpret_inn.effects.draws import Drawn, Figures, by_form, weights_drawn
from interpret_inn.effects.labelled_layer import Labelled, LabelledLayer, Tail
from interpret_inn.types import Concept, FloatArray, IntArray
from interpret_inn.types.numbers import TINY

FORM = "reaction"
"""The one form of a calibrated estimate: shifts with a remainder of another sample that varies as pairs do."""
TIMES = 3
"""Other samples whose remainder each sample gets, one after the other."""
_FOR_PAIRS = 30
"""The same for the samples of pairs."""
_DENIED = 2.58
"""Standard errors between what is said of the pairs and what is seen, from which pairs deny the estimate."""
_BIAS, _OF_FIGURE = 0.03, 0.15
"""Typical error of a figure that pairs do not correct: in cases, and of other changes as a share of the figure."""


class Reactions(NamedTuple):
    """How a layer moved in P pairs of inputs that differ in a concept alone.

    Attributes:
        first: The layer of the first inputs, float64 (P, D).
        second: That of the second ones.
        before: The concept with the values of the first inputs.
        after: With those of the second.
        groups: int64 (P,): pairs of one group are variants of one thing.
    """

    first: FloatArray
    second: FloatArray
    before: Concept
    after: Concept
    groups: IntArray

    def at(self, chosen: IntArray) -> Reactions:
        """Some of the pairs, by index."""
        before, after = self.before.at(chosen), self.after.at(chosen)
        return Reactions(self.first[chosen], self.second[chosen], before, after, self.groups[chosen])


class Calibration(NamedTuple):
    """What pairs and labels tell.

    Attributes:
        drawn: The figures with bootstrap draws, before the correction.
        more: The correction of the main figure.
        doubt: Its standard deviation: what the model still errs by.
        typical: The same of figures that are not corrected.
    """

    drawn: Drawn
    more: float
    doubt: float
    typical: float


@torch.no_grad()
def calibrate(
    data: Labelled,
    tail: Tail,
    reactions: Reactions,
    *,
    draws: int,
    target: Target = None,
    seed: int = 0,
) -> Calibration | None:
    """Estimates how outputs change when a concept takes other values.

    Args:
        data: The layer and the concepts.
        tail: What the model makes of the layer.
        reactions: Of some pairs at the same layer.
        draws: Of the bootstrap, which draws groups of samples and groups of pairs.
        target: What of the output to watch; see `measure`.
        seed: Of everything that is drawn.

    Returns:
        The figures; None if the concept has one value alone or is a function of the others, so that labels do not say
        what is its own, or if the outputs of the pairs deny the estimate.
    """
    taken = alternatives(data.concept, seed=seed)
    if taken is None:
        return None
    layer = LabelledLayer(data, tail, taken, target)
    random = np.random.default_rng(derived_seed(seed, "calibrated"))
    if told_by_others(layer.design) > TOLD:
        return None
    apart, error, typical = _beside_pairs(layer, reactions, random)
    if abs(apart) > _DENIED * error:
        return None
    # pairs that differ by more than their own chance show that the model errs by more than is typical
    typical = max(typical, float(np.sqrt(max(apart**2 - error**2, 0.0))))
    given = np.stack([random.permutation(len(data.layer)) for _ in range(TIMES)])
    found = _figures(layer, reactions, given)
    members, pairs = (np.unique(groups, return_inverse=True)[1] for groups in (data.groups, reactions.groups))
    drawn = []
    for _ in range(draws):
        samples = weights_drawn(members, int(members.max()) + 1, random)
        counts = weights_drawn(pairs, int(pairs.max()) + 1, random)
        some = np.repeat(np.arange(len(pairs)), counts.astype(np.int64))
        drawn.append(_figures(layer, reactions.at(some), given, samples))
    weight = typical**2 / (typical**2 + error**2)
    figures = Drawn(found, by_form(drawn, (FORM,)), layer.kind)
    return Calibration(figures, weight * apart, typical * float(np.sqrt(1 - weight)), typical)


def _figures(
    layer: LabelledLayer, reactions: Reactions, given: IntArray, weights: FloatArray | None = None
) -> Figures:
    """The figures; sample i takes the remainders of samples `given[:, i]`; weights of samples (N,)."""
    model = _Reaction(layer, reactions, weights)
    shifted = [layer.data.layer + each for each in layer.shifts(model.shift)]
    found = [layer.figures([each + model.remainders[some] for each in shifted], weights) for some in given]
    return {FORM: {key: float(np.mean([one[key] for one in found])) for key in found[0]}}


class _Reaction:
    """How samples move beside their mean.

    Attributes:
        shift: The regression of the samples.
        remainders: Of each sample, turned and scaled to vary as pairs do beside their shift, float64 (N, D).
        shifts: Of the pairs; what else is true of their inputs is not known: they shift as samples do on average.
    """

    def __init__(self, layer: LabelledLayer, reactions: Reactions, weights: FloatArray | None) -> None:
        from sklearn.covariance import ledoit_wolf  # loaded at need, as it takes a second

        self.shift = shift = layer.fitted(weights)
        noise = layer.noise
        counted = np.ones(len(layer.data.layer)) if weights is None else weights
        both = np.concatenate([np.asarray(end.values) for end in (reactions.before, reactions.after)])
        values, index = np.unique(both, axis=0, return_inverse=True)
        means = [
            np.average(shift.at(layer.with_values(np.repeat(value[None], len(counted), 0))), 0, counted)
            for value in values
        ]
        before, after = index.reshape(2, -1)
        self.shifts = np.stack(means)[after] - np.stack(means)[before]
        beside = (reactions.second - reactions.first - self.shifts) @ noise.whiten
        left = layer.left(shift, weights) @ noise.whiten
        scale = np.sqrt(max(float(np.average((left**2).mean(1), weights=counted)), TINY))
        # what else is true of pairs is not known, so their moves hold by how much shifts depend on it, too
        covariance = ledoit_wolf(beside, assume_centered=True)[0] - _spread_of_shifts(layer, shift, counted)
        variances, axes = np.linalg.eigh(covariance)
        turn = (axes * np.sqrt(np.maximum(variances, 0.0))) @ axes.T
        self.remainders: FloatArray = (left / scale) @ turn @ noise.colour


def _spread_of_shifts(layer: LabelledLayer, shift: ClassShift, weights: FloatArray) -> FloatArray:
    """How shifts from one value to another vary with the other concepts, in white axes: a covariance (r, r)."""
    taken, count = layer.taken, len(layer.taken.names)
    white = np.concatenate([moved @ layer.noise.whiten for moved in layer.shifts(shift)])
    way = np.unique((taken.cells * count + taken.others).ravel(), return_inverse=True)[1].reshape(-1)
    rows = np.tile(weights, len(taken.others))
    totals = np.bincount(way, rows)
    sums = np.zeros((len(totals), white.shape[1]))
    np.add.at(sums, way, white * rows[:, None])
    apart = white - (sums / np.maximum(totals, TINY)[:, None])[way]
    # a way of one sample says nothing of how far shifts vary: each way loses the degree of freedom of its mean
    free = max(float(rows.sum()) - int((totals > 0).sum()), 1.0)
    return np.asarray((apart * rows[:, None]).T @ apart / free)


def _beside_pairs(
    layer: LabelledLayer, reactions: Reactions, random: np.random.Generator
) -> tuple[float, float, float]:
    """How much more the outputs of pairs change than is said of them, its standard error, and a typical error."""
    model = _Reaction(layer, reactions, None)
    base = layer.outputs(reactions.first)
    seen = layer.moved(base, [reactions.second]).main(layer.kind)[0]
    given = random.integers(len(model.remainders), size=(_FOR_PAIRS, len(seen)))
    moved = [reactions.first + model.shifts + model.remainders[some] for some in given]
    expected = layer.moved(base, moved).main(layer.kind).mean(0)
    typical = _BIAS if layer.kind == "classes" else _OF_FIGURE * float(expected.mean())
    members = np.unique(reactions.groups, return_inverse=True)[1]
    apart, counts = np.bincount(members, seen - expected), np.bincount(members)
    mean = float(apart.sum() / counts.sum())
    squares = float(((apart - mean * counts) ** 2).sum())
    if layer.kind == "classes":  # few cases that all came out alike say little of how far they scatter
        squares = max(squares, float((np.bincount(members, expected * (1 - expected)) * counts).sum()))
    few = len(counts) / max(len(counts) - 1, 1)
    return mean, max(float(np.sqrt(squares * few)) / len(seen), TINY), typical
