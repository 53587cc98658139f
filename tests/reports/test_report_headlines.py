"""The first screen says what the numbers say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from interpret_inn.explaining.evidence import Checks
from interpret_inn.explaining.records import Explanation, FlowRecord, ProbeScores, Redraw
from interpret_inn.reports import page
from interpret_inn.reports.findings import doubts, ranked
from interpret_inn.reports.headlines import headline, learnt_answer, redraw_words, sure_answer
from interpret_inn.reports.readings import best, leaks, recovered
from interpret_inn.types import Remark, Score
from interpret_inn.types.results import SAY_THE_SAME

NAN = math.nan


def texts(explanation: Explanation, level: str | None = None) -> str:
    return " | ".join(doubt.text.striptags() for doubt in doubts(explanation) if level in (None, doubt.level))


@pytest.mark.parametrize("place", range(3))
def test_findings_go_by_the_highest_of_the_three_probes(place: int) -> None:
    scores = [Score(0.1), Score(0.1), Score(0.1)]
    scores[place] = Score(0.2)
    assert best(ProbeScores(*scores)) is scores[place]
    assert best(ProbeScores(Score(0.3), Score(0.2))).value == 0.3  # one from before there was a kernel probe


def test_headline_says_what_was_learnt_and_what_decides(explanation: Explanation) -> None:
    said = headline(explanation).striptags()
    assert said == (
        "Both concepts were learnt: digit and colour. The model’s decision depends most on digit: exchanged "
        "alone, it changes the predicted class in 86% of cases; next comes the residual with 10%."
    )


@pytest.mark.parametrize(
    ("learnt", "said"),
    [
        ((True, False), "1 of 2 concepts learnt: digit."),
        ((False, False), "Neither concept was shown to be learnt."),
        ((True, None), "The concept was learnt: digit."),
        (
            (None, None),
            "The layer was split into two factors; without labels, nothing tests what they mean.",
        ),
    ],
)
def test_headline_of_concepts_that_were_not_learnt(
    explanation: Explanation, learnt: tuple[bool | None, ...], said: str
) -> None:
    factors = tuple(
        dataclasses.replace(factor, learnt=value)
        for factor, value in zip(explanation.factors, (*learnt, None), strict=True)
    )
    assert headline(dataclasses.replace(explanation, factors=factors)).striptags().startswith(said)


def test_headline_does_not_credit_a_concept_that_was_not_learnt(explanation: Explanation) -> None:
    digit, *others = explanation.factors
    failed = dataclasses.replace(explanation, factors=(dataclasses.replace(digit, learnt=False), *others))
    said = headline(failed).striptags()
    assert (
        "depends most on the axes set aside for digit, which was not shown to be learnt: exchanged alone"
        in said
    )


def test_headline_warns_first_where_checks_failed(changed: Callable[..., Explanation]) -> None:
    broken = changed(checks=Checks(0.5, 1e-6, 0.7, 0.1, True, True, 360))
    assert headline(broken).striptags().startswith("The checks failed: do not rely on this report.")
    said = texts(broken, "bad")
    assert "The translation is not exact on data: its error is 0.50, allowed is 10⁻⁴." in said
    assert "The model agrees with itself through the translation in only 70% of inputs." in said


def test_every_failed_check_is_told(bare_explanation: Explanation) -> None:
    said = texts(bare_explanation, "bad")
    for part in ("not finite", "gave other outputs", "on data: its error could not be measured", "is ∞"):
        assert part in said
    assert [s.good for s in sure_answer(bare_explanation)][:2] == [False, False]


def test_headline_for_images_compares_changes(generator_explanation: Explanation) -> None:
    assert (
        "depends most on pose, 1.6 times as much as on the residual"
        in headline(generator_explanation).striptags()
    )


def test_decision_that_depends_on_nothing(changed: Callable[..., Explanation]) -> None:
    quiet = {
        name: dataclasses.replace(redraw, flip_rate=Score(0.01, 0.0, 0.02))
        for name, redraw in changed().redraws.items()
    }
    assert "hardly depends on any single factor" in headline(changed(redraws=quiet))


def test_output_that_no_factor_changes(generator_explanation: Explanation) -> None:
    still = {
        name: dataclasses.replace(redraw, change=Score(0.0, 0.0, 0.0))
        for name, redraw in generator_explanation.redraws.items()
    }
    said = headline(dataclasses.replace(generator_explanation, redraws=still)).striptags()
    assert said.endswith("The model’s output hardly depends on any single factor.")


@pytest.mark.parametrize("errors", [(NAN, 1e-6), (1e-6, NAN)])
def test_translation_is_not_called_exact_if_an_error_was_not_measured(
    changed: Callable[..., Explanation], errors: tuple[float, float]
) -> None:
    exact = sure_answer(changed(checks=Checks(*errors, 1.0, 0.0, True, True, 360)))[0]
    assert exact.good is False and exact.text == "The translation there and back is not exact"
    assert exact.detail.startswith("largest error – of")


def test_learnt_answer_compares_with_layer_and_guessing(explanation: Explanation) -> None:
    digit, colour, rest = learnt_answer(explanation)
    assert digit.good and digit.detail == "read correctly in 97%; from the whole layer 97%; guessing 10%"
    assert colour.good and colour.detail == "R² 0.31; from the whole layer 0.33; guessing 0"
    assert rest.good is None and rest.text.striptags() == "The residual keeps the rest, 48% of the axes."


def test_ranking_puts_missing_numbers_last(changed: Callable[..., Explanation]) -> None:
    nothing = Redraw("classes", Score(NAN), Score(NAN), Score(NAN), Score(NAN), NAN)
    explanation = changed(redraws={"nothing": nothing, **changed().redraws})
    assert [name for name, _ in ranked(explanation)] == ["digit", "residual", "colour", "nothing"]


def test_leaks_are_measured_by_the_better_probe(explanation: Explanation) -> None:
    found = leaks(explanation.leakage)
    assert [(leak.concept, leak.factor) for leak in found] == [
        ("digit", "residual"),
        ("digit", "colour"),
        ("colour", "digit"),
    ]
    assert found[0].score.value == 0.31
    assert found[0].share == pytest.approx((0.31 - 0.102) / (0.976 - 0.102))
    assert (
        "Part of digit is left in the residual: it can be read there correctly in 31% (guessing: 10%)."
        in texts(explanation)
    )


def test_no_leak_where_the_interval_holds_chance(explanation: Explanation) -> None:
    wide = ProbeScores(Score(0.2, 0.05, 0.4), Score(0.2, 0.05, 0.4))
    scores = {c: dict.fromkeys(row, wide) for c, row in explanation.leakage.scores.items()}
    leakage = dataclasses.replace(explanation.leakage, scores=scores, chance={"digit": 0.1, "colour": 0.1})
    assert leaks(leakage) == ()


def test_leak_that_the_data_explain_is_only_noted(changed: Callable[..., Explanation]) -> None:
    leakage = dataclasses.replace(changed().leakage, association={"digit": {"colour": 0.9}, "colour": {}})
    said = texts(changed(leakage=leakage), "note")
    assert "no more than the two go together in the data (90%)" in said


def test_what_the_layer_does_not_tell_cannot_be_recovered(changed: Callable[..., Explanation]) -> None:
    nothing = ProbeScores(Score(0.1), Score(0.1))
    leakage = dataclasses.replace(
        changed().leakage, representation={**changed().leakage.representation, "digit": nothing}
    )
    assert math.isnan(recovered(leakage, "digit", "digit"))
    assert "The layer itself tells nothing of digit" in texts(changed(leakage=leakage))


def test_factors_to_distrust(changed: Callable[..., Explanation]) -> None:
    digit, colour, residual = changed().factors
    factors = (dataclasses.replace(digit, learnt=False), dataclasses.replace(colour, learnt=None), residual)
    explanation = changed(factors=factors)
    told = "digit was not shown to be learnt: its factor tells it, but not surely better than as many axes did before"
    assert told in texts(explanation, "warn")
    assert "as many axes before the fit" in page(explanation)
    leakage = dataclasses.replace(explanation.leakage, chance={"digit": 1.0, "colour": 0.0})
    assert "digit was not learnt: what happens when it is edited says nothing about digit." in texts(
        dataclasses.replace(explanation, leakage=leakage), "bad"
    )
    assert "colour has no labels to test it on" in texts(explanation, "warn")
    assert "; not shown to be learnt" in page(explanation)
    assert "; not learnt" in page(dataclasses.replace(explanation, leakage=leakage))


def test_half_learnt_factor_is_told(changed: Callable[..., Explanation]) -> None:
    half = ProbeScores(Score(0.5, 0.45, 0.55), Score(0.5, 0.45, 0.55))
    scores = {**changed().leakage.scores, "digit": {**changed().leakage.scores["digit"], "digit": half}}
    said = texts(changed(leakage=dataclasses.replace(changed().leakage, scores=scores)))
    assert "The factor digit holds 46% of what the layer tells of it; the rest stands elsewhere." in said


def test_redraws_to_distrust(changed: Callable[..., Explanation]) -> None:
    redraws = dict(changed().redraws)
    assert "8% of the edits of the residual lie further from the data" in texts(changed(redraws=redraws))
    redraws["residual"] = dataclasses.replace(redraws["residual"], flip_rate=Score(0.4))
    assert "still changes the prediction in 40% of cases" in texts(changed(redraws=redraws))
    redraws["residual"] = dataclasses.replace(redraws["residual"], flip_rate=Score(0.95))
    assert "The output depends most on the residual" in texts(changed(redraws=redraws))


def test_data_to_distrust(changed: Callable[..., Explanation]) -> None:
    said = texts(changed(split=(100, 10, 40), skipped=("a: broken", "b: broken")))
    assert "Everything was tested on 40 inputs" in said
    assert "Two inputs could not be read and were left out" in said
    assert "The kind of “colour” was guessed: numeric." in said


def test_concepts_that_say_the_same_are_a_serious_finding(changed: Callable[..., Explanation]) -> None:
    note = f"a and b {SAY_THE_SAME} (association 1.00 by weight). Leave one out."
    digit, *others = changed().factors
    lost = dataclasses.replace(digit, learnt=False)
    assert texts(changed(warnings=(note,), factors=(lost, *others))).startswith(note)
    assert [doubt.level for doubt in doubts(changed(warnings=(note,))) if note in doubt.text] == ["bad"]


@pytest.mark.parametrize(("kind", "apart"), [("conditional", True), ("joint", False)])
def test_the_page_says_which_samples_probes_learnt_from(
    changed: Callable[..., Explanation], kind: Any, apart: bool
) -> None:
    flow = FlowRecord(kind, NAN, 0, 0, False, 1.0, "A flow.")
    html = " ".join(page(changed(flow=flow)).split())
    for words in (
        "other factors by probes that are trained on the validation split and one half of the test split",
        "it is trained on the validation split and one half of the test split",
    ):
        assert (words in html) is apart


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


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.9, "decides"),
        (0.5, "often changes it"),
        (0.2, "sometimes changes it"),
        (0.001, "hardly ever changes it"),
        (NAN, "–"),
    ],
)
def test_redraw_words(rate: float, words: str) -> None:
    assert redraw_words(Redraw("classes", Score(rate), Score(NAN), Score(NAN), Score(NAN), 0.0)) == words


def test_headline_does_not_rank_what_is_about_equal(explanation: Explanation) -> None:
    some = next(iter(explanation.redraws.values()))
    none = Score(math.nan)
    redraws = {
        name: dataclasses.replace(
            some, kind="image", flip_rate=none, kl=none, class_std=none, change=Score(c)
        )
        for name, c in (("digit", 0.31), ("colour", 0.305))
    }
    said = headline(dataclasses.replace(explanation, redraws=redraws)).striptags()
    assert "depends most on digit, and about as much on colour." in said


def test_a_sentence_stands_once_and_remarks_are_notes(changed: Callable[..., Explanation]) -> None:
    first, *others = changed().factors
    lost = dataclasses.replace(first, learnt=False, verdict="digit was not learnt: read correctly in 11%.")
    shown = changed(
        factors=(lost, *others), warnings=(lost.verdict, Remark("hue: taken as numbers."), "Odd.")
    )
    levels = {str(doubt.text): doubt.level for doubt in doubts(shown)}
    assert sum("learnt" in text for text in levels) == 1
    assert (levels["hue: taken as numbers."], levels["Odd."]) == ("note", "warn")
