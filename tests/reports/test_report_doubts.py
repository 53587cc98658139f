"""The first screen says what to distrust, each thing once and in order of weight."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from interpret_inn.explaining.doubts import doubts
from interpret_inn.explaining.evidence import Checks
from interpret_inn.explaining.records import Explanation, ProbeScores
from interpret_inn.reports import page
from interpret_inn.reports.answers import carried_answer, headline, sure_answer
from interpret_inn.types import Note, Remark, Score

from .telling import NAN, NOT, UNSURE, own_scores, texts


def test_every_failed_check_is_told(bare_explanation: Explanation) -> None:
    said = texts(bare_explanation, "bad")
    for part in ("not finite", "gave other outputs", "on data: its error could not be measured", "is ∞"):
        assert part in said
    assert [s.good for s in sure_answer(bare_explanation)][:2] == [False, False]


def test_traces_elsewhere_are_measured_by_the_best_probe(explanation: Explanation) -> None:
    said = "The residual tells a little of digit: it can be read there correctly in 31% (guessing 10%)."
    assert said in texts(explanation, "warn")
    said = "The factor colour tells a little of digit: it can be read there correctly in 16%"
    assert said in texts(explanation, "note")


def test_no_trace_where_the_interval_holds_chance(explanation: Explanation) -> None:
    wide = ProbeScores(Score(0.2, 0.05, 0.4), Score(0.2, 0.05, 0.4))
    leakage = explanation.leakage
    scores = {
        c: {f: cell if f == c else wide for f, cell in row.items()} for c, row in leakage.scores.items()
    }
    said = texts(dataclasses.replace(explanation, leakage=dataclasses.replace(leakage, scores=scores)))
    assert "tells a little" not in said and "can be read from" not in said


def test_a_trace_that_the_data_explain_is_only_noted(changed: Callable[..., Explanation]) -> None:
    leakage = dataclasses.replace(changed().leakage, association={"digit": {"colour": 0.3}, "colour": {}})
    said = texts(changed(leakage=leakage), "note")
    assert "(guessing 10%). That is no more than the two go together in the data (30%)." in said


def test_a_factor_is_a_part_of_the_layer(changed: Callable[..., Explanation]) -> None:
    """The probe of the whole layer may find nothing among many columns; the factor's own probe finds it."""
    nothing = ProbeScores(Score(0.1, 0.05, 0.15), Score(0.1, 0.05, 0.15))
    leakage = changed().leakage
    whole = {**leakage.representation, "digit": nothing}
    found = changed(leakage=dataclasses.replace(leakage, representation=whole))
    assert found.verdicts["digit"].carried.holds is True
    assert "from the whole layer 97%" in carried_answer(found)[0].detail
    assert "layer tells it" not in texts(found)


def test_factors_to_distrust(changed: Callable[..., Explanation]) -> None:
    lost = own_scores(changed(), digit=NOT, colour=None)
    assert (
        "digit is not carried by its factor, which tells it no better than guessing: in 10% (5% to 15%; guessing 10%); "
        "the whole layer does tell it (98%). An edit of the factor says nothing about digit."
        in texts(lost, "bad")
    )
    assert "colour has no labels to test it on" in texts(lost, "warn")
    assert "; not carried" in page(lost)
    unsure = own_scores(changed(), digit=UNSURE)
    assert "Whether digit is carried cannot be told: its factor tells it in 30% (5% to 60%; " in texts(
        unsure, "warn"
    )
    assert "; not surely carried" in page(unsure)


def test_what_was_plain_before_the_fit_is_no_doubt(changed: Callable[..., Explanation]) -> None:
    leakage = changed().leakage
    plain = changed(
        leakage=dataclasses.replace(leakage, unfitted={"digit": Score(0.99), "colour": Score(0.5)})
    )
    assert texts(plain) == texts(changed())
    assert headline(plain) == headline(changed())
    assert carried_answer(plain)[0].good
    assert "digit was plain before the fit, which says nothing against the figure above" in page(plain)


def test_a_factor_that_holds_a_part_is_told(changed: Callable[..., Explanation]) -> None:
    said = texts(own_scores(changed(), digit=Score(0.5, 0.45, 0.55)))
    assert (
        "The factor digit holds 46% of what the layer tells of it, and no other factor tells a quarter of it."
        in said
    )


def test_redraws_to_distrust(changed: Callable[..., Explanation]) -> None:
    redraws = dict(changed().redraws)
    assert "8% of the redraws of the residual lie further from the data" in texts(changed(redraws=redraws))
    redraws["residual"] = dataclasses.replace(redraws["residual"], flip_rate=Score(0.4))
    assert "still changes the prediction in 40% of cases" in texts(changed(redraws=redraws))
    redraws["residual"] = dataclasses.replace(redraws["residual"], flip_rate=Score(0.95))
    assert "The output depends most on the residual" in texts(changed(redraws=redraws))


def test_data_to_distrust(changed: Callable[..., Explanation]) -> None:
    assert "Everything was tested on 40 inputs" in texts(changed(split=(100, 10, 40)), "warn")
    few = changed(split=(100, 10, 12))
    assert "Everything was tested on 12 inputs: any score may be chance." in texts(few, "bad")
    assert "digit and colour, but only 12 inputs were tested. The" in headline(few).striptags()


def test_formalities_stand_apart_from_doubts(changed: Callable[..., Explanation]) -> None:
    shown = changed(skipped=("a: broken", "b: broken"))
    told = texts(shown)
    for said in (
        "Two inputs could not be read and were left out.",
        "The kind of “colour” was guessed: numeric.",
    ):
        assert said not in told
        assert page(shown).count(f"<li>{said}</li>") == 1
    assert "two settings and formalities, no doubts" in page(shown)


@pytest.mark.parametrize(
    ("note", "short"),
    [
        (Note("a and b say the same: no method can tell them apart.", "same", "ab"), "a and b say the same"),
        (Note("a is fixed by b: each value of b has one value of a.", "fixed", "ab"), "a is fixed by b"),
    ],
)
def test_a_concept_that_is_a_function_of_another_comes_first(
    changed: Callable[..., Explanation], note: Note, short: str
) -> None:
    shown = own_scores(changed(warnings=(note,)), digit=NOT)
    assert texts(shown).startswith(note)
    assert [doubt.level for doubt in doubts(shown) if note in doubt.text] == ["bad"]
    assert f"colour, but {short}" in headline(shown).striptags().split(". ")[0]


def test_gravest_doubts_come_first(changed: Callable[..., Explanation]) -> None:
    levels = [doubt.level for doubt in doubts(changed(checks=Checks(1.0, 0.0, 1.0, 0.0, True, True, 1)))]
    assert levels == sorted(levels, key=["bad", "warn", "note"].index)


def test_nothing_to_distrust_is_said_in_words(changed: Callable[..., Explanation]) -> None:
    redraws = {name: dataclasses.replace(redraw, left_data=0.0) for name, redraw in changed().redraws.items()}
    clean = ProbeScores(Score(0.0, -0.1, 0.1), Score(0.0, -0.1, 0.1))
    leakage = changed().leakage
    scores = {
        c: {f: cell if c == f else clean for f, cell in row.items()} for c, row in leakage.scores.items()
    }
    fine = changed(
        redraws=redraws,
        leakage=dataclasses.replace(leakage, scores=scores),
        warnings=(),
        skipped=(),
        erasure={},
    )
    assert doubts(fine) == ()
    assert "Nothing was found: the checks hold" in page(fine)


def test_a_note_stands_once_as_a_caution(changed: Callable[..., Explanation]) -> None:
    shown = changed(warnings=("Odd.", Remark("hue: taken as numbers."), "Odd."))
    assert [doubt.level for doubt in doubts(shown) if doubt.text == "Odd."] == ["warn"]
    assert "hue" not in texts(shown)


def test_one_concept_alone_is_noted(changed: Callable[..., Explanation]) -> None:
    digit, _, residual = changed().factors
    said = "Only digit has a name: causes that go together with it and that nobody labelled cannot be adjusted for."
    assert said in texts(changed(factors=(digit, residual)), "note")
    assert "has a name" not in texts(changed())


@pytest.mark.parametrize(("effect", "told"), [(NAN, False), (1e-3, False), (0.5, True)])
def test_codes_that_depend_on_the_batch_are_serious(
    changed: Callable[..., Explanation], effect: float, told: bool
) -> None:
    shown = changed(checks=dataclasses.replace(changed().checks, batch_effect=effect))
    assert (
        "Codes depend on the batch: what the layer holds for an input alone" in texts(shown, "bad")
    ) is told
    assert ("but codes depend on the batch." in headline(shown).striptags()) is told


def test_few_samples_that_tell_two_concepts_apart_are_counted(changed: Callable[..., Explanation]) -> None:
    leakage = dataclasses.replace(
        changed().leakage,
        association={"digit": {"colour": 0.98}, "colour": {"digit": 0.1}},
        samples={"digit": {"digit": 360, "colour": 350}, "colour": {"digit": 350, "colour": 360}},
    )
    shown = changed(leakage=leakage)
    assert texts(shown).startswith(
        "digit and colour go together in the data. Seven test samples of 350 tell digit from colour, too few to tell "
        "whether the factor digit carries its own concept."
    )
    carried = shown.verdicts["digit"].carried
    assert carried.holds is None
    assert carried.sentence == (
        "Whether digit is carried cannot be told: its factor tells it in 97% (96% to 99%; guessing 10%), but colour "
        "goes together with it in the data, and its true value alone gives 98%; seven test samples of 350 tell digit "
        "from colour."
    )
    assert "only seven test samples of 350 tell digit from colour. " in headline(shown).striptags()
    unknown = changed(leakage=dataclasses.replace(leakage, samples={}))  # as an earlier version measured it
    assert "2% of the test samples tell digit from colour, too few" in texts(unknown, "bad")
