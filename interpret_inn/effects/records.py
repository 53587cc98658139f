"""The record of a concept's effect: what the output does when the concept alone takes another of its values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from interpret_inn.effects.changes import OutputKind
from interpret_inn.types import Score

Basis = Literal["measured", "calibrated", "estimated"]
"""What an effect rests on, best first."""

_SHOWN = 0.005
"""The lower end of a share, or of a change in units of an image's range, from which an effect counts as shown."""
_BASES: Mapping[Basis, str] = {
    "measured": "Measured: the model ran on {inputs} and on counterparts that differ in {concept} alone.",
    "calibrated": "Calibrated: {inputs} and counterparts that differ in {concept} alone say how inputs react, labels "
    "the rest.",
    "estimated": "Estimated from {inputs}, as no counterparts that differ in {concept} alone are at hand.",
}
_OUTPUTS: Mapping[OutputKind, tuple[str, str]] = {
    "classes": ("the model would decide differently in about {} of cases", "decision"),
    "image": ("the output image would change by about {} of its range", "output"),
    "scalar": ("the output would change by about {}", "output"),
}
"""By the kind of outputs: what an effect is in words, and what it is an effect on."""


@dataclass(frozen=True)
class ImageChange:
    """One input whose decision would change, as labels tell.

    Attributes:
        name: Of the input.
        before: Its value of the concept.
        after: The value with which the decision would be another one.
        agree: Share of refits, to other draws of the samples, that say so.
    """

    name: str
    before: str
    after: str
    agree: float


@dataclass(frozen=True)
class Effect:
    """What the output does when a concept takes another of its values, all else kept.

    The main figure is the flip rate if outputs are classes, else the change.

    Attributes:
        concept: Its name.
        basis: `measured`: both inputs of pairs that share all but the concept were run; `calibrated`: a few such pairs
            set the scale of what labels tell; `estimated`: labels alone tell it.
        kind: What the outputs are.
        flip_rate: Share of cases in which the predicted class is another one (NaN unless `classes`).
        kl: Mean KL divergence between the predictions before and after, in nats (NaN unless `classes`).
        change: Mean absolute change of the target, as in `Redraw`.
        class_std: Standard deviation of the predicted class's index over the values of one input, averaged over
            inputs; where it is measured, over the two inputs of each case (NaN unless `classes`).
        at: The main figure by how often values occur. "data": the other values as often as in the data, as in the
            figures above. "even": all other values equally often; left out where that is about the same.
        values: The main figure from one value to another, by names of classes or ranges of numbers.
        by_class: The main figure by the class that is predicted without a change; empty unless `classes`.
        null: The same figures where labels are shuffled; empty unless estimated.
        p: Of the hypothesis that there is no effect; NaN unless estimated.
        inputs: How many inputs the figures are of: pairs, or inputs that were rendered with other values.
        notes: What to know of them, in plain sentences.
        images: Inputs whose decision would change, those first of which most refits agree; empty unless estimated, and
            where the lower end of the main figure is below .05.
    """

    concept: str
    basis: Basis
    kind: OutputKind
    flip_rate: Score
    kl: Score
    change: Score
    class_std: Score
    at: Mapping[str, Score] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Score]] = field(default_factory=dict)
    by_class: Mapping[str, Score] = field(default_factory=dict)
    null: Mapping[str, float] = field(default_factory=dict)
    p: float = math.nan
    inputs: int = 0
    notes: tuple[str, ...] = ()
    images: tuple[ImageChange, ...] = ()

    @property
    def main(self) -> Score:
        """The flip rate if outputs are classes, else the change."""
        return self.flip_rate if self.kind == "classes" else self.change

    @property
    def shown(self) -> bool:
        """Whether the lower end of the interval lies above nothing: above 0, and from 0.005 on for shares."""
        return self.main.low > 0 and (self.kind == "scalar" or self.main.low >= _SHOWN)

    @property
    def sentence(self) -> str:
        """The effect and what it rests on, in plain words.

        >>> nothing = Score(math.nan)
        >>> flips = Score(0.461, 0.398, 0.524)
        >>> effect = Effect("colour", "measured", "classes", flips, nothing, nothing, nothing, inputs=240)
        >>> print(effect.sentence.split(": ")[0])
        If only colour were different, the model would decide differently in about 46% of cases (40% to 52%). Measured
        """
        inputs = f"{self.inputs:,} {'input' if self.inputs == 1 else 'inputs'}"
        return f"{self._finding()} {_BASES[self.basis].format(inputs=inputs, concept=self.concept)}"

    def _finding(self) -> str:
        """What was found of the main figure, a sentence."""
        changes, on = _OUTPUTS[self.kind]
        value, low, high = (self._text(end) for end in (self.main.value, self.main.low, self.main.high))
        if not math.isfinite(self.main.value):
            return f"What {self.concept} does to the {on} could not be measured: some outputs are not finite."
        if not (math.isfinite(self.main.low) and math.isfinite(self.main.high)):
            said = changes.format(value)
            return f"If only {self.concept} were different, {said} (too few inputs for an interval)."
        if not self.shown:
            return f"No effect of {self.concept} on the {on} was shown ({low} to {high})."
        return f"If only {self.concept} were different, {changes.format(value)} ({low} to {high})."

    def _text(self, value: float) -> str:
        """A main figure: a percentage if it is a share."""
        if self.kind != "classes":
            return f"{value:.2g}"
        percent = 100 * value
        return f"{percent:.1f}%" if 0 < percent < 1 or 99 < percent < 100 else f"{percent:.0f}%"
