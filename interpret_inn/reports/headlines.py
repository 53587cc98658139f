"""The first screen: the headline and answers in words, for a reader who knows nothing of flows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from interpret_inn.explaining.evidence import FactorSummary
from interpret_inn.explaining.records import Explanation, Redraw
from interpret_inn.reports.factor_doubts import name_of, untested
from interpret_inn.reports.findings import FEW_TESTED, decides, measure, ranked
from interpret_inn.reports.readings import lacking, perhaps_carried
from interpret_inn.reports.views_refits import before_fit, over_refits
from interpret_inn.reports.wording import (
    MISSING,
    count,
    interval_text,
    listing,
    number,
    percent,
    score_text,
)
from interpret_inn.types import RESIDUAL

NOTHING = Markup("")
_HARDLY = 0.05
"""Share of changed predictions below which the decision hardly depends on a factor."""
_CLOSE = 0.8
"""A second factor with this share of the first one's changes is named beside it, and not after it."""
_EQUAL = 1.05
"""Changes of an output whose ratio is below this are about equal."""
_MOST_LINES = 3
"""Factors without labels that have a line each; more share one."""
_STRENGTHS = {
    0.66: "decides",
    0.33: "often changes it",
    0.1: "sometimes changes it",
    0.02: "rarely changes it",
}
"""Words for the share of changed predictions, by the least share that they stand for."""


@dataclass(frozen=True)
class Statement:
    """A line of an answer: whether it is good news (None: neither), the sentence, and a quieter detail."""

    good: bool | None
    text: Markup
    detail: Markup = NOTHING


def headline(explanation: Explanation) -> Markup:
    """The whole report in two or three sentences."""
    if not explanation.checks.passed:
        return Markup("<strong>The checks failed: do not rely on this report.</strong> Below is what failed.")
    sentences = (_learnt_sentence(explanation), _depends_sentence(explanation))
    return Markup(" ").join(sentence for sentence in sentences if sentence)


def _learnt_sentence(explanation: Explanation) -> Markup:
    named = [factor for factor in explanation.factors if factor.name != RESIDUAL]
    tested = [factor for factor in named if factor.learnt is not None]
    learnt = [factor.name for factor in tested if factor.learnt]
    if not named:
        return Markup("No concepts were given.")
    if not tested:
        text = Markup("The layer was split into {}; without labels, nothing tests what they mean.")
        return text.format(count(len(named), "factor"))
    if len(learnt) == len(tested):
        every = f"All {len(tested)} concepts were"
        amount = {1: "The concept was", 2: "Both concepts were"}.get(len(tested), every)
        return Markup("<strong>{} learnt:</strong> {}.").format(amount, _names(learnt))
    if not learnt:
        none = "None of the concepts was"
        amount = {1: "The concept was not", 2: "Neither concept was"}.get(len(tested), none)
        perhaps = any(perhaps_carried(explanation, factor.name) for factor in tested)
        return Markup("<strong>{} {}learnt.</strong>").format(amount, "shown to be " if perhaps else "")
    text = Markup("<strong>{} of {} concepts learnt:</strong> {}.")
    return text.format(str(len(learnt)), str(len(tested)), _names(learnt))


def _names(names: list[str]) -> Markup:
    shown = names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"]
    return Markup("{}").format(listing(shown))


def _depends_sentence(explanation: Explanation) -> Markup:
    ranking = [(name, r) for name, r in ranked(explanation) if math.isfinite(measure(r).value)]
    if not ranking:
        return Markup("")
    subject = "The model’s decision" if decides(explanation) else "The model’s output"
    top, redraw = ranking[0]
    least = _HARDLY if redraw.kind == "classes" else math.ulp(0.0)
    if measure(redraw).value < least:
        return Markup("{} hardly depends on any single factor.").format(subject)
    if redraw.kind == "classes":
        text = Markup("{} depends most on {}: exchanged alone, it changes the predicted class in {} of cases")
        sentence = text.format(subject, _called(explanation, top), percent(redraw.flip_rate.value))
        if len(ranking) == 1:
            return sentence + "."
        second, other = ranking[1]
        close = other.flip_rate.value > _CLOSE * redraw.flip_rate.value
        rest = Markup(", {} in {}.") if close else Markup("; next comes {} with {}.")
        return sentence + rest.format(_called(explanation, second), percent(other.flip_rate.value))
    sentence = Markup("{} depends most on {}").format(subject, _called(explanation, top))
    second_value = measure(ranking[1][1]).value if len(ranking) > 1 else 0.0
    if second_value > 0:
        ratio, second = measure(redraw).value / second_value, _called(explanation, ranking[1][0])
        if ratio < _EQUAL:
            sentence += Markup(", and about as much on {}").format(second)
        else:
            sentence += Markup(", {} times as much as on {}").format(f"{ratio:.1f}", second)
    return sentence + "."


def _called(explanation: Explanation, name: str) -> Markup:
    """A factor in a sentence on the output; one that was not learnt is not called by its concept alone."""
    if lacks := lacking(explanation, name):
        return Markup("the axes set aside for {}, which was {}").format(name_of(name), lacks)
    return name_of(name)


def learnt_answer(explanation: Explanation) -> tuple[Statement, ...]:
    """What was learnt: a line for every named factor, and one for what is left over."""
    together = untested(explanation)
    if len(together) <= _MOST_LINES:
        return tuple(_factor_statement(explanation, factor) for factor in explanation.factors)
    tested = [factor for factor in explanation.factors if factor.name not in together]
    text = Markup("<b>{}</b> to <b>{}</b>, {} factors, have no labels to test them on.")
    many = Statement(None, text.format(together[0], together[-1], str(len(together))))
    return (many, *(_factor_statement(explanation, factor) for factor in tested))


def _factor_statement(explanation: Explanation, factor: FactorSummary) -> Statement:
    leakage = explanation.leakage
    if factor.name == RESIDUAL:
        text = Markup("The <b>residual</b> keeps the rest, {} of the axes.").format(percent(factor.share))
        return Statement(None, text)
    if factor.name not in leakage.concepts or factor.learnt is None:
        return Statement(None, Markup("<b>{}</b> has no labels to test it on.").format(factor.name))
    kind, score = leakage.kind[factor.name], leakage.scores[factor.name][factor.name].linear
    value, layer = score_text(score.value, kind), leakage.representation[factor.name].linear.value
    if kind == "accuracy":
        guess = score_text(leakage.chance[factor.name], kind)
        detail = Markup("read correctly in {}; from the whole layer {}; guessing {}")
        detail = detail.format(value, score_text(layer, kind), guess)
    else:
        detail = Markup("R² {}; from the whole layer {}; guessing 0").format(value, score_text(layer, kind))
    word = f"was {lacking(explanation, factor.name) or 'learnt'}"
    refits = explanation.refits
    if refits is not None and (over := over_refits(refits.own(factor.name), kind)):
        detail += Markup("; over {} refits {}").format(refits.count, over)
    if not factor.learnt and perhaps_carried(explanation, factor.name):
        detail += Markup("; as many axes before the fit {}").format(before_fit(explanation, factor.name))
    return Statement(factor.learnt, Markup("<b>{}</b> {}").format(factor.name, word), detail)


def sure_answer(explanation: Explanation) -> tuple[Statement, ...]:
    """How sure all of it is."""
    checks, tested = explanation.checks, explanation.split[2]
    errors = (checks.round_trip_data, checks.round_trip_edited)
    exact = all(error <= checks.tolerance for error in errors)
    largest_error = math.nan if any(map(math.isnan, errors)) else max(errors)
    largest = Markup("largest error {} of the layer’s own spread, on data and after edits; allowed {}")
    word = Markup("The translation there and back is {}exact").format("" if exact else "not ")
    agree = Markup("The model’s output is the same through it in {}").format(percent(checks.agreement))
    same = "those" if checks.unedited_identical else "not those"
    statements = [
        Statement(exact, word, largest.format(number(largest_error), number(checks.tolerance))),
        Statement(
            checks.agrees and checks.unedited_identical,
            agree,
            Markup("of {}; without an edit, outputs are {} of the bare model bit for bit").format(
                count(checks.samples, "input"), same
            ),
        ),
        Statement(
            None if tested < FEW_TESTED else True,
            Markup("Tested on {} the fit never saw").format(count(tested, "input")),
            _precision(explanation),
        ),
    ]
    return tuple(statements)


def _precision(explanation: Explanation) -> Markup:
    """How wide the intervals of the factors' own probes are, in words."""
    leakage = explanation.leakage
    parts = []
    for concept in leakage.concepts:
        if concept not in leakage.factors:
            continue
        text = interval_text(leakage.scores[concept][concept].linear, leakage.kind[concept])
        if text:
            parts.append(f"{concept} {text}")
    if not parts:
        return Markup("")
    shown = parts if len(parts) <= 3 else [*parts[:2], f"{len(parts) - 2} more below"]
    return Markup("95% intervals: {}").format("; ".join(shown))


def redraw_words(redraw: Redraw) -> str:
    """How often a factor changes the predicted class, in a word or two; "–" if there are no classes."""
    rate = redraw.flip_rate.value
    if not math.isfinite(rate):
        return MISSING
    return next((words for least, words in _STRENGTHS.items() if rate >= least), "hardly ever changes it")
