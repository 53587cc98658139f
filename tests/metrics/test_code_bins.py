"""Codes are put into bins of equal width or of equal counts, before or by their scores."""

import numpy as np

from interpret_inn.metrics import discretise, mig

from .mixed_codes import mixed


def test_discretised_codes_are_taken_as_they_are():
    codes, factors = mixed(3)
    bins = discretise(codes, 7)
    assert mig(bins, factors, bins=None).score.value == mig(codes, factors, bins=7).score.value
    assert set(bins.ravel()) == set(range(7))


def test_bins_of_equal_counts():
    values = np.random.default_rng(0).normal(size=(100, 2)) ** 3
    found = discretise(values, 5, method="quantile")
    assert [np.bincount(column).tolist() for column in found.T] == [[20] * 5] * 2
    assert len(np.unique(discretise(np.full((30, 1), 0.1)))) == 1
    assert len(np.unique(discretise(np.full((30, 1), 0.1), method="quantile"))) == 1


def test_float32_codes_are_binned_as_float32():
    codes = np.random.default_rng(0).normal(size=(200, 1)).astype(np.float32)
    edges = np.histogram(codes, 20)[1][:-1]
    np.testing.assert_array_equal(discretise(codes)[:, 0], np.digitize(codes[:, 0], edges) - 1)
