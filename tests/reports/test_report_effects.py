"""The section on effects of concepts: rows, bars, what is in the fold, and a page without any."""

import dataclasses
import json
import math
import re
from collections.abc import Callable

import pytest

from interpret_inn.effects.records import Effect
from interpret_inn.explaining.records import Explanation
from interpret_inn.reports import Report, page
from interpret_inn.reports.views_effects import EffectCell, effect_figure
from interpret_inn.testing.made_up import HOSTILE, toy_explanation
from interpret_inn.types import Score

NOTHING, FLIPS = Score(math.nan), Score(0.461, 0.398, 0.524)


def effect(concept: str = "colour", flips: Score = FLIPS, **fields: object) -> Effect:
    found = Effect(
        concept, "measured", "classes", flips, Score(0.7, 0.6, 0.8), Score(0.3, 0.2, 0.4), Score(1.1, 1.0, 1.2),
        at={"data": flips}, inputs=240,
    )  # fmt: skip
    return dataclasses.replace(found, **fields)  # type: ignore[arg-type]


def section(explanation: Explanation, name: str = "effects") -> str:
    found = re.search(rf'<section id="{name}".*?</section>', page(explanation), re.DOTALL)
    return " ".join(found[0].split()) if found else ""


def test_the_sentence_the_basis_and_the_interval_as_a_bar(changed: Callable[..., Explanation]) -> None:
    text = section(changed(effects={"colour": effect()}))
    assert "What the decision depends on</h2>" in text
    assert (
        "<td>If only colour were different, the model would decide differently in about 46% of cases (40% to 52%). "
        "Measured: the model ran on 240 inputs and on counterparts that differ in colour alone.</td>" in text
    )
    assert "<small>measured</small>" in text
    assert 'aria-label="colour: 46%, 95% interval 40% to 52%"' in text
    assert 'width="46.10%"' in text and 'x1="39.80%" x2="52.40%"' in text


def test_tables_by_value_and_by_class_are_in_a_fold(changed: Callable[..., Explanation]) -> None:
    flips = Score(0.5, 0.4, 0.6)
    found = effect(
        at={"data": flips, "even": Score(0.2, 0.1, 0.3)},
        values={"red": {"green": flips}, "green": {"red": Score(0.25, 0.2, 0.3), "blue": Score(1.0)}},
        by_class={"seven": Score(0.75, 0.7, 0.8)},
        notes=("3 of 240 pairs were left out.",),
    )
    explanation = changed(effects={"colour": found})
    figure = effect_figure(explanation)
    assert figure is not None and figure.rows[0].values is not None
    assert figure.rows[0].values.columns == ("red", "green", "blue")
    assert dict(figure.rows[0].values.rows)["green"] == (
        EffectCell("25%", "20% to 30%"),
        EffectCell("–", ""),
        EffectCell("100%", ""),
    )
    fold = section(explanation).split("<details>")[1]
    for said in (
        "all other values equally often",
        "<b>20%</b>",
        "seven",
        "<b>75%</b>",
        "3 of 240 pairs were left out.",
    ):
        assert said in fold


def test_the_largest_effect_comes_first_and_what_was_not_shown_says_so(
    changed: Callable[..., Explanation],
) -> None:
    none = effect("size", Score(0.01, 0.0, 0.04))
    figure = effect_figure(changed(effects={"size": none, "colour": effect()}))
    assert figure is not None
    assert [row.concept for row in figure.rows] == ["colour", "size"]
    assert figure.rows[1].sentence.startswith("No effect of size on the decision was shown (0% to 4%).")


@pytest.mark.parametrize(
    ("flips", "begins"),
    [
        (Score(0.01, 0.004, 0.02), "No effect of colour on the decision was shown (0.4% to 2%)."),
        (
            Score(0.01, 0.006, 0.02),
            "If only colour were different, the model would decide differently in about 1% of",
        ),
        (
            Score(0.3),
            "If only colour were different, the model would decide differently in about 30% of cases (too few",
        ),
        (NOTHING, "What colour does to the decision could not be measured: some outputs are not finite."),
    ],
)
def test_sentences(flips: Score, begins: str) -> None:
    assert effect(flips=flips).sentence.startswith(begins)


def test_sentences_of_images_numbers_and_other_bases() -> None:
    change = Score(0.123, 0.101, 0.14)
    image = effect(kind="image", flip_rate=NOTHING, change=change)
    assert image.sentence.startswith(
        "If only colour were different, the output image would change by about 0.12 of its range (0.1 to 0.14)."
    )
    scalar = effect(
        kind="scalar", flip_rate=NOTHING, change=Score(0.002, 0.001, 0.003), basis="estimated", inputs=1
    )
    assert scalar.sentence == (
        "If only colour were different, the output would change by about 0.002 (0.001 to 0.003). "
        "Estimated from 1 input, as no counterparts that differ in colour alone are at hand."
    )
    assert "Calibrated: 240 inputs and counterparts" in effect(basis="calibrated").sentence


def test_effects_on_images_have_a_scale_of_their_own(changed: Callable[..., Explanation]) -> None:
    found = effect(kind="image", flip_rate=NOTHING, change=Score(0.06, 0.05, 0.07))
    figure = effect_figure(changed(effects={"colour": found}))
    assert figure is not None
    assert ">0.08</text>" in figure.axis and 'width="75.00%"' in figure.rows[0].strip


def test_redraws_stay_as_they_were_without_effects(
    explanation: Explanation, changed: Callable[..., Explanation]
) -> None:
    assert section(explanation) == ""
    assert "What the decision depends on</h2>" in section(explanation, "depends")
    assert 'href="#effects"' not in page(explanation)
    beside = changed(effects={"colour": effect()})
    assert "Redraws of each factor</h2>" in section(beside, "depends")
    assert 'href="#effects"' in page(beside)
    assert Report(explanation).to_dict()["effects"] == {}


def test_names_from_elsewhere_are_escaped() -> None:
    text = section(toy_explanation(hostile=True))
    assert HOSTILE not in text and "&lt;b class=" in text
    json.dumps(Report(toy_explanation(hostile=True)).to_dict(), allow_nan=False)


def test_an_estimate_shows_what_shuffled_labels_give(changed: Callable[..., Explanation]) -> None:
    estimated = effect(basis="estimated", null={"flip_rate": 0.08}, p=0.01)
    assert 'with labels shuffled</th><td class="num"><b>8%</b>' in section(
        changed(effects={"colour": estimated})
    )
