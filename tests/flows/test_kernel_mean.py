"""Kernel means against scikit-learn's ridge, and their leave-one-out residuals against fits that leave samples out."""

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge
from torch import Generator

from interpret_inn.flows import fit_kernel_mean, kernel_mean


def drawn(samples, inputs, *, noise=0.3, seed=0):
    """Inputs (samples, inputs), and two axes of mean 0 that depend on the first input, the second one weakly."""
    generator = Generator().manual_seed(seed)
    given = torch.randn(samples, inputs, generator=generator, dtype=torch.float64)
    told = torch.stack((torch.sin(2 * given[:, 0]), 0.3 * given[:, 0]), 1)
    axes = told + noise * torch.randn(samples, 2, generator=generator, dtype=torch.float64)
    return given, axes - axes.mean(0)


def fitted(given, axes, *, seed=0, **options):
    return fit_kernel_mean(given, axes, generator=Generator().manual_seed(seed), **options)


def fix(monkeypatch, width, penalties):
    """One width, some penalties, and a mean that is taken whether it helps or not."""
    monkeypatch.setattr(kernel_mean, "_WIDTHS", (width,))
    monkeypatch.setattr(kernel_mean, "_PENALTIES", torch.tensor(penalties, dtype=torch.float64))
    monkeypatch.setattr(kernel_mean, "_GAIN", -1e9)


def refits(given, axes, *, gamma, penalty, groups=None):
    """Residuals (N, r) by scikit-learn, each of a fit without that sample, or without its group."""
    given, axes = given.numpy(), axes.numpy()
    groups = np.arange(len(given)) if groups is None else groups
    found = np.empty_like(axes)
    for left in np.unique(groups):
        kept = groups != left
        ridge = KernelRidge(alpha=penalty, kernel="rbf", gamma=gamma).fit(given[kept], axes[kept])
        found[~kept] = axes[~kept] - ridge.predict(given[~kept])
    return found


@pytest.mark.parametrize(("width", "penalty"), [(1.0, 0.3), (0.5, 1e-3), (2.0, 10.0)])
def test_it_is_kernel_ridge_regression(monkeypatch, width, penalty):
    fix(monkeypatch, width, [penalty])
    given, axes = drawn(60, 2)
    mean = fitted(given, axes).mean
    ridge = KernelRidge(alpha=penalty, kernel="rbf", gamma=float(mean.sharpness)).fit(given, axes)
    fresh, _ = drawn(30, 2, seed=1)
    np.testing.assert_allclose(mean(fresh.float()), ridge.predict(fresh), atol=2e-4)


@pytest.mark.parametrize(("width", "penalty"), [(1.0, 0.3), (1.0, 1e-4), (0.1, 1e-4), (4.0, 100.0)])
def test_residuals_are_those_of_fits_without_the_sample(monkeypatch, width, penalty):
    """Also where a narrow kernel interpolates: there a sample's own residual is ten thousand times too small."""
    fix(monkeypatch, width, [penalty])
    given, axes = drawn(20, 3)
    found = fitted(given, axes)
    expected = refits(given, axes, gamma=float(found.mean.sharpness), penalty=penalty)
    np.testing.assert_allclose(found.left, expected, atol=1e-5)
    assert found.share == pytest.approx(np.square(expected).sum() / axes.square().sum().item(), rel=1e-5)


def test_variants_of_one_thing_are_left_out_together(monkeypatch):
    """Each of 20 samples is there three times: left out alone, its copies would give it away."""
    fix(monkeypatch, 0.2, [1e-3])
    given, axes = (part.repeat_interleave(3, 0) for part in drawn(20, 3))
    groups = np.arange(20).repeat(3)
    order = np.random.default_rng(0).permutation(60)
    given, axes, groups = given[order], axes[order], groups[order]
    found = fitted(given, axes, groups=torch.from_numpy(groups))
    expected = refits(given, axes, gamma=float(found.mean.sharpness), penalty=1e-3, groups=groups)
    np.testing.assert_allclose(found.left, expected, atol=1e-5)
    assert fitted(given, axes).share < 0.5 * found.share


def test_each_axis_takes_the_penalty_that_errs_least_on_samples_left_out(monkeypatch):
    penalties = [1e-3, 0.1, 1.0, 30.0]
    fix(monkeypatch, 1.0, penalties)
    given, axes = drawn(20, 1)
    found = fitted(given, axes)
    gamma = float(found.mean.sharpness)
    tried = np.stack([refits(given, axes, gamma=gamma, penalty=penalty) for penalty in penalties])
    chosen = np.square(tried).mean(1).argmin(0)
    assert chosen[0] != chosen[1]
    expected = np.stack([tried[place, :, axis] for axis, place in enumerate(chosen)], 1)
    np.testing.assert_allclose(found.left, expected, atol=1e-5)


def test_the_width_is_the_one_that_errs_least(monkeypatch):
    given, axes = drawn(80, 2)
    widths, found = kernel_mean._WIDTHS, {}
    for width in widths:
        monkeypatch.setattr(kernel_mean, "_WIDTHS", (width,))
        found[width] = fitted(given, axes)
    monkeypatch.setattr(kernel_mean, "_WIDTHS", widths)
    best = min(found.values(), key=lambda fit: fit.share)
    assert fitted(given, axes).share == best.share
    assert torch.equal(fitted(given, axes).mean.sharpness, best.mean.sharpness)


def test_with_fewer_centres_than_samples_it_is_ridge_regression_within_their_span(monkeypatch):
    fix(monkeypatch, 1.0, [0.3])
    given, axes = drawn(20, 2)
    found = fitted(given, axes, most=8)
    centres, sharpness = found.mean.centres.double(), found.mean.sharpness.double()
    assert centres.shape == (8, 2)
    assert {tuple(row) for row in found.mean.centres.tolist()} <= {
        tuple(row) for row in given.float().tolist()
    }

    def solved(kept):
        across, within = (
            torch.exp(-sharpness * torch.cdist(each, centres) ** 2) for each in (kept[0], centres)
        )
        return torch.linalg.solve(across.T @ across + 0.3 * within, across.T @ kept[1])

    fresh, _ = drawn(30, 2, seed=1)
    expected = torch.exp(-sharpness * torch.cdist(fresh, centres) ** 2) @ solved((given, axes))
    torch.testing.assert_close(found.mean(fresh.float()).double(), expected, atol=1e-4, rtol=0)
    for left in range(20):
        kept = torch.arange(20) != left
        weights = solved((given[kept], axes[kept]))
        predicted = torch.exp(-sharpness * torch.cdist(given[left : left + 1], centres) ** 2) @ weights
        torch.testing.assert_close(found.left[left], axes[left] - predicted[0], atol=1e-4, rtol=0)


def test_a_sine_is_found_and_only_noise_is_left():
    given, axes = drawn(400, 1, noise=0.1)
    found = fitted(given, axes, most=50)
    fresh, truth = drawn(400, 1, noise=0.0, seed=1)
    missed = (found.mean(fresh.float()) - truth).square().mean(0)
    assert float(missed[0]) < 0.01
    assert found.left.square().mean(0).tolist() == pytest.approx([0.01, 0.01], rel=0.3)


@pytest.mark.parametrize("inputs", [1, 3, 10, 30])
def test_noise_keeps_a_mean_of_zero(inputs):
    """Whatever the kernel could interpolate: what is said of samples left out must hold for fresh ones."""
    generator = Generator().manual_seed(0)
    given = torch.randn(250, inputs, generator=generator)
    axes = torch.randn(250, 4, generator=generator)
    found = fitted(given, axes - axes.mean(0))
    assert found.share == pytest.approx(1, abs=0.02)
    fresh = torch.randn(250, inputs, generator=generator)
    assert float(found.mean(fresh).square().mean()) < 0.02


def test_an_axis_without_dependence_stays_as_it_is_beside_one_that_is_told():
    given, axes = drawn(300, 10, noise=0.1)
    axes[:, 1] = torch.randn(300, generator=Generator().manual_seed(3), dtype=torch.float64)
    axes = axes - axes.mean(0)
    found = fitted(given, axes)
    assert not found.mean.weights[:, 1].any()
    assert torch.equal(found.left[:, 1], axes[:, 1])
    assert float(found.left[:, 0].square().mean() / axes[:, 0].square().mean()) < 0.7


def test_far_from_all_centres_the_mean_is_zero():
    mean = fitted(*drawn(60, 2)).mean
    assert not mean(torch.full((3, 2), 1e3)).any()


def test_the_same_generator_draws_the_same_centres():
    given, axes = drawn(100, 2)
    one, same, other = (fitted(given, axes, seed=seed, most=10).mean for seed in (0, 0, 1))
    assert torch.equal(one.centres, same.centres)
    assert torch.equal(one.weights, same.weights)
    assert not torch.equal(one.centres, other.centres)


def test_given_axes_are_scaled_first():
    given, axes = drawn(60, 3)
    scales = torch.tensor([0.7, 0.0, 2.0])
    found, expected = fitted(given, axes, scales=scales), fitted(given * scales, axes)
    torch.testing.assert_close(found.left, expected.left)
    fresh = torch.randn(9, 3, generator=Generator().manual_seed(2))
    torch.testing.assert_close(found.mean(fresh), expected.mean(fresh * scales), atol=1e-5, rtol=0)
    changed = fresh + torch.tensor([0.0, 5.0, 0.0])  # along the axis whose scale is 0
    assert torch.equal(found.mean(changed), found.mean(fresh))
