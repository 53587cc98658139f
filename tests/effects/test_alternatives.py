"""The values that a concept takes in place of its own."""

import numpy as np
import pytest

from interpret_inn.effects.alternatives import alternatives
from interpret_inn.types import Concept


def test_classes_take_every_other_class_as_often_as_in_the_data():
    values = np.array([0] * 6 + [1] * 3 + [2] * 1)
    found = alternatives(Concept("c", "categorical", values, ("a", "b", "c")), seed=0)
    assert found.names == ("a", "b", "c")
    assert found.values.shape == (2, 10)
    assert not (found.values == values).any()
    by_cell = {(int(c), int(o)): w for c, o, w in zip(values, found.others[0], found.data[0], strict=True)}
    assert by_cell[0, 1] == pytest.approx(3 / 4)
    np.testing.assert_allclose(found.data.sum(0), 1)
    np.testing.assert_allclose(found.even, 0.5)


def test_numbers_take_a_value_of_each_other_range():
    numbers = np.random.default_rng(0).normal(size=400)
    found = alternatives(Concept("n", "numeric", numbers), seed=0)
    assert len(found.names) == 4
    assert found.values.shape == (3, 400)
    assert set(found.values.ravel()) <= set(numbers)
    assert (found.others != found.cells).all()
    assert (found.cells[found.givers] == found.others).all()


def test_of_many_classes_some_are_drawn_as_often_as_they_are():
    values = np.repeat(np.arange(30), 10)
    found = alternatives(Concept("c", "categorical", values, tuple(map(str, range(30)))), seed=0)
    assert found.values.shape == (4, 300)
    assert (found.others != found.cells).all()
    np.testing.assert_allclose(found.data, 1 / 4)


def test_one_value_alone_has_no_alternative():
    assert alternatives(Concept("c", "categorical", np.zeros(9, int), ("a",)), seed=0) is None


def test_rows_of_numbers_are_cut_along_the_axis_that_varies_most():
    rows = np.random.default_rng(0).normal(size=(200, 2)) * [5, 1]
    found = alternatives(Concept("n", "numeric", rows), seed=0)
    assert found.values.shape == (3, 200, 2)


def test_numbers_that_are_mostly_at_their_least_have_two_ranges():
    numbers = np.where(np.arange(400) % 5, 0.0, np.random.default_rng(0).random(400))
    found = alternatives(Concept("n", "numeric", numbers), seed=0)
    assert len(found.names) == 2
    assert ((found.cells == 1) == (numbers > 0)).all()


def test_changes_that_few_samples_make_have_no_figure():
    values = np.array([0] * 50 + [1] * 50 + [2])
    found = alternatives(Concept("c", "categorical", values, ("a", "b", "c")), seed=0)
    assert (0, 2) in found.moves and (2, 0) not in found.moves
