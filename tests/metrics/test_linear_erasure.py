"""Linear erasure against a literal version of the theorem, and against least squares."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.cross_decomposition import CCA

from interpret_inn.metrics.linear_erasure import fit_linear_erasure


@pytest.fixture
def world():
    """Rows (400, 7) of dependent columns, one of which is the sum of two, classes of three and a number."""
    random = np.random.default_rng(0)
    labels, number = random.integers(0, 3, 400), random.exponential(size=400)
    rows = random.normal(size=(400, 7)) @ random.normal(size=(7, 7))
    rows += np.eye(3)[labels] @ random.normal(size=(3, 7)) + number[:, None] * random.normal(size=7)
    rows[:, 6] = rows[:, 0] + rows[:, 1]
    return rows + 5, np.eye(3)[labels], number[:, None]


def literal(rows, targets):
    """Belrose et al. (2023), Theorem 4.2, word for word."""
    x, z = rows - rows.mean(0), targets - targets.mean(0)
    square, cross = x.T @ x / len(x), x.T @ z / len(x)
    whitening = np.linalg.pinv(np.real(sqrtm(square)), rcond=1e-6)
    projection = (whitening @ cross) @ np.linalg.pinv(whitening @ cross, rcond=1e-9)
    return rows - x @ (np.linalg.pinv(whitening, rcond=1e-6) @ projection @ whitening).T


@pytest.mark.parametrize("which", [1, 2])
def test_what_is_left_is_that_of_the_theorem(world, which):
    rows, targets = world[0], world[which]
    np.testing.assert_allclose(
        fit_linear_erasure(rows, targets).rest(rows), literal(rows, targets), atol=1e-6
    )


@pytest.mark.parametrize("which", [1, 2])
@pytest.mark.parametrize("leading", [None, 4])
def test_no_line_reads_anything_from_what_is_left(world, which, leading):
    rows, targets = world[0], world[which]
    rest = fit_linear_erasure(rows, targets, leading=leading).rest(rows)
    covariance = (rest - rest.mean(0)).T @ (targets - targets.mean(0)) / len(rows)
    assert np.abs(covariance).max() < 1e-9
    assert np.abs(rest - rows).max() > 0.5


def test_any_other_erasing_map_changes_rows_more(world):
    """In every metric: here in that of the columns themselves, and in that of whitened ones."""
    rows, targets = world[0][:, :6], world[1]
    x = rows - rows.mean(0)
    moved = fit_linear_erasure(rows, targets).rest(rows) - rows
    # an orthogonal projection that removes the class means' span erases, too
    span = np.linalg.svd(x.T @ (targets - targets.mean(0)))[0][:, :2]
    other = -x @ span @ span.T
    whitening = np.linalg.inv(np.real(sqrtm(x.T @ x / len(x))))
    for metric in (np.eye(6), whitening):
        assert ((moved @ metric) ** 2).sum() < 0.99 * ((other @ metric) ** 2).sum()


def test_its_own_variates_are_canonical_white_and_uncorrelated_with_the_rest(world):
    rows, targets = world[0][:, :6], world[1]
    erasure = fit_linear_erasure(rows, targets)
    own = erasure.own(rows)
    assert own.shape == (400, 2)
    np.testing.assert_allclose(np.cov(own.T, bias=True), np.eye(2), atol=1e-9)
    x, _ = CCA(2, scale=False, max_iter=5000, tol=1e-12).fit_transform(rows, targets[:, :2])
    for place in range(2):
        assert abs(np.corrcoef(own[:, place], x[:, place])[0, 1]) > 0.999
    rest = erasure.rest(rows)
    assert np.abs((rest - rest.mean(0)).T @ own).max() / 400 < 1e-9
    assert erasure.own(rows, 1).shape == (400, 1)
    assert erasure.own(rows, 9).shape == (400, 2)


def test_of_a_number_the_variate_is_its_regression(world):
    rows, number = world[0][:, :6], world[2]
    told = np.column_stack([rows, np.ones(400)])
    regression = told @ np.linalg.lstsq(told, number[:, 0], rcond=None)[0]
    found = fit_linear_erasure(rows, number).own(rows)[:, 0]
    assert abs(np.corrcoef(found, regression)[0, 1]) > 1 - 1e-9


def test_rows_without_a_value_tell_of_the_rows_alone(world):
    rows, targets = world[0], world[1].copy()
    targets[::4] = np.nan
    known = np.isfinite(targets[:, 0])
    rest = fit_linear_erasure(rows, targets).rest(rows)
    covariance = rest[known].T @ (targets[known] - targets[known].mean(0)) / known.sum()
    assert np.abs(covariance).max() < 1e-9


def test_a_concept_that_never_varies_erases_nothing(world):
    rows = world[0]
    for targets in (np.ones((400, 1)), np.full((400, 1), np.nan)):
        erasure = fit_linear_erasure(rows, targets)
        assert erasure.own(rows).shape == (400, 0)
        np.testing.assert_array_equal(erasure.rest(rows), rows)


def test_targets_that_rows_do_not_tell_at_all_have_no_direction():
    random = np.random.default_rng(0)
    targets = random.normal(size=(6000, 2))
    targets -= targets.mean(0)
    rows = random.normal(size=(6000, 4))
    rows -= rows.mean(0)
    rows -= targets @ np.linalg.lstsq(targets, rows, rcond=None)[0]
    found = fit_linear_erasure(rows, targets)
    assert found.own(rows).shape == (6000, 0)
    np.testing.assert_array_equal(found.rest(rows), rows)
