"""The rules by which a concept is carried, confined and gained; all that is said of them comes from here.

These are pure functions of scores. Pages, the command line, warnings and `repr` take verdicts, and judge nothing anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from interpret_inn.explaining.evidence import READABLE, Finding, Leakage, Refits, Verdict
from interpret_inn.explaining.readings import Reading, readings
from interpret_inn.explaining.wording import count, interval_text, listing, percent, score_text
from interpret_inn.types import RESIDUAL, Score

QUARTER, HALF = 0.25, 0.5
"""Shares of the way from guessing to what the layer tells. A concept is confined if no other factor tells more of it
than the first; an interval that reaches beyond the second comes of too few samples to say so."""
_LITTLE = 0.5
"""Share of the way from guessing to certainty that an interval must stay below for a factor to tell nothing."""
_MORE_REFITS = 10
"""Refits whose interval is a quarter shorter than that of five; more than these shorten it little."""


class Apart(NamedTuple):
    """How far the test samples tell a concept from another that goes together with it.

    Attributes:
        concept: The concept.
        other: The other one.
        told: How well the other's true value tells the concept: accuracy or R².
        share: Of the test samples, those on which it does not; for numbers, of their variance.
        of: Test samples with a value of both; None: not known, as of what an earlier version measured.
        classes: Whether samples can be counted, and not only their variance be shared out.
    """

    concept: str
    other: str
    told: float
    share: float
    of: int | None
    classes: bool

    @property
    def number(self) -> float:
        """How many test samples tell them apart, of numbers in equivalents; NaN: not known."""
        return math.nan if self.of is None else round(self.share * self.of)

    @property
    def sentence(self) -> str:
        """How many these are, without a full stop."""
        both = f"{self.concept} from {self.other}"
        if self.of is None:
            return f"{percent(self.share)} of the test samples tell {both}"
        if self.classes:
            few = count(int(self.number), "test sample") if self.number else "none"
            of = f" of {self.of:,}" if self.number else f" of {self.of:,} test samples"
            return f"{few}{of} tell{'s' if self.number <= 1 else ''} {both}"
        return (
            f"{percent(self.share)} of the variance of {self.concept} is left by {self.other}, which is worth "
            f"{count(int(self.number), 'test sample')} of {self.of:,}"
        )


def apart(leakage: Leakage, concept: str, other: str) -> Apart | None:
    """How far the test samples tell a concept from another; None if these do not go together, or it is not known."""
    told = leakage.association.get(concept, {}).get(other, math.nan)
    if not told > leakage.chance[concept] + READABLE:
        return None
    of = leakage.samples.get(concept, {}).get(other)
    return Apart(concept, other, told, max(1 - told, 0.0), of, leakage.kind[concept] == "accuracy")


def verdicts(leakage: Leakage, refits: Refits | None = None) -> dict[str, Verdict]:
    """The verdict on each concept that has values and a factor.

    Args:
        leakage: Of the test split.
        refits: Of the same fit; where they score a concept, they alone decide.

    >>> from interpret_inn.testing import toy_explanation
    >>> explanation = toy_explanation()
    >>> verdict = verdicts(explanation.leakage)["shape"]
    >>> verdict.carried.holds, verdict.confined.holds, verdict.gained.holds
    (True, True, True)
    >>> verdict.carried.sentence
    'shape is carried by its factor, which tells it in 97% (94% to 99%; guessing 34%).'
    """
    return {
        name: Verdict(_carried(reading, leakage), _confined(reading, leakage), _gained(reading))
        for name, reading in readings(leakage, refits).items()
    }


def verdict_text(name: str, judged: Mapping[str, Verdict]) -> str:
    """All that is to be said of one factor, for a terminal.

    Args:
        name: The factor.
        judged: The verdicts of its fit.
    """
    if name == RESIDUAL:
        return "Everything that no named factor explains."
    if name not in judged:
        return f"{name} has no labels to test it on."
    verdict = judged[name]
    return " ".join(part.sentence for part in (verdict.carried, verdict.confined, verdict.gained))


def rival(reading: Reading, leakage: Leakage) -> Apart | None:
    """The concept whose true value alone may give what a concept's factor tells: its score is not surely above that."""
    found = [
        together
        for other in leakage.concepts
        if other != reading.name and (together := apart(leakage, reading.name, other)) is not None
    ]
    strongest = max(found, key=lambda together: together.told, default=None)
    return strongest if strongest is not None and not reading.low > strongest.told else None


# --- carried ------------------------------------------------------------------------------------------


def _carried(reading: Reading, leakage: Leakage) -> Finding:
    name, own, chance = reading.name, reading.own, reading.chance
    if not math.isfinite(own.low):
        few = "too few samples have a value, or it never varies"
        return Finding(None, f"Whether {name} is carried cannot be told: {few}.")
    told = figures(reading)
    if reading.low > chance:
        other = rival(reading, leakage)
        if other is None:
            return Finding(True, f"{name} is carried by its factor, which tells it {told}.")
        return Finding(
            None,
            f"Whether {name} is carried cannot be told: its factor tells it {told}, but {other.other} goes together "
            f"with it in the data, and its true value alone gives {score_text(other.told, reading.kind)}; "
            f"{other.sentence}.",
        )
    if _nothing(reading):
        layer = _of_layer(reading) or "; nothing shows that the layer tells it"
        return Finding(
            False,
            f"{name} is not carried by its factor, which tells it no better than guessing: {told}{layer}. An edit of "
            f"the factor says nothing about {name}.",
        )
    of = "they" if reading.refits else "so few test samples"
    wider = ""
    if own.low > chance:  # the interval shown is that of one concept
        wider = (
            f", as {reading.judged} concepts on one page widen the interval to {_text(reading, reading.low)}"
        )
    return Finding(
        None,
        f"Whether {name} is carried cannot be told: its factor tells it {told}, which {of} cannot tell from guessing"
        f"{wider}{_of_layer(reading)}. {cure(reading.refits)}",
    )


def _of_layer(reading: Reading) -> str:
    """What the layer tells of a concept that its factor does not; empty if nothing is sure."""
    if math.isnan(reading.layer.value):
        return ""
    return f"; the whole layer does tell it ({_text(reading, reading.layer.value)})"


def _nothing(reading: Reading) -> bool:
    """Whether a factor tells nothing of its concept: it scores as guessing does, and its interval is not too wide."""
    own, chance = reading.own, reading.chance
    return bool(not own.value > chance and own.high < chance + _LITTLE * (1 - chance))


def cure(refits: int) -> str:
    """What to type if too short a look leaves it open whether a factor carries its concept.

    Args:
        refits: How many the interval is of; 0: it is of one test split.

    >>> cure(5)
    'Type fit(…, refits=10) for a shorter interval, or give more images.'
    >>> cure(0)
    'Give more images.'
    """
    if 0 < refits < _MORE_REFITS:
        return f"Type fit(…, refits={_MORE_REFITS}) for a shorter interval, or give more images."
    return "Give more images."


# --- confined -----------------------------------------------------------------------------------------


def elsewhere(reading: Reading) -> dict[str, Score]:
    """What other factors surely tell of a concept, more than a quarter of what the layer tells; the most first."""
    border = reading.chance + QUARTER * (reading.layer.value - reading.chance)
    found = {factor: score for factor, score in reading.others.items() if score.low > border}
    return dict(sorted(found.items(), key=lambda item: -item[1].value))


def by_association(reading: Reading, leakage: Leakage, factor: str) -> bool:
    """Whether a factor tells no more of a concept than the true value of its own concept does."""
    association = leakage.association.get(reading.name, {}).get(factor, math.nan)
    return bool(reading.others[factor].value <= association)


def _confined(reading: Reading, leakage: Leakage) -> Finding:
    name, layer = reading.name, reading.layer.value
    cannot = f"Whether {name} stays in its own factor cannot be told"
    if math.isnan(layer):
        return Finding(None, f"{cannot}: nothing shows that the layer tells it.")
    if found := elsewhere(reading):
        return Finding(False, _told_by(reading, leakage, found))
    most, score = max(reading.others.items(), key=lambda item: item[1].value, default=("", Score(math.nan)))
    shown = f"{called(most)} tells it {_with_interval(reading, score)}"
    if any(
        not (reading.share(one.value) <= QUARTER and reading.share(one.high) <= HALF)
        for one in reading.others.values()
    ):
        return Finding(
            None, f"{cannot} by so few samples: {shown}, guessing {_text(reading, reading.chance)}."
        )
    return Finding(
        True,
        f"No other factor tells much of {name}: {shown} at most (guessing {_text(reading, reading.chance)}, the layer "
        f"{_text(reading, layer)}).",
    )


def _told_by(reading: Reading, leakage: Leakage, found: dict[str, Score]) -> str:
    """That other factors tell a concept, and why."""
    parts = []
    for factor, score in found.items():
        part = f"{called(factor)} still tells it {_in(reading, score.value)}"
        told = leakage.association.get(reading.name, {}).get(factor, math.nan)
        if by_association(reading, leakage, factor):
            part += f", as the two go together in the data ({_text(reading, told)})"
        elif told > reading.chance + READABLE:
            part += f", more than the two go together in the data ({_text(reading, told)})"
        parts.append(part)
    guessing = _text(reading, reading.chance)
    return f"{reading.name} can be read from other factors: {listing(parts)} (guessing {guessing})."


# --- gained -------------------------------------------------------------------------------------------


def _gained(reading: Reading) -> Finding:
    name, own, before = reading.name, reading.own, reading.before
    if not (math.isfinite(own.low) and math.isfinite(before)):
        return Finding(
            None, f"Whether the fit gained anything of {name} cannot be told: it was not measured."
        )
    axes = f"as many axes told it {_in(reading, before)} before the fit"
    if reading.low > max(before, reading.chance):
        return Finding(True, f"The fit gained {name}: {axes}.")
    if _nothing(reading):
        return Finding(False, f"The fit gained nothing of {name}: {axes}.")
    if before >= own.value and reading.low > reading.chance:
        return Finding(
            False, f"{name} was plain before the fit, which says nothing against the figure above: {axes}."
        )
    return Finding(None, f"Whether the fit gained anything of {name} cannot be told: {axes}.")


# --- words --------------------------------------------------------------------------------------------


def called(factor: str) -> str:
    """A factor in a sentence.

    >>> called("hue"), called("residual")
    ('the factor hue', 'the residual')
    """
    return "the residual" if factor == RESIDUAL else f"the factor {factor}"


def figures(reading: Reading) -> str:
    """The figure that decides, with its interval and what guessing reaches."""
    over = f", over {reading.refits} refits to other samples" if reading.refits else ""
    inside = [text for text in (interval_text(reading.own, reading.kind),) if text]
    inside.append(f"guessing {_text(reading, reading.chance)}")
    return f"{_in(reading, reading.own.value)} ({'; '.join(inside)}{over})"


def _in(reading: Reading, value: float) -> str:
    """A score within a sentence."""
    return f"{'in' if reading.kind == 'accuracy' else 'with R²'} {_text(reading, value)}"


def _with_interval(reading: Reading, score: Score) -> str:
    interval = interval_text(score, reading.kind)
    return _in(reading, score.value) + (f" ({interval})" if interval else "")


def _text(reading: Reading, value: float) -> str:
    return score_text(value, reading.kind)
