"""Systems of coordinates: uncorrelated, of mean variance 1, and each what its name says."""

import numpy as np
import pytest

from interpret_inn.metrics.probe_coordinates import SYSTEMS, Systems, fold_systems, standard


def world(rows, width, seed=0):
    generator = np.random.default_rng(seed)
    x = 5 + (generator.normal(size=(rows, width)) * np.logspace(0, 2, width)) @ generator.normal(
        size=(width, width)
    )
    return x, (x[:, :1] / x[:, 0].std() + generator.normal(size=(rows, 1)))


@pytest.mark.parametrize("shape", [(200, 6), (20, 50)])
@pytest.mark.parametrize("name", SYSTEMS)
def test_coordinates_are_uncorrelated_with_mean_variance_one(shape, name):
    x, targets = world(*shape)
    found = Systems(x, targets)[name]
    told = found.of(x)
    assert told.shape[1] <= min(shape[1], shape[0] - 1)
    np.testing.assert_allclose(told.mean(0), 0, atol=1e-8)
    np.testing.assert_allclose(told.T @ told / len(x), np.diag(found.variances), atol=1e-6)
    assert found.variances.mean() == pytest.approx(1)
    assert (np.diff(found.variances) <= 1e-9).all(), "the largest first"


@pytest.mark.parametrize("shape", [(200, 6), (20, 50)])
def test_natural_and_standard_coordinates_keep_all_distances(shape):
    x, targets = world(*shape)
    systems = Systems(x, targets)
    for name, known in (("natural", x), ("standard", x / x.std(0))):
        told = systems[name].of(x)
        ours, theirs = (((rows[:1] - rows[1:]) ** 2).sum(1) for rows in (told, known))
        np.testing.assert_allclose(ours / ours[0], theirs / theirs[0], rtol=1e-6)


def test_weights_are_shares_of_variance_above_chance():
    generator = np.random.default_rng(1)
    x = generator.normal(size=(400, 30))
    target = x[:, :1] + x[:, 1:2]
    systems = Systems(x, target)
    shares = np.corrcoef(x.T, target[:, 0])[-1, :-1] ** 2
    wanted = x / x.std(0) * np.maximum(shares - 1 / 400, 0)
    found = systems["screened"].of(x)
    ours, theirs = (((rows[:1] - rows[1:]) ** 2).sum(1) for rows in (found, wanted))
    np.testing.assert_allclose(ours / ours[0], theirs / theirs[0], rtol=1e-6)
    assert found.shape[1] < 30, "what tells no more than chance is left out"


def test_leading_coordinates_are_natural_ones_times_their_standard_deviation():
    x, targets = world(200, 6)
    systems = Systems(x, targets)
    natural, leading = (systems[name].of(x) for name in ("natural", "leading"))
    wanted = natural * natural.std(0)
    np.testing.assert_allclose(leading, wanted / np.sqrt((wanted**2).mean()), rtol=1e-8)


def test_columns_that_never_vary_are_left_out():
    x = np.concatenate([world(50, 3)[0], np.full((50, 2), 0.1)], 1)
    for name in SYSTEMS:
        assert not Systems(x, x[:, :1])[name].axes[3:].any()
        assert Systems(x[:, 3:], x[:, :1])[name].of(x[:, 3:]).shape == (50, 0)


def test_the_coordinates_of_a_fold_know_nothing_of_its_rows():
    x, targets = world(40, 60)
    chosen = np.arange(40) % 4 == 0
    before = fold_systems(x, targets, [chosen])[0]
    x[chosen], targets[chosen] = 1e3, -1e3
    after = fold_systems(x, targets, [chosen])[0]
    for name in SYSTEMS:
        np.testing.assert_array_equal(before.systems[name].axes, after.systems[name].axes)
        np.testing.assert_array_equal(before.systems[name].mean, after.systems[name].mean)


def test_a_column_without_spread_keeps_its_units():
    mean, scale = standard(np.array([[1.0, 2.0], [3.0, 2.0]]))
    assert mean.tolist() == [2, 2]
    assert scale.tolist() == [1, 1]
