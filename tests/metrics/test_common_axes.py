"""Codes that are linear images of each other fall together; nothing of them is lost."""

import numpy as np

from interpret_inn.metrics.common_axes import turned_onto, whitening


def test_directions_that_do_not_vary_stay_empty():
    random = np.random.default_rng(0)
    rows = random.normal(size=(200, 3)) @ random.normal(size=(3, 5)) + 7
    white = rows @ whitening(rows)
    values = np.linalg.eigvalsh(np.cov(white.T, bias=True))
    np.testing.assert_allclose(values, [0, 0, 1, 1, 1], atol=1e-6)


def test_a_code_of_fewer_axes_is_laid_into_those_of_the_other_and_keeps_all_it_tells():
    random = np.random.default_rng(1)
    target = random.normal(size=(300, 6))
    target = target @ whitening(target)
    rows = target[:, 1:4] @ random.normal(size=(3, 3)) + 2
    found = (rows - rows.mean(0)) @ turned_onto(rows, target)
    np.testing.assert_allclose(found[:, 1:4], target[:, 1:4] - target[:, 1:4].mean(0), atol=1e-9)
    np.testing.assert_allclose(found[:, [0, 4, 5]], 0, atol=1e-9)


def test_what_has_nothing_to_do_with_the_other_is_kept_white():
    random = np.random.default_rng(2)
    rows, target = random.normal(size=(100, 2)) * [5, 0.1], random.normal(size=(100, 2))
    found = rows @ turned_onto(rows, target)
    np.testing.assert_allclose(np.cov(found.T, bias=True), np.eye(2), atol=1e-9)
