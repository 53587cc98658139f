"""What factors tell of concepts, as the page's findings read it: how much, how surely, and what leaks.

These are pure functions of an `Explanation`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from interpret_inn.explaining.evidence import FAINT, READABLE, Leakage
from interpret_inn.explaining.records import Explanation, ProbeScores
from interpret_inn.types import Score


@dataclass(frozen=True)
class Leak:
    """A concept that can be read from a factor that is not its own.

    Attributes:
        concept: The concept.
        factor: The factor.
        kind: Of the score: `accuracy` or `r2`.
        score: The highest of the scores of the linear probe, the small network and the kernel probe.
        chance: What guessing reaches.
        share: The score on a scale from chance (0) to the probe from the whole layer (1).
        association: How well the true value of the factor's own concept predicts this one; NaN if it has none.
    """

    concept: str
    factor: str
    kind: str
    score: Score
    chance: float
    share: float
    association: float


def best(probe: ProbeScores) -> Score:
    """The highest of the scores of the linear probe, the small network and the kernel probe."""
    found = probe.linear
    for score in (probe.network, probe.kernel):
        if score.value > found.value:
            found = score
    return found


def recovered(leakage: Leakage, concept: str, factor: str) -> float:
    """How much of what the layer tells of a concept stands in a factor: 0 at chance, 1 at all of it.

    NaN if the layer itself tells nothing of the concept.
    """
    chance = leakage.chance[concept]
    room = best(leakage.representation[concept]).value - chance
    score = best(leakage.scores[concept][factor]).value
    if not room > READABLE:
        return math.nan
    return (score - chance) / room


def own_score(explanation: Explanation, name: str) -> tuple[Score, float, float] | None:
    """A concept's linear score from its own factor, what guessing reaches and what as many axes told before the fit.

    All three over refits where there are any, else on the test split; None of a factor that is not tested.
    """
    leakage, refits = explanation.leakage, explanation.refits
    if name not in leakage.concepts or name not in leakage.factors:
        return None
    if refits is not None and (score := refits.own(name)) is not None:
        return score, refits.chance[name], refits.unfitted[name]
    return leakage.scores[name][name].linear, leakage.chance[name], leakage.unfitted[name].value


def carried(explanation: Explanation, name: str) -> bool:
    """Whether a factor tells its own concept better than guessing does, whether or not the fit made it so."""
    found = own_score(explanation, name)
    return found is not None and found[0].low > found[1]


def perhaps_carried(explanation: Explanation, name: str) -> bool:
    """Whether a factor's score lies above guessing, surely or not."""
    found = own_score(explanation, name)
    return found is not None and math.isfinite(found[0].low) and found[0].value > found[1]


def lacking(explanation: Explanation, name: str) -> str:
    """What a factor lacks, in words: "not learnt", or "not shown to be learnt" above guessing; empty if nothing."""
    if all(factor.learnt is not False for factor in explanation.factors if factor.name == name):
        return ""
    return "not shown to be learnt" if perhaps_carried(explanation, name) else "not learnt"


def held(explanation: Explanation, name: str) -> tuple[float, bool]:
    """The share of what the layer tells of a concept that stands in its own factor, and whether it is surely less.

    By the linear probe over refits where these tell anything, else by the best probe on the test split. It is surely
    less than all if the interval of the factor's score ends below the score of the whole layer. NaN if the layer itself
    tells nothing of the concept.
    """
    leakage, refits = explanation.leakage, explanation.refits
    own, layer = best(leakage.scores[name][name]), best(leakage.representation[name])
    share = recovered(leakage, name, name)
    if refits is not None and (over := refits.own(name)) is not None:
        whole, guessing = refits.representation[name].linear, refits.chance[name]
        if whole.value - guessing > READABLE:
            own, layer, share = over, whole, (over.value - guessing) / (whole.value - guessing)
    return share, own.high < layer.value


def elsewhere(explanation: Explanation, name: str) -> bool:
    """Whether a concept can be read above chance from a factor that is not its own, here or over refits."""
    leakage, refits = explanation.leakage, explanation.refits
    for factor in leakage.factors:
        cells = [(leakage.scores[name][factor], leakage.chance[name])]
        if refits is not None and factor in refits.scores.get(name, {}):
            cells.append((refits.scores[name][factor], refits.chance[name]))
        if factor != name and any(best(cell).low > guessing for cell, guessing in cells):
            return True
    return False


def leaks(leakage: Leakage) -> tuple[Leak, ...]:
    """All leaks from `FAINT` on whose lower bound exceeds chance, the largest share first."""
    found = []
    for concept in leakage.concepts:
        for factor in leakage.factors:
            score = best(leakage.scores[concept][factor])
            share = recovered(leakage, concept, factor)
            chance = leakage.chance[concept]
            lower = score.low if math.isfinite(score.low) else score.value
            if factor == concept or not share >= FAINT or not lower > chance:
                continue
            association = leakage.association.get(concept, {}).get(factor, math.nan)
            found.append(Leak(concept, factor, leakage.kind[concept], score, chance, share, association))
    return tuple(sorted(found, key=lambda leak: -leak.share))


def probed_apart(explanation: Explanation) -> bool:
    """Whether factors were read for other concepts by probes that learnt from samples the flow was not fitted to.

    So is a conditional flow of which enough test samples are there; then what linear erasure leaves was read, too.
    """
    beside = (explanation.erasure or {}).values()
    conditional = explanation.flow is not None and explanation.flow.kind == "conditional"
    return conditional and (not beside or any(math.isfinite(one.rest.linear.value) for one in beside))
