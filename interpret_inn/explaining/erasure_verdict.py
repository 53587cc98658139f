"""What a comparison of the flow with linear erasure comes to: the rule, and the sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from interpret_inn.explaining.evidence import FAINT, READABLE, Comparison
from interpret_inn.explaining.leakage import value_words
from interpret_inn.types import Score

_BETTER = "The flow's own factor tells {} better than linear erasure's directions do"
_LESS = "The flow leaves less of {} elsewhere than linear erasure does"
_WORSE = "Linear erasure's directions tell {} better than the flow's own factor does"
_VERDICTS: Mapping[tuple[int, int], tuple[Comparison, str]] = {
    (1, 1): ("better", f"{_BETTER}, and less of it is left elsewhere."),
    (1, 0): ("better", f"{_BETTER}."),
    (1, -1): ("mixed", f"{_BETTER}, but more of it is left elsewhere."),
    (0, 1): ("better", f"{_LESS}."),
    (0, -1): ("worse", "Linear erasure leaves less of {} elsewhere than the flow does."),
    (-1, 1): ("mixed", f"{_LESS}, but its own factor tells it less well."),
    (-1, 0): ("worse", f"{_WORSE}."),
    (-1, -1): ("worse", f"{_WORSE}, and less of it is left elsewhere."),
}
"""By whether the flow gains (1) or loses (−1) in the concept's own factor, and elsewhere; {} is the concept."""


class Side(NamedTuple):
    """One part of a concept, its own axes or all others, as the flow and as erasure have it.

    Attributes:
        flow: Of the probe that reads most.
        erasure: Likewise.
        gain: What the flow gains, with the interval of the difference.
    """

    flow: Score
    erasure: Score
    gain: Score

    def sign(self, least: float) -> int:
        """1 for a gain of at least this size whose interval lies above 0, −1 for such a loss, else 0."""
        if self.gain.low > 0 and self.gain.value >= least:
            return 1
        return -1 if self.gain.high < 0 and self.gain.value <= -least else 0

    def in_words(self, kind: str) -> str:
        """Both scores in words."""
        flow, erasure = (value_words(score.value, kind) for score in (self.flow, self.erasure))
        return f"{flow} with the flow, {erasure} with erasure"


def compared(
    name: str, own: Side, rest: Side, *, kind: str, chance: float, whole: Score, axes: int, directions: int
) -> tuple[Comparison, str]:
    """What the flow is beside erasure, and the same in plain sentences.

    A gain counts if its 95 % interval lies above 0 and it is at least a twentieth of what the layer tells of the
    concept above chance; a loss likewise. The flow adds nothing if both intervals rule such gains out.

    Args:
        name: The concept.
        own: What the concept's own axes tell.
        rest: What all other axes tell.
        kind: Of the scores: `accuracy` or `r2`.
        chance: What guessing reaches.
        whole: What is read from the whole layer.
        axes: Of the concept's factor.
        directions: That erasure has of the concept, at most as many.
    """
    above = [score for score in (whole, own.flow, own.erasure) if _lower(score) > chance]
    room = max((score.value - chance for score in above), default=0.0)
    if not room > READABLE:
        return "unclear", f"The layer tells too little of {name} to compare the flow with linear erasure."
    comparison, verdict = _verdict(name, own, rest, FAINT * room)
    told = [f"Read from its own part: {own.in_words(kind)}."]
    if not math.isnan(rest.gain.value):
        guessing = value_words(chance, kind)
        told.insert(
            0, f"Read from everything else, by the best probe: {rest.in_words(kind)} (guessing {guessing})."
        )
    if axes > directions:  # it takes more out of the rest by its size alone
        told.append(
            f"The factor has {axes} axes, erasure {directions} direction{'' if directions == 1 else 's'}."
        )
    return comparison, " ".join((verdict, *told))


def _lower(score: Score) -> float:
    """The lower end of a score's interval, or the score if it has none."""
    return score.low if math.isfinite(score.low) else score.value


def _verdict(name: str, own: Side, rest: Side, least: float) -> tuple[Comparison, str]:
    signs = own.sign(least), rest.sign(least)
    if signs in _VERDICTS:
        comparison, words = _VERDICTS[signs]
        as_well = signs == (0, 1) and -least < own.gain.low and own.gain.high < least
        return comparison, words.format(name)[:-1] + (
            ", and its own factor tells it as well." if as_well else "."
        )
    if own.gain.high < least and rest.gain.high < least:
        return "no better", f"For {name} the flow adds nothing to linear erasure."
    few = "There are too few test inputs to tell whether the flow adds anything to linear erasure of"
    return "unclear", f"{few} {name}."
