"""The first screen says what the numbers say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from interpret_inn.explaining.doubts import doubts
from interpret_inn.explaining.evidence import Checks
from interpret_inn.explaining.headline import headline as plain_headline
from interpret_inn.explaining.readings import best
from interpret_inn.explaining.records import Explanation, FlowRecord, ProbeScores, Redraw
from interpret_inn.explaining.strengths import Strength, ranked
from interpret_inn.reports import page
from interpret_inn.reports.answers import carried_answer, headline, redraw_words, sure_answer
from interpret_inn.types import Note, Remark, Score

NAN = math.nan


def texts(explanation: Explanation, level: str | None = None) -> str:
    return " | ".join(doubt.text for doubt in doubts(explanation) if level in (None, doubt.level))


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


def own_scores(explanation: Explanation, **scores: Score | None) -> Explanation:
    """The same with other scores of own factors; None: the concept has no labels."""
    leakage = explanation.leakage
    cells = {
        name: {**leakage.scores[name], name: ProbeScores(score, score, score)}
        for name, score in scores.items()
        if score is not None
    }
    kept = tuple(name for name in leakage.concepts if scores.get(name, 0) is not None)
    changed = dataclasses.replace(leakage, concepts=kept, scores={**leakage.scores, **cells})
    return dataclasses.replace(explanation, leakage=changed)


NOT, UNSURE = Score(0.1, 0.05, 0.15), Score(0.3, 0.05, 0.6)
NOT_R2, UNSURE_R2 = Score(-0.01, -0.1, 0.1), Score(0.1, -0.2, 0.4)


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
        "depends most on the axes set aside for digit, which is not carried by them: exchanged alone" in said
    )
    said = headline(own_scores(explanation, digit=UNSURE)).striptags()
    assert "the axes set aside for digit, which may not be what they carry: exchanged alone" in said


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


def test_a_note_stands_once_as_a_caution(changed: Callable[..., Explanation]) -> None:
    shown = changed(warnings=("Odd.", Remark("hue: taken as numbers."), "Odd."))
    assert [doubt.level for doubt in doubts(shown) if doubt.text == "Odd."] == ["warn"]
    assert "hue" not in texts(shown)


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
