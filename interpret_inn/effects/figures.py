"""Figures of cases that were not run as images: means over samples and over the values that a concept takes instead."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from interpret_inn.effects.alternatives import FEWEST_CASES, Alternatives
from interpret_inn.effects.changes import OutputKind
from interpret_inn.types import FloatArray, IntArray

_MOST_CLASSES = 20
"""Predicted classes that have figures of their own, at most."""

Key = tuple[str, ...]
"""Names a figure: a measure; "even"; "values" with two values; "class" with a number."""


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
    numbers = np.concatenate((np.where(predicted < 0, np.nan, predicted)[None], moved.predicted))
    middle = (numbers * shares).sum(0)
    found["class_std",] = _mean(np.sqrt(((numbers - middle) ** 2 * shares).sum(0)), weights)
    main = moved.main(kind)
    found["even",] = _mean(main, taken.even * weights)
    for before, after in taken.moves:
        chosen = (taken.cells == before) & (taken.others == after)
        found["values", taken.names[before], taken.names[after]] = _mean(main, chosen * weights)
    for number in _frequent(predicted):
        found["class", str(number)] = _mean(main, cases * (predicted == number))
    return found


def _frequent(predicted: IntArray) -> IntArray:
    """Predicted classes of enough samples, the most frequent first."""
    classes, counts = np.unique(predicted[predicted >= 0], return_counts=True)
    enough = counts >= FEWEST_CASES
    return np.asarray(classes[enough][np.argsort(-counts[enough])][:_MOST_CLASSES])


def _mean(values: FloatArray, weights: FloatArray) -> float:
    total = weights.sum()
    return float((values * weights).sum() / total) if total > 0 else np.nan
