"""Whitening against a dense version that is written out, and at the edges: wide, short, dead, constant."""

import resource

import numpy as np
import pytest
import torch
from torch import Generator

from interpret_inn.errors import FitError
from interpret_inn.flows import fit_whitening
from interpret_inn.flows import whitening as module


def seeded(seed):
    return Generator().manual_seed(seed)


def correlated(samples, width, seed=0):
    scales = torch.logspace(1, -1, width)
    mixing = torch.linalg.qr(torch.randn(width, width, generator=seeded(seed))).Q
    return (torch.randn(samples, width, generator=seeded(seed + 1)) * scales) @ mixing - 3


@pytest.fixture
def as_if_wide(monkeypatch):
    """Takes the way of wide representations, whose axes are found from the samples' Gram matrix."""
    monkeypatch.setattr(module, "_DENSE_WIDTH", 0)


def dense(rows, noise, leading):
    """`diag(1/√(λ + σ²)) Uᵀ (x − m)` with all of U, and one λ for the axes that do not lead."""
    rows = rows.double().numpy()
    centred = rows - rows.mean(0)
    values, axes = np.linalg.eigh(np.cov(centred.T))
    values, axes = values[::-1].copy(), axes[:, ::-1]
    values[leading:] = values[leading:].mean() if leading < len(values) else 0
    return centred @ axes / np.sqrt(values + noise**2 * np.trace(np.cov(centred.T)) / len(values)), values


def leading_codes(whitening, rows):
    return whitening(rows)[0][:, : whitening.leading].double().numpy()


def signless(codes):
    """Principal axes are known up to their sign."""
    return codes * np.sign((codes**3).sum(0))


@pytest.mark.parametrize("width", [2, 12])
def test_it_is_the_dense_whitening(width):
    rows = correlated(400, width)
    found = fit_whitening(rows, noise=0.2)
    expected, values = dense(rows, 0.2, width)
    assert found.leading == width
    np.testing.assert_allclose(signless(leading_codes(found, rows)), signless(expected), atol=2e-4)
    floor = 0.2**2 * values.mean()
    np.testing.assert_allclose(float(found.noise) ** 2, floor, rtol=1e-5)
    log_det = -0.5 * np.log(values + floor).sum()
    np.testing.assert_allclose(found(rows)[1].numpy(), log_det, rtol=1e-5)


def test_codes_have_the_variance_that_the_noise_floor_leaves_them():
    rows = correlated(5000, 6)
    codes, _ = fit_whitening(rows, noise=0.3)(rows)
    _, values = dense(rows, 0.3, 6)
    floor = 0.3**2 * values.mean()
    torch.testing.assert_close(codes.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    expected = torch.diag(torch.tensor(values / (values + floor)).float())
    torch.testing.assert_close(torch.cov(codes.T), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("samples", [40, 9])
def test_wide_axes_are_those_of_the_dense_version(as_if_wide, samples):
    """Also with fewer samples than axes: the data's own axes, and the rest with one scale."""
    rows = correlated(samples, 30)
    found = fit_whitening(rows, noise=0.2, most=6, explained=1.0)
    expected, values = dense(rows, 0.2, 6)
    assert found.leading == 6
    np.testing.assert_allclose(signless(leading_codes(found, rows)), signless(expected[:, :6]), atol=1e-3)
    rest = found.scales[6:].double().numpy()
    np.testing.assert_allclose(rest, (values[6:].mean() + 0.04 * values.mean()) ** -0.5, rtol=1e-4)


@pytest.mark.parametrize("width", [40, 30])
def test_fewer_samples_than_axes_cap_the_axes(width):
    rows = correlated(10, width)
    found = fit_whitening(rows)
    assert found.leading == 9
    codes, _ = found(rows)
    back, _ = found.inverse(codes)
    torch.testing.assert_close(back, rows, atol=1e-4, rtol=0)
    assert bool(codes.isfinite().all())


def test_leading_axes_hold_the_share_of_variance_that_was_asked_for():
    rows = correlated(2000, 140)
    _, values = dense(rows, 0.2, 140)
    for explained in (0.5, 0.9, 0.99):
        wanted = int(np.searchsorted(np.cumsum(values) / values.sum(), explained) + 1)
        assert fit_whitening(rows, explained=explained).leading == wanted
    assert fit_whitening(rows, explained=1.0).leading == 140
    assert fit_whitening(rows, explained=1.0, most=20).leading == 20
    assert fit_whitening(rows, explained=0.01).leading == 2
    assert fit_whitening(rows[:, :128], explained=0.5).leading == 128, "small spaces keep all their axes"
    assert fit_whitening(rows[:, :129], explained=0.5).leading < 129


def test_a_single_axis_that_does_not_lead_has_its_own_variance():
    rows = correlated(400, 12)
    found = fit_whitening(rows, noise=0.2, most=11)
    _, values = dense(rows, 0.2, 11)
    assert values[11] < 0.1
    assert float(found.scales[11]) == pytest.approx((values[11] + 0.04 * values.mean()) ** -0.5, rel=1e-4)


@pytest.mark.parametrize(
    ("limits", "most", "kept", "leading"),
    [
        ({"_AXES_ELEMENTS": 0}, 6, 12, 6),
        ({"_AXES_ELEMENTS": 30 * 20}, 6, 20, 6),
        ({"_AXES_ROWS": 5}, 10, 5, 4),
    ],
)
def test_axes_of_wide_spaces_are_found_from_rows_spread_evenly(
    as_if_wide, monkeypatch, limits, most, kept, leading
):
    for name, value in limits.items():
        monkeypatch.setattr(module, name, value)
    rows = correlated(100, 30)
    found = fit_whitening(rows, noise=0.2, most=most, explained=1.0)
    assert found.leading == leading
    centred = (rows - rows.mean(0)).double().numpy()
    chosen = centred[np.linspace(0, 99, kept).astype(int)]
    _, strength, axes = np.linalg.svd(chosen, full_matrices=False)
    floor = 0.04 * centred.var(0, ddof=1).mean()
    variances = strength[:leading] ** 2 / (kept - 1)
    expected = centred @ axes[:leading].T / np.sqrt(variances + floor)
    np.testing.assert_allclose(signless(leading_codes(found, rows)), signless(expected), atol=1e-3)


def test_the_rest_keeps_its_own_scale_so_that_nothing_blows_up():
    rows = correlated(2000, 12)
    codes, _ = fit_whitening(rows, most=4)(rows)
    assert float(codes.std(0).max()) < 2.5


def test_dead_features_stay_finite_and_come_back():
    rows = correlated(300, 8)
    rows[:, [1, 5]] = 7.0
    found = fit_whitening(rows)
    codes, log_det = found(rows)
    assert bool(codes.isfinite().all()) and bool(log_det.isfinite().all())
    assert float(codes.abs().max()) < 10
    torch.testing.assert_close(found.inverse(codes)[0], rows, atol=1e-4, rtol=0)


def test_fifty_thousand_axes_take_little_memory():
    """A dense rotation of 50,000 axes would take 10 GB; the samples take 12 MB."""
    rows = torch.randn(60, 50_000, generator=seeded(0)) * torch.linspace(2, 0.1, 50_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = fit_whitening(rows, most=32)
    codes, log_det = found(rows[:8])
    back, _ = found.inverse(codes)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024  # MiB
    assert grown < 400
    assert sum(buffer.numel() for buffer in found.buffers()) < 34.1 * 50_000
    assert codes.shape == (8, 50_000)
    assert bool(log_det.isfinite().all())
    torch.testing.assert_close(back, rows[:8], atol=1e-4, rtol=0)


def test_a_small_variance_on_a_large_mean_is_still_found():
    rows = 1000 + 1e-2 * torch.randn(200, 4, generator=seeded(0))
    codes, _ = fit_whitening(rows)(rows)
    torch.testing.assert_close(codes.std(0), torch.full((4,), 0.98), atol=0.03, rtol=0)


@pytest.mark.parametrize("rows", [torch.full((50, 4), 0.1), torch.full((50, 2000), 1234.5)])
def test_constant_representations_are_refused(rows):
    with pytest.raises(
        FitError, match=r"differs between samples, found the same for all of them. Choose another"
    ):
        fit_whitening(rows)


def test_differences_of_the_size_of_rounding_are_none():
    rows = torch.full((50, 4), 1000.0)
    rows[::2, 0] += 6.2e-5  # one unit in the last place
    with pytest.raises(FitError, match="found the same for all of them"):
        fit_whitening(rows)


def test_next_to_no_variance_is_none():
    with pytest.raises(FitError, match="found the same for all of them"):
        fit_whitening(1e-12 * torch.randn(50, 4, generator=seeded(0)))


def test_one_axis_is_refused():
    with pytest.raises(FitError, match="at least 2 axes, found 1: one number cannot be split into factors"):
        fit_whitening(torch.randn(50, 1, generator=seeded(0)))


def test_too_few_samples_are_refused():
    with pytest.raises(FitError, match=r"at least 3 training samples, found 2. Give more data."):
        fit_whitening(torch.randn(2, 5, generator=seeded(0)))
    assert fit_whitening(torch.randn(3, 5, generator=seeded(0))).leading == 2


def test_the_rows_are_left_alone():
    rows = correlated(50, 6)
    kept = rows.clone()
    fit_whitening(rows)(rows)
    assert torch.equal(rows, kept)


def test_pulled_gradients_are_those_of_the_way_back():
    rows = torch.randn(60, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * torch.arange(
        1, 6
    )
    whitening = fit_whitening(rows)
    white = whitening(rows[:4])[0].detach().requires_grad_()
    weights = torch.randn(4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (whitening.inverse(white)[0] * weights).sum().backward()
    torch.testing.assert_close(whitening.pulled(weights), white.grad)
