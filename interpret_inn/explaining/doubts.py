"""What to distrust of an explanation: one list in order of weight, each doubt once, in plain text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from interpret_inn.explaining.doubt_kinds import WEIGHTS, Doubt
from interpret_inn.explaining.evidence import BATCH_EFFECT, Comparison
from interpret_inn.explaining.factor_doubts import factor_doubts
from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.strengths import measure, ranked, unreached
from interpret_inn.explaining.verdicts import called
from interpret_inn.explaining.wording import count, number, percent
from interpret_inn.types import RESIDUAL
from interpret_inn.types.results import Note, Remark

FEW_TESTED, VERY_FEW = 100, 20
"""Fewer test inputs than the first make wide intervals: at 100, that of a share of one half reaches 0.1 to both sides.
With fewer than the second it reaches .22, and a perfect score of two classes may come by chance from a poor one."""
LEFT_DATA = 0.05
"""Share of edits outside the data that is told: 1 % is usual for the data themselves."""
_UNNAMED = 0.2
"""Share of predictions changed by the residual from which the concepts leave out much of what the model uses."""
_USELESS = 0.1
"""Reliability that masks must be able to exceed: less is hardly better than chance."""
_ERASURE: Mapping[Comparison, str] = {"no better": "no_gain", "mixed": "erasure", "worse": "erasure"}


def doubts(explanation: Explanation) -> tuple[Doubt, ...]:
    """Everything to distrust, in the order of `WEIGHTS`; doubts of one kind in the order of the pipeline.

    Notes of the fit are among them, except formalities.
    """
    found = [
        *_failed_checks(explanation),
        *_tested(explanation),
        *factor_doubts(explanation),
        *_outputs(explanation),
        *_beside_erasure(explanation),
        *_places(explanation),
        *_single(explanation),
    ]
    said = {doubt.text for doubt in found}
    found += [doubt for doubt in _noted(explanation) if doubt.text not in said]
    order = list(WEIGHTS)
    return tuple(sorted(found, key=lambda doubt: order.index(doubt.kind)))


def warnings_of(explanation: Explanation) -> tuple[str, ...]:
    """The notes of an explanation, and its doubts that are serious or a caution, each once."""
    measured = [doubt.text for doubt in doubts(explanation) if doubt.level != "note"]
    return tuple(dict.fromkeys((*explanation.warnings, *measured)))


def formalities(explanation: Explanation) -> tuple[str, ...]:
    """What was guessed, set or left out and casts no doubt."""
    found: dict[str, None] = {note: None for note in explanation.warnings if isinstance(note, Remark)}
    if amount := len(explanation.skipped):
        found[f"{count(amount, 'input').capitalize()} could not be read and {_were(amount)} left out."] = None
    return tuple(found)


def _failed_checks(explanation: Explanation) -> Iterator[Doubt]:
    checks = explanation.checks
    if not checks.finite:
        yield Doubt("check", "Some codes or outputs are not finite numbers: edits cannot be relied on.")
    if not checks.unedited_identical:
        yield Doubt(
            "check", "The model gave other outputs while it was watched, although nothing was edited."
        )
    for error, where in ((checks.round_trip_data, "on data"), (checks.round_trip_edited, "after edits")):
        if not error <= checks.tolerance:
            found = "could not be measured" if math.isnan(error) else f"is {number(error)}"
            limit = f"allowed is {number(checks.tolerance)}"
            yield Doubt("check", f"The translation is not exact {where}: its error {found}, {limit}.")
    if math.isnan(checks.agreement):
        text = "Whether the model agrees with itself through the translation could not be measured."
        yield Doubt("check", text)
    elif not checks.agrees:
        share = percent(checks.agreement)
        yield Doubt(
            "check", f"The model agrees with itself through the translation in only {share} of inputs."
        )
    if checks.batch_effect > BATCH_EFFECT:
        text = (
            "Codes depend on the batch: what the layer holds for an input alone differs from what it holds among "
            f"others by {number(checks.batch_effect)} of its spread, so codes and effects are of these batches only. "
            "Norms without stored statistics do this, and whatever else looks across a batch."
        )
        yield Doubt("batch", text, short="codes depend on the batch")


def _tested(explanation: Explanation) -> Iterator[Doubt]:
    tested = explanation.split[2]
    if tested >= FEW_TESTED:
        return
    inputs = count(tested, "input")
    said = f"Everything was tested on {inputs}"
    if tested < VERY_FEW:
        yield Doubt(
            "tiny", f"{said}: any score may be chance.", short=f"only {inputs} {_were(tested)} tested"
        )
    else:
        yield Doubt("small", f"{said}: the intervals are wide, and small effects cannot be seen.")


def _were(amount: int) -> str:
    return "was" if amount == 1 else "were"


def _outputs(explanation: Explanation) -> Iterator[Doubt]:
    """What redraws do to the output, and whether their codes stay among the data."""
    for name, redraw in explanation.redraws.items():
        if redraw.left_data > LEFT_DATA:
            text = (
                f"{percent(redraw.left_data)} of the redraws of {called(name)} lie further from the data than 99% of "
                "the data lie from each other, so they may overstate what the model does on real inputs."
            )
            yield Doubt("left", text)
    if unreached(explanation):
        if not any(isinstance(note, Note) and note.kind == "saturated" for note in explanation.warnings):
            yield Doubt(
                "unreached",
                "No redraw of any factor, the residual included, changes the output: edits do not reach it, or it "
                "does not depend on this layer. That no concept has an effect is no finding.",
                short="no edit changes the output",
            )
        return
    ranking, residual = ranked(explanation), explanation.redraws.get(RESIDUAL)
    if residual is None or len(ranking) < 2:
        return
    if ranking[0][0] == RESIDUAL and measure(residual).value > 0:
        yield Doubt(
            "residual", "The output depends most on the residual: on what none of the concepts explains."
        )
    elif residual.kind == "classes" and residual.flip_rate.value > _UNNAMED:
        share = percent(residual.flip_rate.value)
        yield Doubt(
            "residual",
            f"What none of the concepts explains still changes the prediction in {share} of cases.",
        )


def _beside_erasure(explanation: Explanation) -> Iterator[Doubt]:
    """What a comparison with linear erasure comes to; its figures stand in a section of their own."""
    for name, beside in (explanation.erasure or {}).items():
        if beside.flow in _ERASURE:
            yield Doubt(_ERASURE[beside.flow], beside.verdict.split(". ")[0].rstrip(".") + ".", (name,))


def _places(explanation: Explanation) -> Iterator[Doubt]:
    for place in explanation.places:
        if place.reliability.high <= _USELESS:
            masks = f"The masks of {called(place.factor)}"
            yield Doubt(
                "place", f"{masks} are hardly better than masks at random places: read nothing from them."
            )


def _single(explanation: Explanation) -> Iterator[Doubt]:
    named = [factor.name for factor in explanation.factors if factor.name != RESIDUAL]
    if len(named) == 1:
        causes = "causes that go together with it and that nobody labelled cannot be adjusted for"
        yield Doubt("single", f"Only {named[0]} has a name: {causes}.", (named[0],))


def _noted(explanation: Explanation) -> Iterator[Doubt]:
    """What the fit and its sources noted; formalities are told apart."""
    for note in dict.fromkeys(explanation.warnings):
        if isinstance(note, Remark):
            continue
        kind, about = (note.kind, note.concepts) if isinstance(note, Note) else ("note", ())
        yield Doubt(kind if kind in WEIGHTS else "note", note, about, _of_note(kind, about))


def _of_note(kind: str, about: tuple[str, ...]) -> str:
    """A heavy note in a few words."""
    if kind == "fixed" and len(about) == 2:
        return f"{about[0]} is fixed by {about[1]}"
    if kind == "same" and len(about) == 2:
        return f"{about[0]} and {about[1]} say the same"
    return "the outputs do not move" if kind == "saturated" else ""
