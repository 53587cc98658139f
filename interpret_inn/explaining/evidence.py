"""The evidence for a fit: checks on inputs; leakage, refits, erasure and drift from the test split."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from interpret_inn.renamed import with_old_names
from interpret_inn.types import ProbeScores, Score

AGREES = 0.999
"""Share of inputs that must keep their output: one in a thousand may lie on the border of two classes."""
BATCH_EFFECT = 0.01
"""Largest change of a representation by its neighbours in a batch, in units of the representation's scale, that may be
rounding: batches of other sizes are computed in another order, and half precision rounds to a few thousandths."""
READABLE = 0.02
"""A concept counts as readable from the layer if the probe exceeds chance by more than this."""
FAINT = 0.05
"""Share of what the layer tells of a concept, above chance, that is too little to speak of."""

Comparison = Literal["better", "no better", "worse", "mixed", "unclear"]
"""What a flow is beside linear erasure; `mixed`: better in its own factor and worse in the rest, or the other way."""


@dataclass(frozen=True)
class Checks:
    """Checks of the machinery, which must hold before anything else is believed.

    Attributes:
        round_trip_data: Largest |T⁻¹(T(z)) − z| on data, in units of the representation's scale
            (the root mean variance of its axes).
        round_trip_edited: The same for edited codes, measured in the code as |T(T⁻¹(z̃)) − z̃| and in `z`
            as the larger of the two.
        agreement: Share of inputs whose output is the same through T⁻¹∘T: the same top class, or a change of less
            than a thousandth of the outputs' spread.
        output_change: Largest change of the output through T⁻¹∘T, in units of the outputs' spread (the standard
            deviation of the outputs of all checked inputs; if all are equal, their size).
        unedited_identical: The attached, unedited model gave the bare model's outputs bit for bit.
        finite: All codes and all outputs of edits were finite.
        samples: How many inputs all this was measured on.
        tolerance: Largest round-trip error that passes.
        batch_effect: Largest difference between the representation of an input alone and within its batch, in units of
            the representation's scale; of the first input of each batch. NaN: not measured. It fails no check: above
            `BATCH_EFFECT` it is a serious doubt.
    """

    round_trip_data: float
    round_trip_edited: float
    agreement: float
    output_change: float
    unedited_identical: bool
    finite: bool
    samples: int
    tolerance: float = 1e-4
    batch_effect: float = math.nan

    @property
    def agrees(self) -> bool:
        """Whether enough inputs keep their output through T⁻¹∘T: a share of at least `AGREES`."""
        return self.agreement >= AGREES

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return (
            self.round_trip_data <= self.tolerance
            and self.round_trip_edited <= self.tolerance
            and self.agrees
            and self.unedited_identical
            and self.finite
        )


@dataclass(frozen=True)
class Leakage:
    """Which factor predicts which concept, on the test split.

    Attributes:
        concepts: Names of the concepts that have values.
        factors: Names of all factors, the residual last.
        kind: `accuracy` (categorical) or `r2` (numeric; cyclic: of cosine and sine), by concept.
        scores: Of the probes, by concept, then factor: linear, network and kernel.
        representation: Scores of the probes from all of `z`, by concept.
        chance: What guessing reaches, by concept: the most frequent class's share, or 0.
        unfitted: Score of the linear probe from the concept's own slice of the flow before it was fitted.
        association: By concept, then by *other concept*: how well it is predicted by the other's true value.
        samples: By concept, then by concept: how many test samples have a value of both; of a concept and itself: how
            many have one. Empty in what an earlier version measured.
    """

    concepts: tuple[str, ...]
    factors: tuple[str, ...]
    kind: Mapping[str, Literal["accuracy", "r2"]]
    scores: Mapping[str, Mapping[str, ProbeScores]]
    representation: Mapping[str, ProbeScores]
    chance: Mapping[str, float]
    unfitted: Mapping[str, Score]
    association: Mapping[str, Mapping[str, float]]
    samples: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class BesideErasure:
    """A concept's factor beside linear erasure of the same concept, read by the same probes of the same samples.

    Linear erasure gives the concept its canonical directions, and leaves of the representation what is not linear in it
    (LEACE, Belrose et al., 2023). Both are fitted to training samples.

    Attributes:
        own: Scores from the concept's own factor.
        rest: Scores from all axes of the code but those of this factor, by samples that the flow was never fitted to.
        erasure_own: Scores from as many canonical directions as the factor has axes, or from all if there are fewer.
        erasure_rest: Scores from what erasure leaves, by the same samples as `rest`.
        directions: How many canonical directions these are.
        own_gain: The higher score of `own` less that of `erasure_own`, with the interval of the difference of both on
            the same samples; scores below chance count as chance.
        rest_gain: The same of `erasure_rest` less `rest`.
        flow: What the flow is beside erasure, by these intervals.
        verdict: The same in a plain sentence.
    """

    own: ProbeScores
    rest: ProbeScores
    erasure_own: ProbeScores
    erasure_rest: ProbeScores
    directions: int
    own_gain: Score
    rest_gain: Score
    flow: Comparison
    verdict: str


@with_old_names
@dataclass(frozen=True)
class Refits:
    """Scores of fits of the same size to other samples, each judged on samples that it never saw.

    Attributes:
        count: How many such fits were made.
        reason: Why none were made, in a sentence; empty if some were.
        scores: Of the probes, by concept, then factor: means over the refits, with 95 % intervals for the mean of all
            fits of this size; `parts` has the score of each refit.
        representation: The same for probes from all of `z`, by concept.
        chance: What one answer to all samples reaches at best, by concept.
        unfitted: Score of the linear probe from the concept's own slice of the flow before it was fitted, mean over the
            refits, by concept.
        carried: In how many refits a factor carried its concept, each by its own test split alone, by factor.
        seconds: Time that they took.
    """

    count: int = 0
    reason: str = ""
    scores: Mapping[str, Mapping[str, ProbeScores]] = field(default_factory=dict)
    representation: Mapping[str, ProbeScores] = field(default_factory=dict)
    chance: Mapping[str, float] = field(default_factory=dict)
    unfitted: Mapping[str, float] = field(default_factory=dict)
    carried: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def own(self, name: str) -> Score | None:
        """Score of the linear probe of a concept from its own factor; None if refits give none with an interval."""
        row = self.scores.get(name, {})
        return row[name].linear if name in row and math.isfinite(row[name].linear.low) else None


@dataclass(frozen=True)
class Drift:
    """How far swapping one factor moves the prediction of another concept, and what `hold` saves.

    Attributes:
        edited: The factor that was swapped.
        held: The concept whose prediction is watched, by an independent probe that `hold` never saw.
        without_hold: Mean change of that prediction. Categories: share of changed predictions; numbers: absolute change
            in units of the concept's standard deviation; angles: absolute change in radians.
        with_hold: The same with `hold=[held]`.
    """

    edited: str
    held: str
    without_hold: Score
    with_hold: Score


@with_old_names
@dataclass(frozen=True)
class FactorSummary:
    """One factor: how large it is, and how it was sized. What it carries is in `Explanation.verdicts`.

    Attributes:
        name: The factor.
        size: Axes it takes.
        share: Its share of all axes of the code, 0 to 1.
        raw_score: The score its size was estimated from, see `Fitted.raw_scores` (NaN: size was given).
    """

    name: str
    size: int
    share: float
    raw_score: float


@dataclass(frozen=True)
class Finding:
    """One part of a verdict.

    Attributes:
        holds: True or false; None: it cannot be told.
        sentence: The same in plain text, with the figures that it rests on.
    """

    holds: bool | None
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """What a factor does for its concept, by the rules of `explaining.verdicts`.

    Attributes:
        carried: Its own factor tells it beyond guessing, and beyond what concepts that go together with it would give.
        confined: No other factor tells more of it than a quarter of the way from guessing to what the layer tells.
        gained: The factor tells more of it than as many axes did before the fit.
    """

    carried: Finding
    confined: Finding
    gained: Finding
