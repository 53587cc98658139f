"""What the page and its JSON say of refits."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from interpret_inn.explaining.doubts import doubts
from interpret_inn.explaining.evidence import Refits
from interpret_inn.reports.report import Report
from interpret_inn.testing import toy_explanation
from interpret_inn.types import ProbeScores, Score

# --- where they are shown ---------------------------------------------------------------------------


def page_with(refits: Refits | None) -> Report:
    return Report(dataclasses.replace(toy_explanation(), refits=refits))


def shown() -> Refits:
    cell = ProbeScores(Score(0.71, 0.64, 0.78), Score(math.nan), Score(0.73, 0.65, 0.8))
    names = ("shape", "hue", "residual")
    scores = {name: dict.fromkeys(names, cell) for name in names[:2]}
    whole = dict.fromkeys(names[:2], cell)
    return Refits(
        5, "", scores, whole, {"shape": 0.34, "hue": 0.0}, {"shape": 0.5, "hue": 0.1}, {"shape": 4, "hue": 5}
    )


def shape_over_refits(own: Score, *, others: Score | None = None) -> list[tuple[str, str]]:
    """What the page has to distrust of `shape`, by its own factor's score over refits; (level, sentence)."""
    found, explanation = shown(), toy_explanation()
    cells = {
        name: ProbeScores(others or Score(0.3, 0.2, 0.4), Score(math.nan)) for name in ("hue", "residual")
    }
    own_cell = {"shape": ProbeScores(own, Score(math.nan))}
    refits = dataclasses.replace(found, scores={**found.scores, "shape": own_cell | cells})
    quiet = {name: ProbeScores(Score(0.3, 0.2, 0.4), Score(math.nan)) for name in ("hue", "residual")}
    half = {"shape": ProbeScores(Score(0.5, 0.3, 0.7), Score(math.nan))}  # two of many test inputs less
    leakage = dataclasses.replace(
        explanation.leakage,
        scores={**explanation.leakage.scores, "shape": half | quiet},
        chance=dict(explanation.leakage.chance) | {"shape": 0.34},
    )
    told = doubts(dataclasses.replace(explanation, refits=refits, leakage=leakage))
    return [(doubt.level, doubt.text) for doubt in told if "shape" in doubt.text]


def test_an_interval_that_reaches_guessing_is_a_caution_and_no_finding_that_nothing_is_carried() -> None:
    told = shape_over_refits(Score(0.6, 0.2, 0.95))
    start = "Whether shape is carried cannot be told: its factor tells it in 60% (20% to 95%; guessing 34%, over 5"
    assert [level for level, text in told if text.startswith(start)] == ["warn"]
    assert not any("says nothing about" in text for _, text in told)
    told = shape_over_refits(Score(0.33, 0.2, 0.5))
    assert [level for level, text in told if "An edit of the factor says nothing about shape" in text] == [
        "bad"
    ]
    told = shape_over_refits(Score(0.33, 0.2, 0.95))  # it may as well tell nearly all
    assert not any("says nothing about" in text for _, text in told)


@pytest.mark.parametrize(
    ("own", "others", "rest"),
    [
        (Score(0.5, 0.37, 0.75), None, ""),  # the layer's .73 lies in it
        (
            Score(0.5, 0.4, 0.6),
            None,
            ", and no other factor tells a quarter of it.",
        ),
        (Score(0.5, 0.4, 0.6), Score(0.5, 0.47, 0.6), "."),
    ],
)
def test_a_rest_is_told_by_refits_and_only_if_it_is_sure(own: Score, others: Score | None, rest: str) -> None:
    told = [text for _, text in shape_over_refits(own, others=others) if " holds " in text]
    assert told == ([f"The factor shape holds 41% of what the layer tells of it{rest}"] if rest else [])


def test_the_page_shows_them_beside_each_score() -> None:
    html = page_with(shown()).to_html()
    assert html.count("<small>refits 71% (64% to 78%), kernel 73% (65% to 80%)</small>") == 4
    assert html.count("<small>refits 0.71 (0.64 to 0.78)") == 4
    for beside in ("50%", "34%", "0.10", "0"):  # unfitted and guessing, of shape and of hue
        assert html.count(f"<small>refits {beside}</small></td>") == 1
    assert "read correctly in 71% (64% to 78%) over 5 refits" in html
    assert (
        "Each judged by its own part of the data alone, refits carry shape in 4 of 5 and hue in 5 of 5."
        in html
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "Refits to other samples: not measured; fit again."),
        (
            Refits(reason="None were asked for (refits=0)."),
            "There are no refits to other samples. None were asked for",
        ),
    ],
)
def test_the_page_says_why_there_are_none(found: Refits | None, words: str) -> None:
    html = page_with(found).to_html()
    assert words in html
    assert "<small>refits" not in html


def test_the_json_has_them() -> None:
    told = json.loads(json.dumps(page_with(shown()).to_dict(), allow_nan=False))["refits"]
    assert told["count"] == 5
    assert told["linear_values"]["shape"]["hue"] == 0.71
    assert told["linear_intervals"]["shape"]["hue"] == [0.64, 0.78]
    assert told["kernel_values"]["hue"]["residual"] == 0.73
    assert told["representation_values"] == {"shape": 0.71, "hue": 0.71}
    assert told["carried"] == {"shape": 4, "hue": 5}
    assert page_with(None).to_dict()["refits"] is None


def test_the_page_says_which_concept_has_no_figure() -> None:
    found = shown()
    none = ProbeScores(Score(math.nan), Score(math.nan), Score(math.nan))
    lacking = dataclasses.replace(
        found, scores={**found.scores, "hue": dict.fromkeys(found.scores["hue"], none)}
    )
    assert "hue: no figure, as in one of them too few samples had a value" in page_with(lacking).to_html()
    assert "no figure" not in page_with(found).to_html()
