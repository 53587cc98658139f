"""Findings of an explanation: which factors leak, what the output depends on, what to distrust.

These are pure functions of an `Explanation`. Their sentences are `Markup` in which every name is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from markupsafe import Markup

from interpret_inn.explaining.evidence import Comparison
from interpret_inn.explaining.explain import measured_warnings
from interpret_inn.explaining.records import Explanation, Redraw
from interpret_inn.reports.factor_doubts import Doubt, Level, factor_doubts, leak_doubts, name_of
from interpret_inn.reports.wording import count, number, percent
from interpret_inn.types import RESIDUAL, Remark, Score
from interpret_inn.types.results import SAY_THE_SAME

FEW_TESTED = 100
"""Fewer test inputs than this make wide intervals: at 100, that of a share of one half reaches 0.1 to both sides."""
_LEFT_DATA = 0.05
"""Share of edits outside the data that is told: 1 % is usual for the data themselves."""
_UNNAMED = 0.2
"""Share of predictions changed by the residual from which the concepts leave out much of what the model uses."""
_USELESS = 0.1
"""Reliability that masks must be able to exceed: less is hardly better than chance."""


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


def doubts(explanation: Explanation) -> tuple[Doubt, ...]:
    """Everything to distrust: the gravest first, and doubts of one level in the order of the pipeline."""
    found = [
        *_failed_checks(explanation),
        *_same(explanation),
        *factor_doubts(explanation),
        *leak_doubts(explanation),
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


def _same(explanation: Explanation) -> Iterator[Doubt]:
    """Concepts that say the same: before factors, as it is why these are not learnt."""
    for warning in explanation.warnings:
        if SAY_THE_SAME in warning:
            yield Doubt("bad", Markup("{}").format(warning))


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
        if warning not in told and SAY_THE_SAME not in warning:  # said above, in the page's own words
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
