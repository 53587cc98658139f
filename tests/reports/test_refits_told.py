"""What is said of refits: verdicts, the page and its JSON."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from interpret_inn.explaining.evidence import FactorSummary, Leakage, Refits
from interpret_inn.explaining.refits import over_refits
from interpret_inn.reports.findings import doubts
from interpret_inn.reports.report import Report
from interpret_inn.testing import toy_explanation
from interpret_inn.types import ProbeScores, Score


def leakage(score: Score) -> Leakage:
    both = ProbeScores(score, score)
    return Leakage(
        ("a",), ("a", "residual"), {"a": "accuracy"}, {"a": {"a": both, "residual": both}}, {"a": both}, {"a": 0.4},
        {"a": Score(0.5)}, {"a": {}},
    )  # fmt: skip


def refits(value: float, low: float, high: float) -> Refits:
    own = ProbeScores(Score(value, low, high), Score(math.nan))
    return Refits(5, "", {"a": {"a": own}}, {"a": own}, {"a": 0.35}, {"a": 0.45}, {"a": 3})


@pytest.mark.parametrize("learnt_here", [True, False])
@pytest.mark.parametrize(
    ("found", "learnt", "words"),
    [
        (
            refits(0.7, 0.6, 0.8),
            True,
            "a was learnt: read from its own factor, a reaches 70.0% accuracy (95 % ",
        ),
        (refits(0.6, 0.42, 0.8), False, "a was not shown to be learnt: "),
        (refits(0.5, 0.3, 0.7), False, "a was not shown to be learnt: "),
        (refits(0.35, 0.3, 0.4), False, "a was not learnt: "),
    ],
)
def test_refits_decide_whatever_one_test_split_says(
    found: Refits, learnt: bool, words: str, learnt_here: bool
) -> None:
    line = FactorSummary("a", 8, 0.5, math.nan, learnt_here, "So it was said.")
    told = over_refits(line, found, leakage(Score(0.9, 0.5, 1.0)))
    assert told.learnt is learnt
    assert told.verdict.startswith(words)
    for part in ("over 5 refits to other samples", "guessing reaches 35.0%, the flow before fitting 45.0%"):
        assert part in told.verdict
    assert "On this fit's own test split it reaches 90.0% accuracy" in told.verdict


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            refits(0.5, 0.3, 0.7),
            "over 5 refits to other samples, which differ too much to tell it from guessing (",
        ),
        (refits(0.6, 0.42, 0.8), "which differ too much to tell it from what is there without any fitting ("),
        (refits(0.44, 0.42, 0.8), "over 5 refits to other samples; as much is there without any fitting ("),
        (refits(0.35, 0.3, 0.4), "over 5 refits to other samples, which is no better than guessing ("),
    ],
)
def test_fewer_axes_are_the_cure_only_where_as_many_tell_as_much_before_a_fit(
    found: Refits, words: str
) -> None:
    line = FactorSummary("a", 8, 0.5, math.nan, False, "So it was said.")
    verdict = over_refits(line, found, leakage(Score(0.9, 0.5, 1.0))).verdict
    assert words in verdict
    assert ("sizes=" in verdict) is ("as much is there" in verdict)
    differ = "differ too much" in verdict
    assert verdict.endswith("Type fit(…, refits=10) for a shorter interval, or give more images.") is differ


def test_without_an_interval_over_refits_the_test_split_decides() -> None:
    line = FactorSummary("a", 8, 0.5, math.nan, True, "So it was said.")
    for found in (Refits(reason="None."), refits(math.nan, math.nan, math.nan)):
        assert over_refits(line, found, leakage(Score(0.9, 0.5, 1.0))) is line
    residual = FactorSummary("residual", 8, 0.5, math.nan, None, "The rest.")
    assert over_refits(residual, refits(0.7, 0.6, 0.8), leakage(Score(0.9))) is residual


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


def shape_over_refits(
    own: Score, *, learnt: bool = False, others: Score | None = None
) -> list[tuple[str, str]]:
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
    factors = tuple(
        dataclasses.replace(f, learnt=learnt) if f.name == "shape" else f for f in explanation.factors
    )
    told = doubts(dataclasses.replace(explanation, refits=refits, leakage=leakage, factors=factors))
    return [(doubt.level, doubt.text.striptags()) for doubt in told if "shape" in doubt.text.striptags()]


def test_an_interval_that_reaches_guessing_is_a_caution_and_no_finding_that_nothing_was_learnt() -> None:
    told = shape_over_refits(Score(0.6, 0.2, 0.95))
    start = "shape was not shown to be learnt: its factor reaches 60% (20% to 95%), which 5 refits cannot tell from"
    assert [level for level, text in told if text.startswith(start)] == ["warn"]
    assert not any("says nothing about" in text for _, text in told)
    told = shape_over_refits(Score(0.33, 0.2, 0.95))
    assert [level for level, text in told if "edited says nothing about shape" in text] == ["bad"]


@pytest.mark.parametrize(
    ("own", "others", "rest"),
    [
        (Score(0.5, 0.3, 0.72), None, ""),  # the layer's .71 lies in it
        (Score(0.5, 0.4, 0.6), None, "; the rest is read from no factor."),
        (Score(0.5, 0.4, 0.6), Score(0.5, 0.4, 0.6), "; the rest stands elsewhere."),
    ],
)
def test_a_rest_is_told_by_refits_and_only_if_it_is_sure(own: Score, others: Score | None, rest: str) -> None:
    told = [text for _, text in shape_over_refits(own, learnt=True, others=others) if " holds " in text]
    assert told == ([f"The factor shape holds 43% of what the layer tells of it{rest}"] if rest else [])


def test_the_page_shows_them_beside_each_score() -> None:
    html = page_with(shown()).to_html()
    assert html.count("<small>refits 71% (64% to 78%)") == 4
    assert html.count("<small>refits 0.71 (0.64 to 0.78)") == 4
    for beside in ("50%", "34%", "0.10", "0"):  # unfitted and guessing, of shape and of hue
        assert html.count(f"<small>refits {beside}</small></td>") == 1
    assert "over 5 refits 71% (64% to 78%)" in html
    assert "By its own part of the data alone, learnt was shape in 4 of 5 and hue in 5 of 5." in html


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
    assert told["learnt"] == {"shape": 4, "hue": 5}
    assert page_with(None).to_dict()["refits"] is None


def test_the_page_says_which_concept_has_no_figure() -> None:
    found = shown()
    none = ProbeScores(Score(math.nan), Score(math.nan), Score(math.nan))
    lacking = dataclasses.replace(
        found, scores={**found.scores, "hue": dict.fromkeys(found.scores["hue"], none)}
    )
    assert "hue: no figure, as in one of them too few samples had a value" in page_with(lacking).to_html()
    assert "no figure" not in page_with(found).to_html()
