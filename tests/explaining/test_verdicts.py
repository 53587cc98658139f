"""The rules of verdicts, at scores that are given."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from interpret_inn.explaining.evidence import Leakage, Refits, Verdict
from interpret_inn.explaining.readings import lower, readings
from interpret_inn.explaining.verdicts import verdict_text, verdicts
from interpret_inn.types import ProbeScores, Score

NOTHING = Score(0.1, 0.05, 0.15)


def table(
    own: Score,
    *,
    rest: Score = NOTHING,
    whole: Score | None = None,
    unfitted: float = 0.3,
    kind: str = "accuracy",
    chance: float = 0.1,
    association: float = math.nan,
) -> Leakage:
    """Of the concept `a`, beside one whose factor does what it should."""

    def probe(score: Score) -> ProbeScores:
        return ProbeScores(score, score, score)

    good = probe(Score(0.9, 0.85, 0.95))
    return Leakage(
        concepts=("a",), factors=("a", "b", "residual"), kind={"a": kind},
        scores={"a": {"a": probe(own), "b": probe(NOTHING), "residual": probe(rest)}},
        representation={"a": good if whole is None else probe(whole)}, chance={"a": chance},
        unfitted={"a": Score(unfitted)}, association={"a": {"b": association}}, samples={"a": {"a": 200, "b": 200}},
    )  # fmt: skip


def judged(found: Leakage, refits: Refits | None = None) -> Verdict:
    return verdicts(found, refits)["a"]


@pytest.mark.parametrize(
    ("own", "holds", "said"),
    [
        (Score(0.9, 0.8, 0.95), True, "a is carried by its factor, which tells it in 90% (80% to 95%; guessing 10%)."),
        (
            Score(0.3, 0.08, 0.5), None,
            "Whether a is carried cannot be told: its factor tells it in 30% (8% to 50%; guessing 10%), which so few "
            "test samples cannot tell from guessing; the whole layer does tell it (90%). Give more images.",
        ),
        (
            Score(0.1, 0.05, 0.2), False,
            "a is not carried by its factor, which tells it no better than guessing: in 10% (5% to 20%; guessing 10%); "
            "the whole layer does tell it (90%). An edit of the factor says nothing about a.",
        ),
        (
            Score(0.1, 0.0, 0.8), None,
            "Whether a is carried cannot be told: its factor tells it in 10% (0% to 80%; guessing 10%), which so few "
            "test samples cannot tell from guessing; the whole layer does tell it (90%). Give more images.",
        ),
        (
            Score(math.nan), None,
            "Whether a is carried cannot be told: too few samples have a value, or it never varies.",
        ),
    ],
)  # fmt: skip
def test_carried_goes_by_the_interval_of_the_own_score(own: Score, holds: bool | None, said: str) -> None:
    carried = judged(table(own)).carried
    assert (carried.holds, carried.sentence) == (holds, said)


def test_what_nothing_tells_is_not_said_to_stand_in_the_layer() -> None:
    carried = judged(table(Score(0.1, 0.05, 0.2), whole=NOTHING)).carried
    assert "guessing 10%); nothing shows that the layer tells it. An edit" in carried.sentence
    unsure = judged(table(Score(0.3, 0.08, 0.5), whole=NOTHING)).carried
    assert "layer" not in unsure.sentence


def test_numbers_are_told_by_their_r2() -> None:
    found = judged(table(Score(0.5, 0.4, 0.6), kind="r2", chance=0.0, unfitted=0.2))
    assert (
        found.carried.sentence
        == "a is carried by its factor, which tells it with R² 0.50 (0.40 to 0.60; guessing 0)."
    )
    assert found.gained.sentence == "The fit gained a: as many axes told it with R² 0.20 before the fit."


@pytest.mark.parametrize(
    ("unfitted", "holds", "said"),
    [
        (0.3, True, "The fit gained a: as many axes told it in 30% before the fit."),
        (
            0.9, False,
            "a was plain before the fit, which says nothing against the figure above: as many axes told it in 90% "
            "before the fit.",
        ),
        (
            0.85, None,
            "Whether the fit gained anything of a cannot be told: as many axes told it in 85% before the fit.",
        ),
        (math.nan, None, "Whether the fit gained anything of a cannot be told: it was not measured."),
    ],
)  # fmt: skip
def test_what_was_plain_before_the_fit_is_carried_all_the_same(
    unfitted: float, holds: bool | None, said: str
) -> None:
    found = judged(table(Score(0.9, 0.8, 0.95), unfitted=unfitted))
    assert found.carried.holds is True
    assert (found.gained.holds, found.gained.sentence) == (holds, said)


@pytest.mark.parametrize(
    ("rest", "holds"),
    [
        (NOTHING, True),
        (Score(0.29, 0.2, 0.4), True),  # a quarter of the way from .1 to .9 is .3
        (Score(0.35, 0.31, 0.4), False),
        (Score(0.35, 0.29, 0.4), None),
        (Score(0.2, 0.0, 0.6), None),  # half of the way is .5
    ],
)
def test_confined_goes_by_a_quarter_of_what_the_layer_tells(rest: Score, holds: bool | None) -> None:
    assert judged(table(Score(0.9, 0.8, 0.95), rest=rest)).confined.holds is holds


def test_a_leak_is_named_with_its_reason() -> None:
    strong = Score(0.88, 0.85, 0.9)
    found = table(Score(0.9, 0.8, 0.95))
    cells = {**found.scores["a"], "b": ProbeScores(strong, strong)}
    found = dataclasses.replace(found, scores={"a": cells}, association={"a": {"b": 0.89}})
    assert judged(found).confined.sentence == (
        "a can be read from other factors: the factor b still tells it in 88%, as the two go together in the data "
        "(89%) (guessing 10%)."
    )
    found = dataclasses.replace(found, association={"a": {"b": 0.4}})
    assert "in 88%, more than the two go together in the data (40%)" in judged(found).confined.sentence


def over(own: Score, rest: Score = NOTHING) -> Refits:
    scores = {"a": {"a": ProbeScores(own, Score(math.nan)), "residual": ProbeScores(rest, Score(math.nan))}}
    whole = {"a": ProbeScores(Score(0.8, 0.7, 0.9), Score(math.nan))}
    return Refits(5, "", scores, whole, {"a": 0.35}, {"a": 0.45}, {"a": 3})


@pytest.mark.parametrize("here", [Score(0.9, 0.8, 0.95), Score(0.1, 0.0, 0.2)])
@pytest.mark.parametrize(
    ("own", "holds", "gained"),
    [
        (Score(0.7, 0.6, 0.8), True, True),
        (Score(0.6, 0.42, 0.8), True, None),
        (Score(0.44, 0.42, 0.8), True, False),
        (Score(0.5, 0.3, 0.7), None, None),
        (Score(0.35, 0.3, 0.4), False, False),
    ],
)
def test_refits_decide_whatever_one_test_split_says(
    here: Score, own: Score, holds: bool | None, gained: bool | None
) -> None:
    found = judged(table(here), over(own))
    assert (found.carried.holds, found.gained.holds) == (holds, gained)
    assert "over 5 refits to other samples" in found.carried.sentence
    assert ("Type fit(…, refits=10) for a shorter" in found.carried.sentence) is (holds is None)


def test_without_an_interval_over_refits_the_test_split_decides() -> None:
    here = table(Score(0.9, 0.8, 0.95))
    for found in (Refits(reason="None."), over(Score(math.nan))):
        assert judged(here, found) == judged(here)


@pytest.mark.parametrize(("association", "holds"), [(0.11, True), (0.79, True), (0.8, None), (0.97, None)])
def test_a_concept_that_may_be_read_by_another_is_not_called_carried(
    association: float, holds: bool | None
) -> None:
    found = dataclasses.replace(table(Score(0.9, 0.8, 0.95), association=association), concepts=("a", "b"),
                                factors=("a", "residual"))  # fmt: skip
    cells = {name: found.scores["a"][name] for name in found.factors}
    carried = judged(dataclasses.replace(found, scores={"a": cells})).carried
    assert carried.holds is holds
    if holds is None:
        assert (
            f"but b goes together with it in the data, and its true value alone gives {association:.0%}; "
            in carried.sentence
        )


def test_with_several_concepts_intervals_are_taken_wider() -> None:
    score = Score(0.7, 0.6, 0.8)
    assert lower(score) == 0.6
    assert lower(score, 4) == pytest.approx(0.7 - 0.1 * 2.498 / 1.960, abs=1e-3)
    narrow = table(Score(0.3, 0.11, 0.4))
    assert judged(narrow).carried.holds is True
    several = dict.fromkeys(("a", "b", "residual"), narrow.scores["a"])
    both = dataclasses.replace(
        narrow, concepts=("a", "b", "residual"), kind=dict.fromkeys(several, "accuracy"), scores=several,
        representation=dict.fromkeys(several, narrow.representation["a"]), chance=dict.fromkeys(several, 0.1),
        unfitted={}, association={}, samples={},
    )  # fmt: skip
    carried = judged(both).carried
    assert carried.holds is None
    assert "as 3 concepts on one page widen the interval to 7%" in carried.sentence


@pytest.mark.parametrize("several", [1, 3, 10])
def test_at_most_five_per_cent_of_pages_have_a_false_alarm(several: int) -> None:
    """Scores at chance with their intervals of 95 %, concepts independent of each other."""
    errors = np.random.default_rng(several).normal(size=(4000, several))
    alarms = sum(
        any(lower(Score(error, error - 1.96, error + 1.96), several) > 0 for error in page) for page in errors
    )
    assert alarms / len(errors) <= 0.05


def test_a_terminal_is_told_all_parts() -> None:
    found = verdicts(table(Score(0.9, 0.8, 0.95)))
    assert verdict_text("a", found) == " ".join(part.sentence for part in vars(found["a"]).values())
    assert verdict_text("free", found) == "free has no labels to test it on."
    assert verdict_text("residual", found) == "Everything that no named factor explains."


def test_the_layer_tells_what_its_parts_tell() -> None:
    found = table(Score(0.94, 0.9, 0.97), whole=Score(0.11, 0.05, 0.2))
    assert readings(found)["a"].layer.value == 0.94
    assert judged(found).confined.holds is True
