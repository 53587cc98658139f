"""What libraries compute, against the formulas written out."""

import numpy as np
import pytest
import torch
from scipy import stats

from interpret_inn.metrics import deletion_curve
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.metrics.disentanglement import disentanglement_of
from interpret_inn.metrics.disentanglement.information import count_information
from interpret_inn.metrics.faithfulness import _blurred


def test_concentration_is_one_minus_the_entropy_written_out() -> None:
    matrix = np.random.default_rng(0).random((7, 4)) ** 3
    matrix[2] = 0
    shares = matrix + 1e-11
    shares /= shares.sum(1, keepdims=True)
    each = 1 + (shares * np.log(shares)).sum(1) / np.log(4)
    np.testing.assert_allclose(disentanglement_of(matrix)[1], each, atol=1e-14)


def test_areas_under_curves_are_sums_of_trapezes() -> None:
    rng = np.random.default_rng(0)
    images, masks = torch.rand(5, 2, 6, 6), rng.random((5, 6, 6))
    curve = deletion_curve(lambda x: x.mean((1, 2, 3)), images, masks, areas=(0, 0.1, 0.5, 0.7))
    steps = np.diff(curve.areas)
    by_hand = (curve.scores[:, 1:] + curve.scores[:, :-1]) / 2 @ steps / steps.sum()
    np.testing.assert_allclose(curve.under.each, by_hand, rtol=1e-13)


@pytest.mark.parametrize("shape", [(2, 3, 24, 18), (1, 1, 5, 40)])
def test_the_blur_is_a_convolution_with_a_gaussian(shape: tuple[int, ...]) -> None:
    images = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    width = max(0.1 * max(shape[2:]), 1.0)
    radius = int(3 * width + 0.5)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1).double() / width) ** 2)
    kernel = (kernel / kernel.sum()).repeat(shape[1], 1, 1, 1)
    padded = torch.nn.functional.pad(images, (radius,) * 4, mode="replicate")
    rows = torch.nn.functional.conv2d(padded, kernel, groups=shape[1])
    wanted = torch.nn.functional.conv2d(rows, kernel.transpose(2, 3), groups=shape[1])
    torch.testing.assert_close(_blurred(images), wanted, rtol=1e-12, atol=1e-12)
    assert _blurred(images.float()).dtype == torch.float32


def test_intervals_of_means_are_scipys_percentile_intervals() -> None:
    """Drawn by another generator: they agree up to the noise of 20,000 draws."""
    values = np.random.default_rng(0).gamma(2, 1, 40)
    tail = stats.norm.cdf(-np.sqrt(40 / 39) * stats.t.ppf(0.975, 39))
    found = bootstrap_mean(values, resamples=20_000)
    wanted = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", confidence_level=1 - 2 * tail,
        vectorized=True, random_state=1,
    ).confidence_interval  # fmt: skip
    assert (found.low, found.high) == pytest.approx(tuple(wanted), abs=0.02)


def test_information_of_counts_is_scikit_learns() -> None:
    from sklearn.metrics import mutual_info_score

    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 7, 300), rng.integers(0, 4, 300)
    second[:150] = first[:150] % 4
    assert count_information(first, second) == pytest.approx(mutual_info_score(first, second), abs=1e-14)
    drawn = rng.integers(0, 300, 300)
    weights = np.bincount(drawn, minlength=300).astype(np.float64)
    wanted = mutual_info_score(first[drawn], second[drawn])
    assert count_information(first, second, weights) == pytest.approx(wanted, abs=1e-14)
