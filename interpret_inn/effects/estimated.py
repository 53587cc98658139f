"""Effects estimated from labels alone: each sample's layer is shifted to where the concept's other values lead."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interpret_inn.data.process import derived_seed
from interpret_inn.effects.alternatives import FEWEST_CASES, Alternatives, alternatives
from interpret_inn.effects.changes import OutputKind, Target, measure, output_kind
from interpret_inn.effects.class_shift import (
    ClassShift,
    Design,
    Noise,
    chance_of_shift,
    fit_class_shift,
    fit_noise,
    fit_spreads,
    told_by_others,
)
from interpret_inn.effects.value_functions import basis_of
from interpret_inn.types import Concept, FloatArray, IntArray
from interpret_inn.types.numbers import NEGLIGIBLE, TINY

Tail = Callable[[FloatArray], Tensor]
"""From rows of a layer, float64 (n, D), to the model's primary outputs (n, …)."""
FORMS = ("shift", "transport", "exchange")
"""Ways in which a layer follows a concept: a shift by what the regression says; the same, and its spread around the
regression becomes that of the other value; and what the regression leaves, along the directions of the shift, becomes
that of another sample with this value. A real layer reacts image by image. Along these directions the first two take
its reaction for nothing and the last for all of the spread: at least and at most, if others' directions react less."""
_MOST_CLASSES = 20
"""Predicted classes that have figures of their own, at most."""
_ENDS = 0.01
"""Share of a layer's numbers that must be exactly its least one (as behind a ReLU) for edits to stop there, too."""


class Labelled(NamedTuple):
    """A layer of N samples, and what is known of them.

    Attributes:
        layer: float64 (N, D).
        concept: The concept, all of whose values are known.
        others: The other concepts.
        groups: int64 (N,): samples of one group are variants of one thing.
    """

    layer: FloatArray
    concept: Concept
    others: tuple[Concept, ...]
    groups: IntArray


_COMPLETE = 0.5
"""Share of samples of which all other concepts are known, at least, for these alone to be used."""


def complete(data: Labelled) -> Labelled:
    """The samples of which every other concept is known, if they are enough; else all of them.

    Of a sample with an unknown value nothing can be adjusted for it: what goes together with the concept would count as
    its effect.
    """
    known = np.ones(len(data.layer), np.bool_)
    for other in data.others:
        known &= other.known
    if known.all() or known.mean() < _COMPLETE:
        return data
    others = tuple(other.at(known) for other in data.others)
    return Labelled(data.layer[known], data.concept.at(known), others, data.groups[known])


class Moved(NamedTuple):
    """By how much outputs change, float64 (M, N), one row for each alternative value; NaN where it has no meaning.

    Attributes:
        flip: Whether the predicted class is another one.
        kl: KL divergence between the predictions, nats.
        change: Absolute change of the target.
        predicted: The class after the change.
    """

    flip: FloatArray
    kl: FloatArray
    change: FloatArray
    predicted: FloatArray

    def main(self, kind: OutputKind) -> FloatArray:
        """The main figure of each case: flips of classes, else changes."""
        return self.flip if kind == "classes" else self.change


Key = tuple[str, ...]
"""Names a figure: a measure; "even"; "values" with two values; "class" with a number."""


class Estimate(NamedTuple):
    """The parts of an estimate. Figures are by form (see `FORMS`), then by name.

    Attributes:
        found: The figures.
        drawn: The same over bootstrap draws of groups, each with a fit of its own, (B,) each.
        null: The same for concepts whose values were exchanged among samples, (R,) each.
        p: Of the hypothesis that the layer does not move with the concept: by random signs of whole groups.
        kind: What outputs are.
        alternatives: The values that were taken.
        told: Share of the concept that the other concepts tell by a line.
        base: Class that is predicted for each sample, int64 (N,); −1 without classes.
    """

    found: dict[str, dict[Key, float]]
    drawn: dict[str, dict[Key, FloatArray]]
    null: dict[str, dict[Key, FloatArray]]
    p: float
    kind: OutputKind
    alternatives: Alternatives
    told: float
    base: IntArray


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
    run = _Run(data, tail, taken, target)
    random = np.random.default_rng(derived_seed(seed, "effects"))
    found = run.figures(run.fitted())
    names, members = np.unique(data.groups, return_inverse=True)
    drawn, null = [], []
    for _ in range(draws):
        drawing = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))[members]
        weights = drawing.astype(np.float64)
        drawn.append(run.figures(run.fitted(weights), weights))
    for _ in range(permutations):
        concept = data.concept.at(_exchanged(data.concept, members, random))
        other = _Run(data._replace(concept=concept), tail, alternatives(concept, seed=seed) or taken, target)
        null.append(other.figures(other.fitted()))
    flips = np.where(random.random((signs, len(names))) < 0.5, -1.0, 1.0)
    p = chance_of_shift(data.layer, run.design, data.groups, flips)
    return Estimate(
        found, _by_form(drawn), _by_form(null), p, run.kind, taken, told_by_others(run.design), run.predicted
    )


def _exchanged(concept: Concept, members: IntArray, random: np.random.Generator) -> IntArray:
    """For each sample one whose value it takes, (N,): groups exchange theirs if each has one value alone."""
    firsts = np.unique(members, return_index=True)[1]
    values = np.asarray(concept.values)
    if (values == values[firsts][members]).all():
        return np.asarray(firsts[random.permutation(len(firsts))][members])
    return random.permutation(len(members))


def _by_form(rows: Sequence[dict[str, dict[Key, float]]]) -> dict[str, dict[Key, FloatArray]]:
    if not rows:
        return {form: {} for form in FORMS}
    return {
        form: {key: np.array([row[form].get(key, math.nan) for row in rows]) for key in rows[0][form]}
        for form in FORMS
    }


def figures_of(
    moved: Moved, kind: OutputKind, taken: Alternatives, predicted: IntArray, weights: FloatArray
) -> dict[Key, float]:
    """Means over samples, each as often as its weight (N,), other values as often as in the data."""
    cases = taken.data * weights
    found: dict[Key, float] = {
        (name,): _mean(getattr(moved, name), cases) for name in ("flip", "kl", "change")
    }
    own = taken.shares[taken.cells]
    shares = np.concatenate((own[None], taken.data * (1 - own)))
    numbers = np.concatenate((np.where(predicted < 0, math.nan, predicted)[None], moved.predicted))
    middle = (numbers * shares).sum(0)
    found["class_std",] = _mean(np.sqrt(((numbers - middle) ** 2 * shares).sum(0)), weights)
    main = moved.main(kind)
    found["even",] = _mean(main, taken.even * weights)
    for before, after in taken.moves:
        chosen = (taken.cells == before) & (taken.others == after)
        found["values", taken.names[before], taken.names[after]] = _mean(main, chosen * weights)
    classes, counts = np.unique(predicted[predicted >= 0], return_counts=True)
    for number in classes[(counts >= FEWEST_CASES)][np.argsort(-counts[counts >= FEWEST_CASES])][
        :_MOST_CLASSES
    ]:
        found["class", str(number)] = _mean(main, cases * (predicted == number))
    return found


def _mean(values: FloatArray, weights: FloatArray) -> float:
    total = weights.sum()
    return float((values * weights).sum() / total) if total > 0 else math.nan


class _Run:
    """One layer with its design, to fit shifts to and to move."""

    def __init__(self, data: Labelled, tail: Tail, other: Alternatives, target: Target) -> None:
        self.data, self.tail, self.other, self.target = data, tail, other, target
        self.basis = basis_of(data.concept)
        parts = [basis_of(concept).columns(np.asarray(concept.values)) for concept in data.others]
        # a value that is not known is no value: without a column of its own it would count as the first class
        parts += [np.asarray(~one.known, np.float64)[:, None] for one in data.others if not one.known.all()]
        self.others = np.concatenate([np.ones((len(data.layer), 1)), *parts], 1)
        self.design = self.with_values(np.asarray(data.concept.values))
        self.noise: Noise = fit_noise(data.layer, self.design, data.groups)
        self.base = tail(data.layer)
        self.kind = output_kind(self.base)
        classes = self.kind == "classes"
        self.predicted = self.base.argmax(1).numpy() if classes else np.full(len(data.layer), -1)
        least = data.layer.min()
        self.least = least if (data.layer == least).mean() > _ENDS else -np.inf

    def with_values(self, values: FloatArray) -> Design:
        return Design(self.others, self.basis.columns(values))

    def fitted(self, weights: FloatArray | None = None) -> ClassShift:
        return fit_class_shift(self.data.layer, self.design, self.noise, weights)

    def figures(self, shift: ClassShift, weights: FloatArray | None = None) -> dict[str, dict[Key, float]]:
        """The figures of each form; `weights` (N,) say how often each sample counts."""
        here, found = shift.at(self.design), {}
        left, spreads = self._spreads(here, weights)
        counted = np.ones(len(here)) if weights is None else weights
        layers = [self.data.layer + shift.at(self.with_values(values)) - here for values in self.other.values]
        apart = self._apart(shift, left)
        for form in FORMS:
            moved = self._moved(layers)
            found[form] = figures_of(moved, self.kind, self.other, self.predicted, counted)
            ways = zip(self.other.others, self.other.givers, strict=True)
            if form == "shift":
                more = [left * (spreads[cells] / spreads[self.other.cells] - 1) for cells, _ in ways]
            else:
                more = [apart[givers] - apart for _, givers in ways]
            layers = [layer + part for layer, part in zip(layers, more, strict=True)]
        return found

    def _apart(self, shift: ClassShift, left: FloatArray) -> FloatArray:
        """The part of what the regression leaves, (N, D), that lies along the directions in which the layer shifts."""
        moves = np.concatenate((shift.main, shift.joint)) @ self.noise.whiten
        _, scales, directions = np.linalg.svd(moves, full_matrices=False)
        kept = directions[scales > NEGLIGIBLE * max(scales.max(initial=0.0), TINY)]
        found: FloatArray = (left @ self.noise.whiten @ kept.T) @ (kept @ self.noise.colour)
        return found

    def _moved(self, layers: Sequence[FloatArray]) -> Moved:
        """Changes of the outputs at these layers, one (N, D) for each alternative."""
        outputs = self.tail(np.maximum(np.concatenate(layers), self.least))
        before = torch.cat([self.base] * len(layers))
        found = measure(before, outputs[None], kind=self.kind, target=self.target)
        nothing = np.full(len(outputs), math.nan)
        predicted = outputs.argmax(1).double().numpy() if self.kind == "classes" else nothing
        columns = (found.flip, found.kl, found.change, predicted)
        return Moved(*(column.reshape(len(layers), -1) for column in columns))

    def _spreads(self, here: FloatArray, weights: FloatArray | None) -> tuple[FloatArray, FloatArray]:
        """What the regression leaves of each sample, and how far that spreads by value of the concept."""
        root = np.ones((len(here), 1)) if weights is None else np.sqrt(weights)[:, None]
        apart = self.data.layer - here
        left = apart - self.others @ np.linalg.lstsq(self.others * root, apart * root, rcond=None)[0]
        return left, fit_spreads(left, self.other.cells, len(self.other.names), weights)
