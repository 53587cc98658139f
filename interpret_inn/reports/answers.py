"""The first screen's answers: what factors do for their concepts, and how sure that is, for a reader new to flows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from interpret_inn.explaining import headline as sentences
from interpret_inn.explaining.doubts import FEW_TESTED
from interpret_inn.explaining.evidence import FactorSummary, Verdict
from interpret_inn.explaining.factor_doubts import untested
from interpret_inn.explaining.readings import Reading, readings
from interpret_inn.explaining.records import Explanation, Redraw
from interpret_inn.explaining.wording import MISSING, count, interval_text, number, percent, score_text
from interpret_inn.types import RESIDUAL

NOTHING = Markup("")
_MOST_LINES = 3
"""Factors without labels that have a line each; more share one."""
_STRENGTHS = {
    0.66: "decides",
    0.33: "often changes it",
    0.1: "sometimes changes it",
    0.02: "rarely changes it",
}
"""Words for the share of changed predictions, by the least share that they stand for."""
_CARRIED = {
    True: "is carried by its factor",
    False: "is not carried by its factor",
    None: "may or may not be carried by its factor",
}
_CONFINED = {
    True: "no other factor tells much of it",
    False: "other factors tell it",
    None: "whether other factors tell it cannot be told",
}


@dataclass(frozen=True)
class Statement:
    """A line of an answer: whether it is good news (None: neither), the sentence, and a quieter detail."""

    good: bool | None
    text: Markup
    detail: Markup = NOTHING


def headline(explanation: Explanation) -> Markup:
    """The whole report in two or three sentences."""
    found = sentences.headline(explanation)
    return Markup("<strong>{}</strong>{} {}").format(*found)


def carried_answer(explanation: Explanation) -> tuple[Statement, ...]:
    """What factors carry: a line for every named factor, and one for what is left over."""
    together = untested(explanation)
    shown = explanation.factors
    many: tuple[Statement, ...] = ()
    if len(together) > _MOST_LINES:
        text = Markup("<b>{}</b> to <b>{}</b>, {} factors, have no labels to test them on.")
        many = (Statement(None, text.format(together[0], together[-1], str(len(together)))),)
        shown = tuple(factor for factor in shown if factor.name not in together)
    read = readings(explanation.leakage, explanation.refits)
    return (*many, *(_statement(explanation, factor, read.get(factor.name)) for factor in shown))


def _statement(explanation: Explanation, factor: FactorSummary, reading: Reading | None) -> Statement:
    if factor.name == RESIDUAL:
        text = Markup("The <b>residual</b> keeps the rest, {} of the axes.").format(percent(factor.share))
        return Statement(None, text)
    if reading is None:
        return Statement(None, Markup("<b>{}</b> has no labels to test it on.").format(factor.name))
    verdict = explanation.verdicts[factor.name]
    holds, confined = verdict.carried.holds, verdict.confined.holds
    rest = ", and confined to it" if holds and confined else f"; {_CONFINED[confined]}"
    words = Markup("<b>{}</b> {}{}").format(factor.name, _CARRIED[holds], rest)
    return Statement(holds, words, Markup("{}").format(_detail(reading, verdict)))


def _detail(reading: Reading, verdict: Verdict) -> str:
    """The figures that decide, beside those of the layer, of guessing and of the axes before the fit."""

    def text(value: float) -> str:
        return score_text(value, reading.kind)

    interval = interval_text(reading.own, reading.kind)
    own = text(reading.own.value) + (f" ({interval})" if interval else "")
    parts = [f"read correctly in {own}" if reading.kind == "accuracy" else f"R² {own}"]
    if reading.refits:
        parts[0] += f" over {reading.refits} refits"
    if math.isfinite(reading.layer.value):
        parts.append(f"from the whole layer {text(reading.layer.value)}")
    parts.append(f"guessing {text(reading.chance)}")
    return f"{'; '.join(parts)}. {verdict.gained.sentence}"


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
        ),
    ]
    return tuple(statements)


def redraw_words(redraw: Redraw) -> str:
    """How often a factor changes the predicted class, in a word or two; "–" if there are no classes."""
    rate = redraw.flip_rate.value
    if not math.isfinite(rate):
        return MISSING
    return next((words for least, words in _STRENGTHS.items() if rate >= least), "hardly ever changes it")
