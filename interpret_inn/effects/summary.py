"""Sums cases up into the record of an effect: means, weightings, tables by value and by class, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interpret_inn.effects.changes import OutputKind, RedrawEffects
from interpret_inn.effects.moves import Moves, alike
from interpret_inn.effects.records import Basis, Effect
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.types import FloatArray, IntArray, Score
from interpret_inn.types.concepts import class_name

_MOST_VALUES, _MOST_CLASSES = 12, 20
"""Values of the concept, and predicted classes, that have figures of their own: those with most cases."""
_FEWEST = 5
"""Cases of a predicted class, at least, that it has a figure of its own."""


@dataclass(frozen=True)
class CaseTable:
    """All cases of one concept.

    Attributes:
        changes: Of the outputs, (n,) each.
        predicted: int64 (n,), the class that is predicted without a change; −1 without classes.
        groups: int64 (n,); intervals draw whole groups.
        moves: From which value to which; None: not known.
        weights: float64 (n,), above 0: other values count as often as they are in the data; None: all cases alike.
        even: Likewise, with all other values equally often; None: not known.
    """

    changes: RedrawEffects
    predicted: IntArray
    groups: IntArray
    moves: Moves | None = None
    weights: FloatArray | None = None
    even: FloatArray | None = None

    def main(self, kind: OutputKind) -> FloatArray:
        """The main figure of each case, (n,)."""
        return self.changes.flip if kind == "classes" else self.changes.change


def effect_of(
    concept: str,
    basis: Basis,
    kind: OutputKind,
    table: CaseTable,
    *,
    inputs: int,
    notes: Sequence[str] = (),
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> Effect:
    """The effect that some cases show.

    Args:
        concept: Its name.
        basis: What the cases rest on.
        kind: What outputs are.
        table: The cases.
        inputs: How many inputs they are of.
        notes: What to know of them.
        class_names: Of the model's outputs, in order.
        seed: Of the bootstrap.
    """
    scores = table.changes.scores(kind, groups=table.groups, weights=table.weights, seed=seed)
    main = scores.flip_rate if kind == "classes" else scores.change
    at = {"data": main}
    if table.even is not None and not alike(table.weights, table.even):
        at["even"] = _mean(table, kind, np.ones(len(table.groups), bool), table.even, seed=seed)
    return Effect(
        concept=concept,
        basis=basis,
        kind=kind,
        **scores._asdict(),
        at=at,
        values=_by_value(table, kind, seed=seed),
        by_class=_by_class(table, kind, class_names, seed=seed),
        inputs=inputs,
        notes=tuple(notes),
    )


def _mean(
    table: CaseTable, kind: OutputKind, chosen: IntArray, weights: FloatArray | None, *, seed: int
) -> Score:
    """The main figure of some cases, marked by bool (n,)."""
    return bootstrap_mean(
        table.main(kind)[chosen],
        table.groups[chosen],
        weights=None if weights is None else weights[chosen],
        seed=seed,
        share=kind == "classes",
    )


def _by_value(table: CaseTable, kind: OutputKind, *, seed: int) -> dict[str, dict[str, Score]]:
    """The main figure from each value to each other one, those with most cases."""
    moves = table.moves
    if moves is None:
        return {}
    counts = moves.counts
    most = np.argsort(-(counts.sum(0) + counts.sum(1)), kind="stable")[:_MOST_VALUES]
    found: dict[str, dict[str, Score]] = {}
    for start in sorted(most):
        for end in sorted(most):
            if counts[start, end]:
                chosen = (moves.before == start) & (moves.after == end)
                row = found.setdefault(moves.names[start], {})
                row[moves.names[end]] = _mean(table, kind, chosen, None, seed=seed)
    return found


def _by_class(
    table: CaseTable, kind: OutputKind, class_names: Sequence[str] | None, *, seed: int
) -> dict[str, Score]:
    """The main figure by the class that is predicted without a change, those with most cases."""
    if kind != "classes":
        return {}
    classes, counts = np.unique(table.predicted, return_counts=True)
    most = classes[np.argsort(-counts, kind="stable")][:_MOST_CLASSES]
    return {
        class_name(int(index), class_names): _mean(
            table, kind, table.predicted == index, table.weights, seed=seed
        )
        for index, count in zip(classes, counts, strict=True)
        if index in most and count >= _FEWEST
    }
