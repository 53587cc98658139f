"""Records come back from their plain form: `revive(plain(x)) == x`, NaN included."""

import dataclasses
import json
import math
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpret_inn.effects.records import Effect
from interpret_inn.explaining.evaluation import Evaluation
from interpret_inn.explaining.evidence import BesideErasure, Checks, Drift, FactorSummary, Leakage, Refits
from interpret_inn.explaining.records import ExampleFactor, FactorMap, Outcome, Redraw, Traversal, plain
from interpret_inn.flows import FlowShape
from interpret_inn.saving.migrating import revive
from interpret_inn.testing.contract import same
from interpret_inn.translating.settings import FitRecord, FitSettings
from interpret_inn.types import Factor, ProbeScores, Score, Scores

NAN = math.nan
SCORE = Score(0.5, 0.25, NAN, {"a": 1.0, "b": NAN})
READ = ProbeScores(SCORE, Score(-1e-300), Score(0.75, NAN, 1.0))
LEAKAGE = Leakage(
    ("digit",), ("digit", "residual"), {"digit": "accuracy"}, {"digit": {"digit": READ, "residual": READ}},
    {"digit": READ}, {"digit": 0.1}, {"digit": SCORE}, {"digit": {"colour": 0.25}},
)  # fmt: skip
SUMMARIES = (
    FactorSummary("digit", 3, 0.25, 0.9),
    FactorSummary("residual", 9, 0.75, NAN),
)
MAP = FactorMap(np.array([[0.5, NAN], [1.0, 2.0]]), np.array([1.0, NAN]), "numeric", ("a", "b"), "as it came")
DRIFT = Drift("digit", "colour", SCORE, SCORE)

SCORES = Scores(
    {"mig": SCORE}, {"mig": "A line."}, {"mine": "It needs numbers."}, ("dci",), ("digit",), 80, ("A note.",)
)

ERASURE = BesideErasure(READ, READ, READ, READ, 2, SCORE, Score(NAN), "no better", "Nothing is added.")
EFFECT = Effect(
    "digit", "estimated", "classes", SCORE, SCORE, SCORE, Score(NAN), {"data": SCORE}, {"1": {"7": SCORE}},
    {"cat": SCORE}, {"flip_rate": 0.01}, 0.005, 240, ("A note.",),
)  # fmt: skip
REFITS = Refits(
    5, "", {"digit": {"digit": READ, "residual": READ}}, {"digit": READ}, {"digit": 0.1}, {"digit": NAN}, {"digit": 3},
    1.5,
)  # fmt: skip

RECORDS = [
    SCORE,
    READ,
    LEAKAGE,
    *SUMMARIES,
    MAP,
    DRIFT,
    ERASURE,
    Evaluation(
        LEAKAGE, SUMMARIES, {"digit": MAP}, (DRIFT,), SCORES, REFITS, {"digit": ERASURE}, {"digit": EFFECT}
    ),
    Evaluation(LEAKAGE, SUMMARIES, {"digit": MAP}, (DRIFT,), SCORES),
    Refits(reason="None were asked for."),
    FitRecord(10, 5, True, 0.1 + 0.2, ((5, 1.5, NAN), (10, 1.25, 1.0))),
    FitRecord(0, 0, False, 0.0, ()),
    FitRecord(0, 0, False, 0.0, (), 5.25),
    FitSettings(),
    FlowShape(10, 4),
    Factor("digit", 0, 3),
    Checks(1e-7, 2e-7, 1.0, 0.0, True, True, 12),
    Redraw("classes", SCORE, SCORE, SCORE, SCORE, NAN),
    Outcome(("cat", "dog"), (0.75, 0.25)),
    ExampleFactor(0.5, 12.0, "7", NAN, Outcome((), ()), 3),
    EFFECT,
    Traversal(2, np.array([-1.0, 0.0, 1.0]), ("cat",), np.array([[0.1], [0.2], [0.3]])),
]


def through_json(record):
    return json.loads(json.dumps(plain(record), allow_nan=False))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_come_back(record):
    found = revive(type(record), through_json(record))
    assert type(found) is type(record)
    assert same(found, record)
    for field in dataclasses.fields(record):
        if isinstance(getattr(record, field.name), np.ndarray):
            assert getattr(found, field.name).dtype == getattr(record, field.name).dtype


def test_records_of_the_evaluation_are_all_in_the_list():
    assert {type(getattr(RECORDS[8], field.name)) for field in dataclasses.fields(Evaluation)} == {
        Leakage,
        tuple,
        dict,
        Scores,
        Refits,
    }
    assert isinstance(RECORDS[8], Evaluation)


def test_what_an_earlier_version_did_not_write_has_its_default():
    written = through_json(RECORDS[8])
    del written["scores"], written["erasure"], written["effects"]
    expected = dataclasses.replace(RECORDS[8], scores=None, erasure=None, effects=None)
    assert same(revive(Evaluation, written), expected)


def test_scores_from_before_there_was_a_kernel_probe_have_none():
    written = through_json(READ)
    del written["kernel"]
    assert same(revive(ProbeScores, written), dataclasses.replace(READ, kernel=Score(NAN)))


NUMBERS = st.floats(allow_infinity=False)


@settings(deadline=None)
@given(value=NUMBERS, low=NUMBERS, parts=st.dictionaries(st.text(max_size=5), NUMBERS, max_size=3))
def test_numbers_come_back_to_the_last_bit(value, low, parts):
    score = Score(value, low, NAN, parts)
    assert same(revive(Score, through_json(score)), score)


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        (Factor, {"name": "digit", "start": 0}, KeyError),
        (Factor, {"name": 3, "start": 0, "stop": 1}, TypeError),
        (Factor, {"name": "digit", "start": "0", "stop": 1}, TypeError),
        (Outcome, {"labels": ["a"], "values": ["much"]}, ValueError),
        (tuple[int, float], [1], ValueError),
        (torch.Tensor, [1], TypeError),
        (Literal["better", "worse"], "best", ValueError),
        (Literal["better", "worse"], None, ValueError),
        (Literal["better", "worse"], ["better"], ValueError),
        (Literal[1, 2], True, ValueError),
        (Literal[1, 2], 1.0, ValueError),
        (int, True, TypeError),
    ],
)
def test_what_does_not_fit_is_refused(kind, value, error):
    with pytest.raises(error):
        revive(kind, value)
