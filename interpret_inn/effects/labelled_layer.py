"""A layer of labelled samples: its regression on the concepts, and what the model makes of it once it has moved."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interpret_inn.effects.alternatives import Alternatives
from interpret_inn.effects.changes import Target, measure, output_kind
from interpret_inn.effects.class_shift import ClassShift, Design, Noise, fit_class_shift, fit_noise
from interpret_inn.effects.figures import Key, Moved, figures_of
from interpret_inn.effects.value_functions import basis_of
from interpret_inn.types import Concept, FloatArray, IntArray

Tail = Callable[[FloatArray], Tensor]
"""From rows of a layer, float64 (n, D), to the model's primary outputs (n, …)."""
_ENDS = 0.01
"""Share of a layer's numbers that must be exactly its least one (as behind a ReLU) for edits to stop there, too."""
_COMPLETE = 0.5
"""Share of samples of which all other concepts are known, at least, for these alone to be used."""


class Labelled(NamedTuple):
    """A layer of N samples, and what is known of them.

    Attributes:
        layer: float64 (N, D).
        concept: The concept, all of whose values are known.
        others: The other concepts.
        groups: int64 (N,): samples of one group are variants of one thing.
        rows: int64 (N,), where the samples stand among the fit's; None: not said.
    """

    layer: FloatArray
    concept: Concept
    others: tuple[Concept, ...]
    groups: IntArray
    rows: IntArray | None = None


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
    rows = None if data.rows is None else data.rows[known]
    return Labelled(data.layer[known], data.concept.at(known), others, data.groups[known], rows)


class LabelledLayer:
    """One layer with its design, to fit shifts to and to move.

    Args:
        data: The layer and the concepts.
        tail: What the model makes of the layer.
        taken: The values that the concept takes instead.
        target: What of the output to watch; see `measure`.

    Attributes:
        design: Of the regression.
        noise: Of the layer around it.
        base: The outputs (N, …) without a change.
        kind: What outputs are.
        predicted: Class that is predicted for each sample, int64 (N,); −1 without classes.
    """

    def __init__(self, data: Labelled, tail: Tail, taken: Alternatives, target: Target) -> None:
        self.data, self.taken, self._tail, self._target = data, taken, tail, target
        self._basis = basis_of(data.concept)
        parts = [basis_of(concept).columns(np.asarray(concept.values)) for concept in data.others]
        # a value that is not known is no value: without a column of its own it would count as the first class
        parts += [np.asarray(~one.known, np.float64)[:, None] for one in data.others if not one.known.all()]
        self._others = np.concatenate([np.ones((len(data.layer), 1)), *parts], 1)
        self.design = self.with_values(np.asarray(data.concept.values))
        self.noise: Noise = fit_noise(data.layer, self.design, data.groups)
        self.base = tail(data.layer)
        self.kind = output_kind(self.base)
        classes = self.kind == "classes"
        self.predicted = self.base.argmax(1).numpy() if classes else np.full(len(data.layer), -1)
        least = data.layer.min()
        self._least = least if (data.layer == least).mean() > _ENDS else -np.inf

    def with_values(self, values: FloatArray) -> Design:
        """The design if the samples had other values (N, …) of the concept."""
        return Design(self._others, self._basis.columns(values))

    def fitted(self, weights: FloatArray | None = None) -> ClassShift:
        """The regression; `weights` (N,) say how often each sample counts."""
        return fit_class_shift(self.data.layer, self.design, self.noise, weights)

    def shifts(self, shift: ClassShift) -> list[FloatArray]:
        """How far each sample's layer moves to each of its alternative values, M arrays (N, D)."""
        here = shift.at(self.design)
        return [shift.at(self.with_values(values)) - here for values in self.taken.values]

    def left(self, shift: ClassShift, weights: FloatArray | None = None) -> FloatArray:
        """What the regression leaves of each sample, (N, D)."""
        root = np.ones((len(self._others), 1)) if weights is None else np.sqrt(weights)[:, None]
        apart = self.data.layer - shift.at(self.design)
        found: FloatArray = (
            apart - self._others @ np.linalg.lstsq(self._others * root, apart * root, rcond=None)[0]
        )
        return found

    def figures(self, layers: Sequence[FloatArray], weights: FloatArray | None = None) -> dict[Key, float]:
        """What the outputs come to at these layers, one (N, D) for each alternative."""
        return self.summed(self.moved(self.base, layers), weights)

    def summed(self, moved: Moved, weights: FloatArray | None = None) -> dict[Key, float]:
        """The figures of changed outputs; `weights` (N,) say how often each sample counts."""
        counted = np.ones(len(self.base)) if weights is None else weights
        return figures_of(moved, self.kind, self.taken, self.predicted, counted)

    def moved(self, base: Tensor, layers: Sequence[FloatArray]) -> Moved:
        """How outputs (n, …) change if the layer of these samples becomes each of some others, M arrays (n, D)."""
        outputs = self.outputs(np.concatenate(layers))
        found = measure(torch.cat([base] * len(layers)), outputs[None], kind=self.kind, target=self._target)
        nothing = np.full(len(outputs), math.nan)
        predicted = outputs.argmax(1).double().numpy() if self.kind == "classes" else nothing
        columns = (found.flip, found.kl, found.change, predicted)
        return Moved(*(column.reshape(len(layers), -1) for column in columns))

    def outputs(self, rows: FloatArray) -> Tensor:
        """What the model makes of rows (n, D) of the layer, which do not fall below its least number."""
        return self._tail(np.maximum(rows, self._least))
