"""Scores use the samples whose values are known, and say which concepts they leave out."""

from __future__ import annotations

import numpy as np
import pytest

from interpret_inn.scoring.known_values import known_factors
from interpret_inn.scoring.score_table import Scored, ScoreRequest, score_table
from interpret_inn.types import Concept, Factors

from .known_codes import coded, concepts_of, table


def test_samples_without_a_value_are_left_out() -> None:
    codes, shape, size = coded()
    gaps_shape, gaps_size = shape.copy(), size.copy()
    gaps_shape[:40], gaps_size[30:90] = -1, np.nan
    found = table(codes, concepts_of(gaps_shape, gaps_size), names="irs")
    rows = slice(90, None)
    alone = table(codes[rows], concepts_of(shape[rows], size[rows]), names="irs")
    assert found.samples == 310 and float(found["irs"]) == float(alone["irs"])


def test_concepts_that_share_no_samples_are_not_scored_together() -> None:
    codes, shape, size = coded()
    shape[250:], size[:250] = -1, np.nan
    found = table(codes, concepts_of(shape, size))
    assert found.factors == ("shape",) and found.samples == 250
    assert found.notes == ("size is left out: 0 samples have its value and those of the others.",)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros(100, np.int64), "name is left out: it has one value only."),
        (np.arange(100), "name is left out: 100 values for 100 samples are too many."),
        (np.full(100, -1), "name is left out: 0 samples have its value and those of the others."),
    ],
)
def test_values_that_tell_nothing_are_named(values: np.ndarray, said: str) -> None:
    known = known_factors([Concept("name", "categorical", values)], 100)
    assert known.names == () and known.notes == (said,)


def test_rows_of_numbers_and_angles_make_one_factor_each() -> None:
    rng = np.random.default_rng(0)
    colour, angle = rng.random((300, 3)), rng.uniform(-np.pi, np.pi, 300)
    known = known_factors([Concept("colour", "numeric", colour), Concept("turn", "cyclic", angle)], 300)
    assert known.classes.shape == (300, 2) and known.numbers.shape == (300, 5)
    assert [len(np.unique(column)) for column in known.classes.T] == [10, 10]
    for number in range(10):  # a class is an arc, also across ±π
        members = np.exp(1j * angle[known.classes[:, 1] == number])
        assert abs(members.mean()) > 0.95
    few = known_factors([Concept("turn", "cyclic", angle[:60])], 60)
    assert len(np.unique(few.classes)) == 3


def test_variants_of_one_thing_stay_on_one_side_and_get_no_interval() -> None:
    """Codes that only say which thing a sample is of tell nothing of other things."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 6)
    shape = rng.integers(0, 4, 60)[groups]
    codes = np.eye(60)[groups] * 20 + 0.01 * rng.normal(size=(360, 60))
    factors = Factors.from_sizes({"shape": 30}, total=60)
    request = ScoreRequest(names=("explicitness",))
    apart = score_table(Scored(codes, factors, concepts_of(shape, shape)[:1]), request)
    together = score_table(Scored(codes, factors, concepts_of(shape, shape)[:1], groups), request)
    assert float(apart["explicitness"]) > 0.95 and np.isfinite(apart["explicitness"].low)
    assert float(together["explicitness"]) < 0.7 and np.isnan(together["explicitness"].low)
    assert together.notes[0].startswith("Several samples are variants of one thing")


@pytest.mark.parametrize("count", [1, 4])
def test_too_few_groups_are_a_reason(count: int) -> None:
    codes, shape, size = coded()
    found = table(codes, concepts_of(shape, size), np.arange(400) % count)
    said = f"It learns from some groups and is tested on others: it needs at least 5, found {count}."
    assert found.left_out == {"sap": said}
