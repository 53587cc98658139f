"""Findings of an explanation: which factors leak, what the output depends on, what to distrust.

These are pure functions of an `Explanation`. Their sentences are `Markup` in which every name is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from interpret_inn.explaining.evidence import FAINT, READABLE, Comparison, Leakage
from interpret_inn.explaining.explain import measured_warnings
from interpret_inn.explaining.leakage import cure
from interpret_inn.explaining.records import Explanation, ProbeScores, Redraw
from interpret_inn.reports.views_refits import before_fit
from interpret_inn.reports.wording import count, number, percent, score_text
from interpret_inn.types import RESIDUAL, Remark, Score

Level = Literal["bad", "warn", "note"]
MILD, STRONG = 0.1, 0.25
"""Shares of what the layer itself tells. A leak below `FAINT` stands in the matrix alone, one from there on is a note,
from the first of these on a caution, and from the second on serious."""
FEW_TESTED = 100
"""Fewer test inputs than this make wide intervals: at 100, that of a share of one half reaches 0.1 to both sides."""
_WHOLE = 0.8
"""Share of what the layer tells of a concept below which much of it stands outside the concept's own factor."""
_LEFT_DATA = 0.05
"""Share of edits outside the data that is told: 1 % is usual for the data themselves."""
_UNNAMED = 0.2
"""Share of predictions changed by the residual from which the concepts leave out much of what the model uses."""
_USELESS = 0.1
"""Reliability that masks must be able to exceed: less is hardly better than chance."""


@dataclass(frozen=True)
class Doubt:
    """One reason to distrust something: how grave, and the sentence."""

    level: Level
    text: Markup


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


def carried(explanation: Explanation, name: str) -> bool:
    """Whether a factor tells its own concept better than guessing does, whether or not the fit made it so."""
    leakage, refits = explanation.leakage, explanation.refits
    if name not in leakage.concepts or name not in leakage.factors:
        return False
    if refits is not None and (score := refits.own(name)) is not None:
        return score.low > refits.chance[name]
    return leakage.scores[name][name].linear.low > leakage.chance[name]


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


def measure(redraw: Redraw) -> Score:
    """The one number that ranks a redraw: the share of flipped predictions, or the change of the output."""
    return redraw.flip_rate if redraw.kind == "classes" else redraw.change


def ranked(explanation: Explanation) -> tuple[tuple[str, Redraw], ...]:
    """Factors by how much the output depends on them, the largest first; what was not measured last."""

    def order(item: tuple[str, Redraw]) -> tuple[bool, float]:
        value = measure(item[1]).value
        return (not math.isfinite(value), -value if math.isfinite(value) else 0.0)

    return tuple(sorted(explanation.redraws.items(), key=order))


def decides(explanation: Explanation) -> bool:
    """Whether the model's outputs are classes, so that one may speak of its decision."""
    return any(redraw.kind == "classes" for redraw in explanation.redraws.values())


def name_of(factor: str) -> Markup:
    """A factor's name as it stands in a sentence."""
    return Markup("the residual") if factor == RESIDUAL else Markup("<b>{}</b>").format(factor)


def doubts(explanation: Explanation) -> tuple[Doubt, ...]:
    """Everything to distrust: the gravest first, and doubts of one level in the order of the pipeline."""
    found = [
        *_failed_checks(explanation),
        *_factors(explanation),
        *_leaking(explanation),
        *_beside_erasure(explanation),
        *_redraws(explanation),
        *_places(explanation),
        *_data(explanation),
    ]
    grave: dict[Level, int] = {"bad": 0, "warn": 1, "note": 2}
    return tuple(sorted(found, key=lambda doubt: grave[doubt.level]))


def _failed_checks(explanation: Explanation) -> Iterator[Doubt]:
    checks = explanation.checks
    if not checks.finite:
        yield Doubt("bad", Markup("Some codes or outputs are not finite numbers: edits cannot be relied on."))
    if not checks.unedited_identical:
        yield Doubt(
            "bad", Markup("The model gave other outputs while it was watched, although nothing was edited.")
        )
    limit = number(checks.tolerance)
    for error, where in ((checks.round_trip_data, "on data"), (checks.round_trip_edited, "after edits")):
        if not error <= checks.tolerance:
            found = "could not be measured" if math.isnan(error) else f"is {number(error)}"
            text = Markup("The translation is not exact {}: its error {}, allowed is {}.")
            yield Doubt("bad", text.format(where, found, limit))
    if not checks.agrees:
        text = Markup("The model agrees with itself through the translation in only {} of inputs.")
        unknown = Markup(
            "Whether the model agrees with itself through the translation could not be measured."
        )
        yield Doubt(
            "bad", unknown if math.isnan(checks.agreement) else text.format(percent(checks.agreement))
        )


def untested(explanation: Explanation) -> list[str]:
    """Names of the factors without labels to test them on, the residual left out."""
    return [f.name for f in explanation.factors if f.learnt is None and f.name != RESIDUAL]


def _untested(explanation: Explanation) -> Iterator[Doubt]:
    names = untested(explanation)
    if len(names) == 1:
        text = Markup("{} has no labels to test it on: its name is a claim, not a finding.")
        yield Doubt("warn", text.format(name_of(names[0])))
    elif names:
        text = Markup(
            "{} factors have no labels to test them on ({}): what they mean is your own reading, not a finding."
        )
        shown = names if len(names) <= 4 else [*names[:2], "…", names[-1]]
        yield Doubt("warn", text.format(str(len(names)), ", ".join(shown)))


def _factors(explanation: Explanation) -> Iterator[Doubt]:
    leakage = explanation.leakage
    yield from _untested(explanation)
    for factor in explanation.factors:
        name = factor.name
        if factor.learnt is False and carried(explanation, name):
            text = Markup(
                "{} was <em>not shown to be learnt</em>: its factor tells it, but as many axes told it as well "
                "before the fit ({}). An edit of it does change {}, maybe among other things. {}"
            )
            yield Doubt(
                "warn",
                text.format(name_of(name), before_fit(explanation, name), name, cure(name, factor.size)),
            )
        elif factor.learnt is False:
            text = Markup("{} was <em>not learnt</em>: what happens when it is edited says nothing about {}.")
            yield Doubt("bad", text.format(name_of(name), name))
        if name not in leakage.concepts:
            continue
        share = recovered(leakage, name, name)
        if math.isnan(share):
            text = Markup("The layer itself tells nothing of {} that could be read on new data.")
            yield Doubt("warn", text.format(name_of(name)))
        elif factor.learnt and share < _WHOLE:
            text = Markup("The factor {} holds {} of what the layer tells of it; the rest stands elsewhere.")
            yield Doubt("warn", text.format(name_of(name), percent(max(share, 0.0))))


def _leaking(explanation: Explanation) -> Iterator[Doubt]:
    for leak in leaks(explanation.leakage):
        if leak.factor == RESIDUAL:
            text = Markup("Part of {} is left in {}: it can be read there {}.")
        else:
            text = Markup("{} leaks into the factor {}: it can be read there {}.")
        value, guess = score_text(leak.score.value, leak.kind), score_text(leak.chance, leak.kind)
        told = (
            f"correctly in {value} (guessing: {guess})"
            if leak.kind == "accuracy"
            else f"with R² {value} (guessing: 0)"
        )
        sentence = text.format(name_of(leak.concept), name_of(leak.factor), told)
        level: Level = "bad" if leak.share >= STRONG else "warn" if leak.share >= MILD else "note"
        if leak.association >= leak.score.value:
            level = "note"
            more = Markup(" That is no more than the two go together in the data ({}).")
            sentence += more.format(score_text(leak.association, leak.kind))
        yield Doubt(level, sentence)


def _beside_erasure(explanation: Explanation) -> Iterator[Doubt]:
    levels: dict[Comparison, Level] = {"no better": "note", "mixed": "warn", "worse": "warn"}
    for beside in (explanation.erasure or {}).values():
        if beside.flow in levels:
            yield Doubt(levels[beside.flow], Markup("{}").format(beside.verdict))


def _redraws(explanation: Explanation) -> Iterator[Doubt]:
    for name, redraw in explanation.redraws.items():
        if redraw.left_data > _LEFT_DATA:
            text = Markup(
                "{} of the edits of {} lie further from the data than 99% of the data lie from each other."
            )
            yield Doubt("warn", text.format(percent(redraw.left_data), name_of(name)))
    ranking = ranked(explanation)
    residual = explanation.redraws.get(RESIDUAL)
    if residual is None or len(ranking) < 2:
        return
    if ranking[0][0] == RESIDUAL and measure(residual).value > 0:
        text = Markup("The output depends most on {}: on what none of the concepts explains.")
        yield Doubt("warn", text.format(name_of(RESIDUAL)))
    elif residual.kind == "classes" and residual.flip_rate.value > _UNNAMED:
        text = Markup("What none of the concepts explains still changes the prediction in {} of cases.")
        yield Doubt("warn", text.format(percent(residual.flip_rate.value)))


def _places(explanation: Explanation) -> Iterator[Doubt]:
    for place in explanation.places:
        if place.reliability.high <= _USELESS:
            text = Markup(
                "The masks of {} are hardly better than masks at random places: read nothing from them."
            )
            yield Doubt("warn", text.format(name_of(place.factor)))


def _data(explanation: Explanation) -> Iterator[Doubt]:
    told = set(measured_warnings(explanation.checks, explanation.factors, explanation.redraws))
    for warning in explanation.warnings:
        if warning not in told:  # said above, in the page's own words
            yield Doubt("note" if isinstance(warning, Remark) else "warn", Markup("{}").format(warning))
    tested = explanation.split[2]
    if tested < FEW_TESTED:
        text = Markup(
            "Everything was tested on {}: the intervals are wide, and small effects cannot be seen."
        )
        yield Doubt("warn", text.format(count(tested, "input")))
    if explanation.skipped:
        text = Markup('{} could not be read and {} left out (<a href="#provenance">which</a>).')
        amount = len(explanation.skipped)
        yield Doubt(
            "warn", text.format(count(amount, "input").capitalize(), "was" if amount == 1 else "were")
        )
