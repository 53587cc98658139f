"""The section that shows where factors act."""

import dataclasses
import json
import math

import numpy as np
import pytest

from interpret_inn.explaining.doubts import doubts
from interpret_inn.explaining.records import Place
from interpret_inn.reports import Report
from interpret_inn.testing import toy_explanation, toy_images
from interpret_inn.types import Score

PICTURES = tuple(toy_images(2, seed=3)[0])


def place(**changes: object) -> Place:
    standard = Place(
        "shape",
        "masks",
        "input",
        Score(0.71, 0.6, 0.8),
        0.18,
        {"kept": Score(0.9, 0.8, 0.95)},
        ("<b>A note.</b>",),
        PICTURES,
    )
    return dataclasses.replace(standard, **changes)  # type: ignore[arg-type]


def page(*places: Place) -> str:
    return Report(dataclasses.replace(toy_explanation(), places=places)).to_html()


def test_a_row_says_how_far_masks_can_be_trusted() -> None:
    html = page(place())
    assert 'id="places"' in html and 'href="#places"' in html
    for text in ("0.71 (0.60 to 0.80)", "18%", "kept: 0.90 (0.80 to 0.95)", "Masks of the localizer masks"):
        assert text in html, text
    assert html.count("Where shape acts in") == 2
    assert "&lt;b&gt;A note.&lt;/b&gt;" in html and "<b>A note.</b>" not in html


def test_nothing_is_shown_without_places() -> None:
    assert 'id="places"' not in page()


def test_masks_no_better_than_chance_are_doubted() -> None:
    poor = place(reliability=Score(0.02, -0.05, 0.09))
    assert "not shown to be better than chance" in page(poor)
    found = [
        d for d in doubts(dataclasses.replace(toy_explanation(), places=(poor, place()))) if "masks" in d.text
    ]
    assert len(found) == 1 and "are hardly better than masks at random places" in found[0].text


def test_factors_that_could_not_be_localized_say_why() -> None:
    html = page(
        place(),
        place(
            factor="hue",
            reliability=Score(math.nan),
            area=math.nan,
            figures={},
            notes=("No place.",),
            pictures=(),
        ),
    )
    assert "No place." in html


@pytest.mark.parametrize("space", ["input", "output"])
def test_the_words_fit_what_the_masks_lie_over(space: str) -> None:
    html = page(place(space=space))
    assert ("drawing the" in html) == (space == "output")
    assert ("into other images" in html) == (space == "input")


def test_json_has_places_without_pictures() -> None:
    explanation = dataclasses.replace(toy_explanation(), places=(place(reliability=Score(math.nan)),))
    (found,) = json.loads(json.dumps(Report(explanation).to_dict(), allow_nan=False))["places"]
    assert found["factor"] == "shape" and found["area"] == 0.18 and found["reliability"]["value"] is None
    assert found["figures"]["kept"]["low"] == 0.8 and "pictures" not in found
    assert np.asarray(PICTURES).shape == (2, 24, 24, 3)
