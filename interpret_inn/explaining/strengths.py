"""How strongly the output depends on each factor: what ranks them, and how it is said."""

from __future__ import annotations

import math
from dataclasses import dataclass

from interpret_inn.explaining.records import Explanation, Redraw
from interpret_inn.types import Score

_NOTHING = 1e-12
"""Largest change of an output that is rounding."""


@dataclass(frozen=True)
class Strength:
    """How strongly the output depends on one factor.

    Attributes:
        name: The factor.
        score: By which factors are ranked: a share of changed predictions, or a change of the output.
        share: Whether it is a share of predictions, and not a size in the output's own units.
        how: What was done, to say it in a sentence: "exchanged alone".
        basis: What the effect of a concept rests on; empty if this is the redraw of a factor.
    """

    name: str
    score: Score
    share: bool
    how: str = "exchanged alone"
    basis: str = ""


def measure(redraw: Redraw) -> Score:
    """The one number that ranks a redraw: the share of flipped predictions, or the change of the output."""
    return redraw.flip_rate if redraw.kind == "classes" else redraw.change


def ranked(explanation: Explanation) -> tuple[tuple[str, Redraw], ...]:
    """Factors by how much the output depends on them, the largest first; what was not measured last."""

    def order(item: tuple[str, Redraw]) -> tuple[bool, float]:
        value = measure(item[1]).value
        return (not math.isfinite(value), -value if math.isfinite(value) else 0.0)

    return tuple(sorted(explanation.redraws.items(), key=order))


def strengths(explanation: Explanation) -> tuple[Strength, ...]:
    """The effects of concepts if there are any, else the redraws of factors, the largest first.

    A redraw exchanges all that lies on a factor's axes, and grows with their number; an effect is of the concept.
    """
    if explanation.effects:
        found = [
            Strength(name, effect.main, effect.kind == "classes", "taking another value", effect.basis)
            for name, effect in explanation.effects.items()
            if math.isfinite(effect.main.value)
        ]
        return tuple(sorted(found, key=lambda one: -one.score.value))
    return tuple(
        Strength(name, measure(redraw), redraw.kind == "classes")
        for name, redraw in ranked(explanation)
        if math.isfinite(measure(redraw).value)
    )


def decides(explanation: Explanation) -> bool:
    """Whether the model's outputs are classes, so that one may speak of its decision."""
    return any(redraw.kind == "classes" for redraw in explanation.redraws.values())


def unreached(explanation: Explanation) -> bool:
    """Whether no redraw of any factor, the residual included, changes the output at all."""
    redraws = explanation.redraws.values()
    values = [score.value for redraw in redraws for score in (redraw.flip_rate, redraw.kl, redraw.change)]
    measured = [value for value in values if math.isfinite(value)]
    return bool(measured) and all(abs(value) <= _NOTHING for value in measured)
