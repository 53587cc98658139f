"""The first screen says what the numbers say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from interpret_inn.explaining.evidence import Checks
from interpret_inn.explaining.headline import headline as plain_headline
from interpret_inn.explaining.readings import best
from interpret_inn.explaining.records import Explanation, FlowRecord, ProbeScores, Redraw
from interpret_inn.explaining.strengths import Strength, ranked
from interpret_inn.reports import page
from interpret_inn.reports.answers import carried_answer, headline, redraw_words, sure_answer
from interpret_inn.types import Note, Score

from .telling import NAN, NOT, NOT_R2, UNSURE, own_scores, texts


@pytest.mark.parametrize("place", range(3))
def test_findings_go_by_the_highest_of_the_three_probes(place: int) -> None:
    scores = [Score(0.1), Score(0.1), Score(0.1)]
    scores[place] = Score(0.2)
    assert best(ProbeScores(*scores)) is scores[place]
    assert best(ProbeScores(Score(0.3), Score(0.2))).value == 0.3  # one from before there was a kernel probe


def test_headline_says_what_is_carried_and_what_decides(explanation: Explanation) -> None:
    said = headline(explanation).striptags()
    assert said == (
        "Both concepts are carried by their factors: digit and colour. The model’s decision depends most on digit: "
        "exchanged alone, it changes the predicted class in 86% of cases; next comes the residual with 10%."
    )


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"colour": NOT_R2}, "1 of 2 concepts is surely carried: digit."),
        ({"digit": NOT, "colour": NOT_R2}, "Neither concept is carried by its factor (digit and colour)."),
        (
            {"digit": UNSURE, "colour": NOT_R2},
            "Neither of the 2 concepts is surely carried (digit and colour).",
        ),
        ({"colour": None}, "The concept is carried by its factor: digit."),
        ({"digit": UNSURE, "colour": None}, "It cannot be told whether digit is carried by its factor."),
        ({"digit": NOT, "colour": None}, "The concept is not carried by its factor (digit)."),
        (
            {"digit": None, "colour": None},
            "The layer was split into two factors; without labels, nothing tests what they mean.",
        ),
    ],
)
def test_headline_of_concepts_that_are_not_carried(
    explanation: Explanation, scores: dict[str, Score | None], said: str
) -> None:
    assert headline(own_scores(explanation, **scores)).striptags().startswith(said)


def test_headline_does_not_credit_a_concept_that_is_not_carried(explanation: Explanation) -> None:
    said = headline(own_scores(explanation, digit=NOT)).striptags()
    assert (
        "depends most on the axes set aside for digit (digit is not carried by them): exchanged alone" in said
    )
    said = headline(own_scores(explanation, digit=UNSURE)).striptags()
    assert "the axes set aside for digit (digit may not be carried by them): exchanged alone" in said


def test_headline_warns_first_where_checks_failed(changed: Callable[..., Explanation]) -> None:
    broken = changed(checks=Checks(0.5, 1e-6, 0.7, 0.1, True, True, 360))
    assert headline(broken).striptags().startswith("The checks failed: do not rely on this report.")
    said = texts(broken, "bad")
    assert "The translation is not exact on data: its error is 0.50, allowed is 10⁻⁴." in said
    assert "The model agrees with itself through the translation in only 70% of inputs." in said


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
    assert said.endswith("What the model’s output depends on cannot be told: no edit changes the output.")


@pytest.mark.parametrize("errors", [(NAN, 1e-6), (1e-6, NAN)])
def test_translation_is_not_called_exact_if_an_error_was_not_measured(
    changed: Callable[..., Explanation], errors: tuple[float, float]
) -> None:
    exact = sure_answer(changed(checks=Checks(*errors, 1.0, 0.0, True, True, 360)))[0]
    assert exact.good is False and exact.text == "The translation there and back is not exact"
    assert exact.detail.startswith("largest error – of")


def test_the_answer_compares_with_layer_guessing_and_the_axes_before(explanation: Explanation) -> None:
    digit, colour, rest = carried_answer(explanation)
    assert digit.good and digit.text.striptags() == "digit is carried by its factor, and confined to it"
    assert digit.detail == (
        "read correctly in 97% (96% to 99%); from the whole layer 98%; guessing 10%. The fit gained digit: as many "
        "axes told it in 41% before the fit."
    )
    assert colour.good and colour.detail.startswith(
        "R² 0.31 (0.30 to 0.33); from the whole layer 0.34; guessing 0."
    )
    assert rest.good is None and rest.text.striptags() == "The residual keeps the rest, 48% of the axes."


def test_ranking_puts_missing_numbers_last(changed: Callable[..., Explanation]) -> None:
    nothing = Redraw("classes", Score(NAN), Score(NAN), Score(NAN), Score(NAN), NAN)
    explanation = changed(redraws={"nothing": nothing, **changed().redraws})
    assert [name for name, _ in ranked(explanation)] == ["digit", "residual", "colour", "nothing"]


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


def test_effects_of_another_kind_may_rank_the_factors(explanation: Explanation) -> None:
    effects = [Strength("colour", Score(0.4), True, "changed alone"), Strength("digit", Score(0.1), True)]
    assert plain_headline(explanation, effects).rest == (
        "The model’s decision depends most on colour: changed alone, it changes the predicted class in 40% of cases; "
        "next comes digit with 10%."
    )


def test_without_any_change_nothing_is_said_of_what_the_output_depends_on(
    changed: Callable[..., Explanation],
) -> None:
    nothing = Score(0.0, 0.0, 0.0)
    still = changed(
        redraws={
            name: dataclasses.replace(
                redraw, flip_rate=nothing, kl=nothing, class_std=nothing, change=nothing
            )
            for name, redraw in changed().redraws.items()
        }
    )
    assert "No redraw of any factor, the residual included, changes the output" in texts(still, "bad")
    said = "What the model’s decision depends on cannot be told: no edit changes the output."
    assert headline(still).striptags().endswith(said)
    certain = dataclasses.replace(still, warnings=(Note("All inputs give one class.", "saturated"),))
    assert "No redraw" not in texts(certain)
    assert headline(certain).striptags().endswith("cannot be told: the outputs do not move.")
