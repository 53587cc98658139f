"""Planes and directions on codes whose structure is known."""

import math

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from interpret_inn import errors
from interpret_inn.explaining.factor_maps import factor_map
from interpret_inn.translating.axes import main_direction
from interpret_inn.types import Concept


def mapped(codes, concept, **options):
    index = np.arange(len(codes))
    train, test = index[: len(index) // 2], index[len(index) // 2 :]
    return factor_map(
        codes[test], concept and concept.at(test),
        train_codes=codes[train], train_concept=concept and concept.at(train), **options,
    )  # fmt: skip


@pytest.fixture
def classes():
    """Four classes along two axes of six, in codes with unequal spread."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 4, 2000)
    codes = generator.normal(size=(2000, 6)) * [0.3, 0.3, 1, 1, 1, 3]
    codes[:, 0] += labels % 2
    codes[:, 1] += 2 * (labels // 2)
    return codes, Concept("shape", "categorical", labels, ("a", "b", "c", "d"))


def test_categories_are_laid_out_on_discriminant_axes(classes):
    codes, concept = classes
    found = mapped(codes, concept)
    assert found.points.shape == (600, 2)
    assert found.kind == "categorical"
    assert found.classes == ("a", "b", "c", "d")
    assert found.method == "the two leading discriminant axes"
    centres = np.array([found.points[found.colour == c].mean(0) for c in range(4)])
    nearest = ((found.points[:, None] - centres) ** 2).sum(2).argmin(1)
    assert (nearest == found.colour).mean() > 0.9


def test_the_axes_are_fishers_discriminants(classes):
    codes, concept = classes
    points = mapped(codes, concept, points=10_000).points
    reference = LinearDiscriminantAnalysis(solver="eigen").fit(codes[:1000], concept.values[:1000])
    theirs = reference.transform(codes[1000:])[:, :2]
    for axis in (0, 1):
        assert abs(np.corrcoef(points[:, axis], theirs[:, axis])[0, 1]) > 0.999


def test_points_on_one_axis_are_spread_as_wide_as_they_are_long():
    codes = np.random.default_rng(0).normal(size=(2000, 1)) * 50
    found = mapped(codes, None)
    assert found.method == "the factor's only axis; spread at random vertically"
    along, across = np.std(found.points, 0)
    assert np.abs(found.points[:, 1]).max() <= along
    assert across > along / 3  # uniform between −1 and 1 times the spread: 1/√3 of it
    flat = mapped(0 * codes, None).points[:, 1]
    assert np.abs(flat).max() <= 1 < np.ptp(flat)


def test_angles_make_a_ring():
    generator = np.random.default_rng(1)
    angle = generator.uniform(-math.pi, math.pi, 1200)
    mixing = np.linalg.qr(generator.normal(size=(5, 5)))[0]
    codes = np.concatenate(
        [np.stack([np.cos(angle), np.sin(angle)], 1), 0.5 * generator.normal(size=(1200, 3))], 1
    ) @ mixing  # fmt: skip
    found = mapped(codes, Concept("hue", "cyclic", angle))
    assert np.linalg.norm(found.points, axis=1) == pytest.approx(1, abs=0.1)
    assert found.kind == "cyclic"
    assert found.method == "the plane of the linear probe"


def test_one_number_lies_along_the_first_axis():
    generator = np.random.default_rng(2)
    codes = generator.normal(size=(1000, 4)) * [1, 2, 1, 1] + 10
    found = mapped(codes, Concept("size", "numeric", 3 + codes[:, 2]), points=300)
    assert found.points.shape == (300, 2)
    assert abs(np.corrcoef(found.points[:, 0], found.colour)[0, 1]) > 0.999
    assert found.points.std(0) == pytest.approx([1, 2], abs=0.3)  # the leading axis across it
    assert found.points.mean(0) == pytest.approx([0, 0], abs=0.3)  # of the training split
    assert "the direction of the linear probe and the leading axis" in found.method


def test_numbers_of_several_columns_are_coloured_by_their_leading_axis():
    generator = np.random.default_rng(3)
    codes = generator.normal(size=(600, 5))
    values = codes[:, :3] * [5, 1, 1]
    values[3] = np.nan
    values[-4] = np.nan
    found = mapped(codes, Concept("colour", "numeric", values))
    assert np.isnan(found.colour).sum() == 1
    kept = np.isfinite(found.colour)
    assert np.corrcoef(found.colour[kept], values[300:, 0][kept])[0, 1] > 0.98
    assert found.colour[kept].mean() == pytest.approx(0, abs=1e-9)
    assert mapped(codes, Concept("red", "numeric", values[:, :1])).colour == pytest.approx(
        values[300:, 0], nan_ok=True
    )


@pytest.mark.parametrize("concept", [None, Concept("free", "unlabelled")])
def test_without_values_the_plane_is_that_of_the_principal_axes(concept):
    codes = np.random.default_rng(4).normal(size=(800, 4)) * [1, 4, 1, 2]
    found = mapped(codes, concept)
    assert found.points.std(0) == pytest.approx([4, 2], abs=0.4)
    assert np.isnan(found.colour).all()
    assert found.kind == "unlabelled"
    assert found.method == "the two leading principal axes"


def test_a_factor_of_one_axis_is_spread_at_random(classes):
    codes, concept = classes
    found = mapped(codes[:, :1], concept)
    np.testing.assert_array_equal(found.points, mapped(codes[:, :1], concept).points)
    assert found.method == "the factor's only axis; spread at random vertically"
    assert np.isfinite(found.points).all()


def test_two_classes_and_dead_axes_have_a_plane_too(classes):
    codes, concept = classes
    codes = np.concatenate([codes, np.zeros((2000, 2))], 1)
    found = mapped(codes, Concept("side", "categorical", concept.values // 2))
    assert "the discriminant axis and the leading axis" in found.method
    assert np.isfinite(found.points).all()
    flat = mapped(np.zeros((40, 3)), Concept("side", "categorical", np.arange(40) % 2))
    assert np.isfinite(flat.points).all()


def test_main_directions_point_to_larger_values():
    generator = np.random.default_rng(5)
    codes = generator.normal(size=(1500, 4))
    direction = np.array([0.6, 0.0, -0.8, 0.0])
    value = codes @ direction
    for concept in (
        Concept("size", "numeric", value),
        Concept("level", "categorical", np.digitize(value, [-1, 0, 1])),
        Concept("sizes", "numeric", np.stack([value, 2 * value], 1)),
    ):
        found = main_direction(torch.tensor(codes), concept)
        assert np.linalg.norm(found) == pytest.approx(1)
        assert found @ direction > 0.98, concept


def test_the_main_direction_is_the_pattern_and_not_the_filter():
    """A distractor that is correlated with the signal bends the filter, but not where the data move."""
    generator = np.random.default_rng(6)
    signal, noise = generator.normal(size=(2, 5000))
    codes = np.stack([signal + noise, noise], 1)  # the filter is (1, −1), but only the first axis moves
    assert np.abs(main_direction(codes, Concept("signal", "numeric", signal))) == pytest.approx(
        [1, 0], abs=0.03
    )


def test_without_values_the_main_direction_is_the_leading_axis():
    codes = np.random.default_rng(7).normal(size=(500, 3)) * [1, 1, 5]
    for concept in (None, Concept("free", "unlabelled"), Concept("few", "numeric", np.full(500, np.nan))):
        assert main_direction(codes, concept) == pytest.approx([0, 0, 1], abs=0.1)
    angle = np.arctan2(codes[:, 1], codes[:, 0])
    assert np.linalg.norm(main_direction(codes, Concept("hue", "cyclic", angle))[:2]) > 0.99
    assert main_direction(codes[:, :1], Concept("low", "numeric", -codes[:, 0])).tolist() == [-1.0]
    assert main_direction(np.zeros((20, 1)), Concept("dead", "numeric", np.arange(20.0))).tolist() == [1.0]


def test_errors_say_what_was_found():
    concept = Concept("size", "numeric", np.zeros(5))
    with pytest.raises(
        errors.InputError, match=r"one value of 'size' for each of 4 codes, found 5.*concept\.at"
    ):
        main_direction(np.zeros((4, 2)), concept)
    with pytest.raises(errors.InputError, match="one value of 'size' for each of 4 codes, found 5"):
        factor_map(np.zeros((4, 2)), concept, train_codes=np.zeros((5, 2)), train_concept=concept)
