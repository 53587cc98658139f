"""A concept's own answers, against literal slow versions of them."""

import math

import numpy as np
import pytest
import torch

from interpret_inn import errors
from interpret_inn.types import Concept

NAN = math.nan
SHAPE = Concept("shape", "categorical", np.array([2, -1, 0, 0, -1, 2]), ("circle", "square", "star"))
SIZE = Concept("size", "numeric", np.array([1.0, NAN, 4.0, -3.0, 0.5, NAN]))
PLACE = Concept(
    "place", "numeric", np.array([[1.0, 2.0], [NAN, 3.0], [4.0, 0.0], [5.0, NAN], [NAN, NAN], [-1.0, 7.0]])
)
HUE = Concept("hue", "cyclic", np.array([0.0, NAN, -3.0, 3.1, 6.2, 1.0]))
FREE = Concept("free", "unlabelled")
ALL = (SHAPE, SIZE, PLACE, HUE)


def by_name(concept):
    return concept.name


def is_known(concept, value):
    if concept is SHAPE:
        return value != -1
    return not any(math.isnan(number) for number in np.atleast_1d(value))


def slow_distance(concept, one, other):
    if not is_known(concept, one) or not is_known(concept, other):
        return NAN
    if concept is SHAPE:
        return float(one != other)
    if concept is HUE:
        turned = (other - one) % (2 * math.pi)
        return min(turned, 2 * math.pi - turned)
    columns = np.asarray(concept.values).reshape(len(concept.values), -1).T
    units = []
    for column, first, second in zip(columns, np.atleast_1d(one), np.atleast_1d(other), strict=True):
        there = [number for number in column if not math.isnan(number)]
        mean = sum(there) / len(there)
        spread = math.sqrt(sum((number - mean) ** 2 for number in there) / len(there))
        units.append(abs(second - first) / spread)
    return sum(units) / len(units)


@pytest.mark.parametrize("concept", ALL, ids=by_name)
def test_values_are_known_where_nothing_of_them_is_missing(concept):
    assert concept.known.dtype == bool
    assert concept.known.tolist() == [is_known(concept, value) for value in concept.values]


def test_targets_are_class_indices_numbers_or_cosine_and_sine():
    np.testing.assert_array_equal(SHAPE.targets, [[2], [NAN], [0], [0], [NAN], [2]])
    np.testing.assert_array_equal(SIZE.targets, SIZE.values[:, None])
    np.testing.assert_array_equal(PLACE.targets, PLACE.values)
    assert HUE.targets[:, 0] == pytest.approx([math.cos(angle) for angle in HUE.values], nan_ok=True)
    assert HUE.targets[:, 1] == pytest.approx([math.sin(angle) for angle in HUE.values], nan_ok=True)
    assert all(concept.targets.dtype == np.float64 for concept in ALL)


def test_indicators_have_a_column_for_each_class_that_occurs():
    expected = [[0, 1], [0, 0], [1, 0], [1, 0], [0, 0], [0, 1]]  # circle and star; nothing is a square
    assert SHAPE.indicators.tolist() == expected
    assert SIZE.indicators is PLACE.indicators is HUE.indicators is None


@pytest.mark.parametrize("concept", ALL, ids=by_name)
def test_distances_of_all_values_to_all_others(concept):
    first, second = (index.reshape(-1) for index in np.meshgrid(np.arange(6), np.arange(6)))
    found = concept.distance(concept.values[first], concept.values[second])
    expected = [
        slow_distance(concept, concept.values[i], concept.values[j])
        for i, j in zip(first, second, strict=True)
    ]
    assert found.dtype == np.float64
    assert found == pytest.approx(expected, nan_ok=True)


def test_distances_of_numbers_count_in_the_units_of_the_whole_concept():
    one = SIZE.at([0, 2])
    assert SIZE.distance(one.values, one.values[::-1])[0] < one.distance(one.values, one.values[::-1])[0] == 2
    constant = Concept("constant", "numeric", np.full(4, 3.0))
    assert constant.distance([3.0], [3.0]).tolist() == [0.0]
    assert math.isfinite(constant.distance([3.0], [4.0])[0])
    unknown = Concept("unknown", "numeric", np.full(4, NAN))
    assert np.isnan(unknown.distance([1.0], [2.0])).all()


def test_angles_are_never_further_than_half_a_turn():
    assert HUE.distance([0.1, 0.0, 9.0], [2 * math.pi - 0.1, math.pi, 9.0 + 4 * math.pi]) == pytest.approx(
        [0.2, math.pi, 0.0]
    )


def test_values_in_words():
    assert [SHAPE.text(value) for value in SHAPE.values[:3]] == ["star", "missing", "circle"]
    assert Concept("digit", "categorical", np.array([7])).text(7) == "class 7"
    assert SHAPE.text(3) == "class 3"  # of more classes than have a name
    assert [SIZE.text(value) for value in SIZE.values[:2]] == ["1.00", "missing"]
    assert [PLACE.text(value) for value in PLACE.values[2:4]] == ["4.00, 0.00", "missing"]
    assert [HUE.text(angle) for angle in (0.0, math.pi / 2, -math.pi / 2, 7.0, NAN)] == [
        "0°", "90°", "270°", "41°", "missing",
    ]  # fmt: skip


@pytest.mark.parametrize("concept", ALL, ids=by_name)
def test_some_samples_by_index_or_by_where_they_are(concept):
    for index in ([4, 0, 0], np.array([4, 0, 0], np.int32), torch.tensor([4, 0, 0])):
        np.testing.assert_array_equal(concept.at(index).values, concept.values[[4, 0, 0]])
    where = np.array([True, False, False, False, True, False])
    np.testing.assert_array_equal(concept.at(where).values, concept.values[[0, 4]])
    some = concept.at([1])
    assert (some.name, some.kind, some.classes, some.guessed) == (
        concept.name,
        concept.kind,
        concept.classes,
        False,
    )
    assert some.values.dtype == concept.values.dtype


@pytest.mark.parametrize("concept", ALL, ids=by_name)
def test_values_can_be_hidden(concept):
    before = concept.values.copy()
    hidden = np.array([True, False, True, False, False, False])
    found = concept.without(hidden)
    assert found.values.dtype == concept.values.dtype
    assert found.known.tolist() == (concept.known & ~hidden).tolist()
    np.testing.assert_array_equal(found.values[~hidden], before[~hidden])
    np.testing.assert_array_equal(concept.values, before)  # the concept itself keeps its own
    assert (np.atleast_1d(found.values[0]) == concept.missing).all() or math.isnan(concept.missing)


@pytest.mark.parametrize("concept", ALL, ids=by_name)
def test_no_samples_at_all(concept):
    none = concept.at([])
    assert none.values.shape == (0, *concept.values.shape[1:])
    assert none.known.shape == (0,)
    assert none.targets.shape == (0, concept.targets.shape[1])
    assert none.without(np.zeros(0, bool)).values.shape == none.values.shape
    assert none.distance(none.values, none.values).shape == (0,)
    assert none.indicators is None or none.indicators.shape == (0, 0)


def test_what_has_no_values_says_so():
    assert FREE.at([0]) is FREE
    assert FREE.without([True]) is FREE
    for ask in (
        lambda: FREE.known,
        lambda: FREE.targets,
        lambda: FREE.indicators,
        lambda: FREE.text(1),
        lambda: FREE.distance([1], [2]),
    ):
        with pytest.raises(errors.InputError, match=r"no values.*Expected a kind out of .*'unlabelled'"):
            ask()
    with pytest.raises(errors.InputError, match=r"concept 'size' has no values"):
        _ = Concept("size", "numeric").known


def test_cells_are_classes_or_ranges_between_quantiles_of_the_data():
    index, names = SHAPE.cells(np.array([2, -1, 0]), 4)
    assert index.tolist() == [2, -1, 0] and names == ("circle", "square", "star")
    assert Concept("kind", "categorical", np.array([0, 1])).cells([3], 4)[1][-1] == "class 3"
    even = Concept("size", "numeric", np.linspace(0, 8, 81))
    index, names = even.cells([0.0, 1.9, 2.0, 7.0, 99.0, -5.0, NAN], 4)
    assert index.tolist() == [0, 0, 1, 3, 3, 0, -1]
    assert names == ("0 to 2", "2 to 4", "4 to 6", "6 to 8")
    assert Concept("size", "numeric", np.array([1.0, 1, 1, 3])).cells([1.0, 3.0], 4)[1] == (
        "1 to 1.5",
        "1.5 to 3",
    )
    index, names = Concept("hue", "cyclic", np.linspace(0, 2 * math.pi, 201)[:-1]).cells(
        [0.1, 0.1 - 2 * math.pi], 2
    )
    assert index.tolist() == [0, 0] and names == ("0° to 179°", "179° to 358°")
    assert PLACE.cells(PLACE.values, 4) is None
    near = Concept("size", "numeric", np.array([1e5 + 1e-4, 1e5 + 2e-4, 1e5 + 3e-4]))
    assert len(set(near.cells([1e5], 2)[1])) == 2
