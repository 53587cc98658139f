"""Headline, verdicts, doubts and answers of one page do not contradict each other, whatever was measured."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections import Counter

import pytest

from interpret_inn.explaining.doubt_kinds import WEIGHTS, Doubt
from interpret_inn.explaining.doubts import doubts, warnings_of
from interpret_inn.explaining.evidence import FactorSummary, Leakage, Refits
from interpret_inn.explaining.headline import headline
from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.verdicts import QUARTER, verdict_text
from interpret_inn.reports.answers import carried_answer
from interpret_inn.testing import toy_explanation
from interpret_inn.types import ProbeScores, Score

CHANCE, SURE = 0.25, 1.0
OWN = {"low": CHANCE, "mid": 0.6, "high": SURE}
WIDTH = {"narrow": 0.02, "wide": 0.4}
LAYER = {"nothing": CHANCE, "some": 0.6, "all": SURE}
UNFITTED = {"lower": -0.2, "equal": 0.0, "higher": 0.2}
LEAK = {"none": None, "residual": "residual", "b": "b"}  # where else `a` is told, surely
NAMES = ("a", "b", "residual")
REST = tuple(itertools.product(UNFITTED, ("none", "strong"), LEAK, (False, True), (0.7, 0.02), (12, 400)))


def around(value: float, width: float) -> Score:
    return Score(value, max(value - width, 0.0), min(value + width, 1.0))


def probe(score: Score) -> ProbeScores:
    return ProbeScores(score, score, score)


def table(
    own: Score, layer: Score, leak: str | None, unfitted: float, association: float, tests: int
) -> Leakage:
    """Of the concept `a`, which varies, and of `b`, whose factor does all that it should."""
    narrow, nothing = WIDTH["narrow"], probe(around(CHANCE, 0.02))
    rows = {
        "a": {"a": probe(own), "b": nothing, "residual": nothing},
        "b": {"a": nothing, "b": probe(around(0.95, narrow)), "residual": nothing},
    }
    if leak is not None:
        rows["a"][leak] = probe(around(0.8, narrow))
    return Leakage(
        concepts=("a", "b"), factors=NAMES, kind={"a": "accuracy", "b": "accuracy"}, scores=rows,
        representation={"a": probe(layer), "b": probe(around(0.96, narrow))}, chance={"a": CHANCE, "b": CHANCE},
        unfitted={"a": Score(unfitted), "b": Score(0.3)},
        association={"a": {"b": association}, "b": {"a": CHANCE}},
        samples={name: {"a": tests, "b": tests} for name in ("a", "b")},
    )  # fmt: skip


def over(found: Leakage) -> Refits:
    """Refits that say what this table says."""
    scores = {name: dict(row) for name, row in found.scores.items()}
    unfitted = {name: score.value for name, score in found.unfitted.items()}
    return Refits(5, "", scores, found.representation, found.chance, unfitted, {"a": 2, "b": 5})


@functools.cache
def toy() -> Explanation:
    return dataclasses.replace(
        toy_explanation(),
        factors=tuple(FactorSummary(name, 4, 1 / 3, 0.5) for name in NAMES),
        erasure=None,
        warnings=("What the fit noted.",),
        skipped=(),
    )


def made_up(
    own: str, width: str, layer: str, unfitted: str, association: str, leak: str, refits: bool, flip: float,
    tests: int,
) -> Explanation:  # fmt: skip
    told = {"none": CHANCE, "strong": 0.97}[association]
    score = around(OWN[own], WIDTH[width])
    before = min(max(score.value + UNFITTED[unfitted], 0.0), 1.0)
    rest = (around(LAYER[layer], WIDTH["narrow"]), LEAK[leak], before, told, tests)
    found = table(score, *rest)
    some = next(iter(toy().redraws.values()))
    redraws = {
        name: dataclasses.replace(some, flip_rate=around(rate, 0.02))
        for name, rate in zip(NAMES, (flip, 0.1, 0.05), strict=True)
    }
    return dataclasses.replace(
        toy(),
        leakage=table(around(0.9, 0.05), *rest) if refits else found,  # the test split says another thing
        refits=over(found) if refits else None,
        redraws=redraws,
        split=(700, 100, tests),
    )


@functools.cache
def grid(own: str, width: str, layer: str) -> list[Explanation]:
    return [made_up(own, width, layer, *rest) for rest in REST]


CASES = [*itertools.product(OWN, WIDTH, LAYER)]
each = pytest.mark.parametrize(("own", "width", "layer"), CASES)


def told_of(found: tuple[Doubt, ...], concept: str, *kinds: str) -> list[Doubt]:
    return [doubt for doubt in found if doubt.kind in kinds and concept in doubt.concepts]


@each
def test_what_is_said_of_a_concept_agrees(own: str, width: str, layer: str) -> None:
    for explanation in grid(own, width, layer):
        verdict, found = explanation.verdicts["a"], doubts(explanation)
        said = " ".join((*(doubt.text for doubt in found), verdict_text("a", explanation.verdicts)))
        first = carried_answer(explanation)[0]
        line = f"{first.text.striptags()} {first.detail}"
        score = OWN[own]
        assert not (score == SURE and width == "narrow" and verdict.carried.holds is False)
        assert ("correctly in 100%" in line) is (score == SURE)
        if verdict.carried.holds is False:
            assert score <= CHANCE and "a is not carried by its factor" in line
            assert told_of(found, "a", "lost")
        if verdict.carried.holds:
            assert score > CHANCE and "a is carried by its factor" in line
            assert "nothing shows that the layer tells it" not in said
            assert not told_of(found, "a", "lost", "unsure")
            assert not any("whether" in doubt.text for doubt in told_of(found, "a", "apart"))
        if verdict.carried.holds is None:
            assert told_of(found, "a", "unsure", "apart"), "why it cannot be told stands on the page"
        together = explanation.leakage.association["a"]["b"]
        if verdict.carried.holds:
            assert not together > score
        elif score == SURE and width == "narrow":
            assert together > CHANCE, "whatever was there before the fit"
        if verdict.gained.holds:
            assert verdict.carried.holds is not False
        if "plain before" in verdict.gained.sentence:
            assert verdict.gained.holds is False
            assert verdict.gained.sentence not in [doubt.text for doubt in found]


@each
def test_a_concept_is_confined_or_a_doubt_says_where_else_it_is_told(
    own: str, width: str, layer: str
) -> None:
    for explanation in grid(own, width, layer):
        confined, found = explanation.verdicts["a"].confined, doubts(explanation)
        highest = max(LAYER[layer], OWN[own], 0.8)
        leak = next(
            (name for name in NAMES[1:] if explanation.leakage.scores["a"][name].linear.value > 0.5), None
        )
        strong = leak is not None
        together = explanation.leakage.association["a"]["b"] > 0.9
        if confined.holds is False:
            assert strong
            where = {"residual": "the residual", "b": "the factor b"}[leak]
            assert f"{where} still tells it in 80%" in confined.sentence
            assert ("go together" in confined.sentence) is (leak == "b" and together)
            assert explanation.leakage.scores["a"][leak].linear.low > CHANCE + QUARTER * (highest - CHANCE)
        told = told_of(found, "a", "leak", "shared")
        if leak == "b" and together:
            assert not told and told_of(found, "a", "apart"), "the pair's doubt says it"
        else:
            assert bool(told) is (confined.holds is False)
        if strong:
            assert confined.holds is False, "the residual tells it surely, so the layer does"
        if OWN[own] > CHANCE and width == "narrow" and not strong:
            assert confined.holds is True
        if LAYER[layer] == CHANCE and OWN[own] == CHANCE and not strong:
            assert confined.holds is None and "nothing shows that the layer tells it" in confined.sentence


@each
def test_the_headline_is_no_stronger_than_the_evidence(own: str, width: str, layer: str) -> None:
    for explanation in grid(own, width, layer):
        said, found = headline(explanation), doubts(explanation)
        holds = explanation.verdicts["a"].carried.holds
        assert ("Both concepts are carried" in said.lead) is (holds is True)
        assert ("1 of 2 concepts is surely carried: b" in said.lead) is (holds is not True)
        assert ("depends most on a:" in said.rest) <= (holds is True)
        first = said.lead + said.limits
        for doubt in found:
            if doubt.level == "bad" and doubt.kind != "lost":
                assert doubt.short and doubt.short in first
        assert first.endswith(".") and ". " not in first
        if explanation.split[2] == 12:
            assert "only 12 inputs were tested" in first


@each
def test_nothing_is_said_twice_and_doubts_stand_in_their_order(own: str, width: str, layer: str) -> None:
    for explanation in grid(own, width, layer):
        found = doubts(explanation)
        kinds = [doubt.kind for doubt in found]
        assert kinds == sorted(kinds, key=list(WEIGHTS).index)
        answers = [f"{line.text.striptags()}. {line.detail}" for line in carried_answer(explanation)]
        said = headline(explanation)
        whole = [said.lead + said.limits, said.rest, *(doubt.text for doubt in found), *answers]
        sentences = Counter(s.strip(" .") for text in whole for s in text.split(". ") if s.strip(" ."))
        assert [sentence for sentence, times in sentences.items() if times > 1] == []
        about = Counter(
            (doubt.kind, doubt.concepts) for doubt in found if doubt.kind not in ("trace", "faint")
        )
        assert set(about.values()) <= {1}
        assert len(told_of(found, "a", "lost", "unsure")) <= 1
        assert not (
            told_of(found, "a", "unsure")
            and "whether" in "".join(d.text for d in told_of(found, "a", "apart"))
        )


@pytest.mark.parametrize("case", CASES[::4])
def test_warnings_are_the_notes_and_the_doubts_each_once(case: tuple[str, str, str]) -> None:
    for explanation in grid(*case)[::7]:
        warned = warnings_of(explanation)
        shown = [doubt.text for doubt in doubts(dataclasses.replace(explanation, warnings=warned))]
        assert all(shown.count(warning) == 1 for warning in warned)
        assert [doubt.text for doubt in doubts(explanation)] == shown
