"""What to distrust of factors: those that were not learnt, that hold a part of their concept alone, and that leak.

Sentences are `Markup` in which every name is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from interpret_inn.explaining.evidence import FactorSummary
from interpret_inn.explaining.leakage import cure
from interpret_inn.explaining.records import Explanation
from interpret_inn.reports.readings import carried, elsewhere, held, leaks, own_score, perhaps_carried
from interpret_inn.reports.views_refits import before_fit
from interpret_inn.reports.wording import interval_text, percent, score_text
from interpret_inn.types import RESIDUAL

Level = Literal["bad", "warn", "note"]
MILD, STRONG = 0.1, 0.25
"""Shares of what the layer itself tells. A leak below `FAINT` stands in the matrix alone, one from there on is a note,
from the first of these on a caution, and from the second on serious."""
_WHOLE = 0.8
"""Share of what the layer tells of a concept below which much of it stands outside the concept's own factor."""


@dataclass(frozen=True)
class Doubt:
    """One reason to distrust something: how grave, and the sentence."""

    level: Level
    text: Markup


def name_of(factor: str) -> Markup:
    """A factor's name as it stands in a sentence."""
    return Markup("the residual") if factor == RESIDUAL else Markup("<b>{}</b>").format(factor)


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


def factor_doubts(explanation: Explanation) -> Iterator[Doubt]:
    """Factors without labels, those that were not learnt, and those that hold a part of their concept alone."""
    yield from _untested(explanation)
    for factor in explanation.factors:
        if factor.learnt is False:
            yield _not_learnt(explanation, factor)
        if factor.name in explanation.leakage.concepts:
            yield from _held(explanation, factor)


def _not_learnt(explanation: Explanation, factor: FactorSummary) -> Doubt:
    name, found = factor.name, own_score(explanation, factor.name)
    if found is None or not perhaps_carried(explanation, name):
        text = Markup("{} was <em>not learnt</em>: what happens when it is edited says nothing about {}.")
        return Doubt("bad", text.format(name_of(name), name))
    score, _, unfitted = found
    refits = explanation.refits
    count = refits.count if refits is not None and refits.own(name) is not None else 0
    advice = cure(name, factor.size, fewer=unfitted >= score.value, refits=count)
    if not carried(explanation, name):
        kind, of = explanation.leakage.kind[name], f"{count} refits" if count else "so few test inputs"
        text = Markup(
            "{} was <em>not shown to be learnt</em>: its factor reaches {} ({}), which {} cannot tell from guessing "
            "({}). {}"
        )
        interval, guessing = interval_text(score, kind), score_text(found[1], kind)
        told = text.format(name_of(name), score_text(score.value, kind), interval, of, guessing, advice)
        return Doubt("warn", told)
    text = Markup(
        "{} was <em>not shown to be learnt</em>: its factor tells it, but {} before the fit ({}). An edit of it does "
        "change {}, maybe among other things. {}"
    )
    told_before = (
        "as many axes told it as well"
        if unfitted >= score.value
        else "not surely better than as many axes did"
    )
    return Doubt("warn", text.format(name_of(name), told_before, before_fit(explanation, name), name, advice))


def _held(explanation: Explanation, factor: FactorSummary) -> Iterator[Doubt]:
    name, (share, less) = factor.name, held(explanation, factor.name)
    if math.isnan(share):
        text = Markup("The layer itself tells nothing of {} that could be read on new data.")
        yield Doubt("warn", text.format(name_of(name)))
    elif factor.learnt and less and share < _WHOLE:
        text = Markup("The factor {} holds {} of what the layer tells of it; the rest {}.")
        rest = "stands elsewhere" if elsewhere(explanation, name) else "is read from no factor"
        yield Doubt("warn", text.format(name_of(name), percent(max(share, 0.0)), rest))


def leak_doubts(explanation: Explanation) -> Iterator[Doubt]:
    """Concepts that can be read from factors that are not their own."""
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
