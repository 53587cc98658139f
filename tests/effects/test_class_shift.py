"""The regression of a layer on a concept beside others: known shifts are found, and noise is none."""

import numpy as np
import pytest

from interpret_inn.effects.class_shift import (
    Design,
    chance_of_shift,
    fit_class_shift,
    fit_noise,
    fit_spreads,
    shrunk,
    told_by_others,
)
from interpret_inn.effects.value_functions import basis_of
from interpret_inn.types import Concept

N, WIDTH = 600, 8


def made_up(seed=0, *, tied=0.0, size=2.0, joint=0.0, samples=N):
    """Layers (n, 8) of classes and values: axis 0 moves with the value, axis 1 with the class, 2 with both."""
    random = np.random.default_rng(seed)
    classes = random.integers(3, size=samples)
    values = np.where(random.random(samples) < tied, classes, random.integers(3, size=samples))
    layer = random.normal(size=(samples, WIDTH))
    layer[:, 0] += size * (values == 1)
    layer[:, 1] += 3.0 * classes
    layer[:, 2] += joint * ((values == 1) & (classes == 2))
    return layer, values, classes


def design_of(values, classes, given=None):
    own = Concept("v", "categorical", values, ("a", "b", "c"))
    other = Concept("o", "categorical", classes, ("x", "y", "z"))
    columns = [np.ones((len(values), 1)), basis_of(other).columns(classes)]
    return Design(np.concatenate(columns, 1), basis_of(own).columns(values if given is None else given))


def flips(groups, draws=199):
    return np.where(np.random.default_rng(1).random((draws, groups)) < 0.5, -1.0, 1.0)


def moved(layer, values, classes, to, **options):
    design = design_of(values, classes)
    shift = fit_class_shift(layer, design, fit_noise(layer, design, np.arange(len(layer))), **options)
    return shift.at(design_of(values, classes, np.full(len(values), to))) - shift.at(design)


@pytest.mark.parametrize("tied", [0.0, 0.8])
def test_a_shift_is_that_of_the_concept_and_not_of_what_goes_with_it(tied):
    layer, values, classes = made_up(tied=tied, samples=6000)
    found = moved(layer, values, classes, 1)[values == 0].mean(0)
    np.testing.assert_allclose(found, [2, 0, 0, 0, 0, 0, 0, 0], atol=0.15)


def test_a_shift_may_depend_on_the_other_concept():
    layer, values, classes = made_up(joint=3.0)
    found = moved(layer, values, classes, 1)
    assert found[(values == 0) & (classes == 2), 2].mean() == pytest.approx(3, abs=0.5)
    assert abs(found[(values == 0) & (classes == 0), 2].mean()) < 0.3


def test_without_shrinkage_it_is_least_squares_with_all_products():
    layer, values, classes = made_up(joint=1.0)
    found = moved(layer, values, classes, 1, shrink=False)
    for cell in range(3):
        here = [layer[(values == v) & (classes == cell)].mean(0) for v in (0, 1)]
        np.testing.assert_allclose(found[(values == 0) & (classes == cell)][0], here[1] - here[0], atol=1e-8)


def test_of_a_concept_that_the_layer_does_not_hold_nothing_is_left():
    layer, values, classes = made_up(size=0.0)
    assert np.abs(moved(layer, values, classes, 1)).max() < 1e-12
    assert np.abs(moved(layer, values, classes, 1, shrink=False)).max() > 0.05


def test_a_row_that_counts_twice_is_two_rows():
    layer, values, classes = made_up()
    weights = np.where(np.arange(N) < 200, 2.0, 1.0)
    design = design_of(values, classes)
    noise = fit_noise(layer, design, np.arange(N))
    by_weight = fit_class_shift(layer, design, noise, weights)
    twice = np.concatenate((np.arange(N), np.arange(200)))
    repeated = Design(*(columns[twice] for columns in design))
    np.testing.assert_allclose(by_weight.main, fit_class_shift(layer[twice], repeated, noise).main, atol=1e-9)


def test_variants_of_one_thing_are_no_more_evidence():
    layer, values, classes = made_up(size=0.45)
    alone = moved(layer, values, classes, 1)
    eight = np.repeat(np.arange(N), 8)
    design = design_of(values[eight], classes[eight])
    rows = layer[eight]
    shift = fit_class_shift(rows, design, fit_noise(rows, design, eight))
    at = design_of(values[eight], classes[eight], np.ones(len(eight), int))
    np.testing.assert_allclose((shift.at(at) - shift.at(design))[::8], alone, atol=0.05)


def test_the_chance_of_a_shift_is_small_if_there_is_one_and_uniform_if_there_is_none():
    signs = flips(N)

    def chance(seed, size):
        layer, values, classes = made_up(seed, size=size, tied=0.5)
        design = design_of(values, classes)
        return chance_of_shift(layer, design, np.arange(N), signs)

    assert chance(0, 1.0) == 1 / 200
    found = [chance(seed, 0.0) for seed in range(20)]
    assert min(found) > 0.005
    assert sum(p < 0.5 for p in found) in range(4, 17)


def test_spreads_that_differ_are_found_and_others_are_one():
    random = np.random.default_rng(0)
    cells = np.arange(900) % 3
    left = random.normal(size=(900, 2)) * np.stack([np.array([1.0, 2.0, 4.0])[cells], np.ones(900)], 1)
    found = fit_spreads(left, cells, 3)
    np.testing.assert_allclose(found[:, 0], [1, 2, 4], rtol=0.12)
    np.testing.assert_allclose(found[:, 1], 1, rtol=0.06)
    assert np.ptp(found[:, 1]) < np.ptp([left[cells == cell, 1].std() for cell in range(3)])


def test_singular_values_lose_what_noise_brings():
    """A matrix of rank one in white noise: the shrunk one is nearer to the truth than either end."""
    random = np.random.default_rng(0)
    truth = np.outer(3 * random.normal(size=5), random.normal(size=60))
    left, values, right = np.linalg.svd(truth + random.normal(size=truth.shape), full_matrices=False)
    errors = [
        np.linalg.norm((left * kept) @ right - truth) for kept in (shrunk(values, 5, 60), values, 0 * values)
    ]
    assert errors[0] < 0.8 * min(errors[1:])


@pytest.mark.parametrize(
    ("samples", "width", "groups", "columns"),
    [(200, 64, 200, 0), (100, 300, 100, 0), (100, 4, 100, 40), (200, 4, 20, 8)],
    ids=["wide", "wider than samples", "many other columns", "groups"],
)
def test_the_chance_is_right_in_noise_alone(samples, width, groups, columns):
    random = np.random.default_rng(5)
    below = 0
    for _ in range(40):
        members = np.arange(samples) % groups
        own = random.integers(2, size=groups)[members].astype(float)[:, None]
        others = np.concatenate([np.ones((samples, 1)), random.normal(size=(groups, columns))[members]], 1)
        layer = random.normal(size=(samples, width)) + 2 * random.normal(size=(groups, width))[members]
        below += chance_of_shift(layer, Design(others, own), members, flips(groups, 99)) <= 0.05
    assert below <= 6  # of 40, 2 are expected; more than 6 come in 1 of 200


def test_a_concept_held_without_noise_is_held():
    layer, values, classes = made_up()
    layer[:, 0] = 2.0 * (values == 1)
    found = moved(layer, values, classes, 1)[values == 0]
    np.testing.assert_allclose(found[:, 0], 2, atol=0.05)


def test_an_axis_of_a_large_scale_hides_no_other():
    layer, values, classes = made_up()
    layer[:, 7] *= 1e4
    assert moved(layer, values, classes, 1)[values == 0, 0].mean() == pytest.approx(2, abs=0.3)


def test_a_concept_that_others_fix_is_told_by_them():
    classes = np.arange(400) % 3
    assert told_by_others(design_of(classes, classes)) == pytest.approx(1)
    assert told_by_others(design_of(np.random.default_rng(0).integers(3, size=400), classes)) < 0.05
