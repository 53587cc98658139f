"""Gates against linear discriminant analysis, scales against matrices written out, and what is fitted against truth."""

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Generator

from interpret_inn.flows import fit_gate, fit_gated_scale, gated_scale, nearest_anchors
from interpret_inn.flows.gated_scale import Gate, GatedScale

from .conditionals import drawn


def seeded(seed):
    return Generator().manual_seed(seed)


def random_lower(generator, axes):
    lower = 0.4 * torch.randn(axes, axes, generator=generator, dtype=torch.float64).tril()
    return lower.diagonal_scatter(0.6 + torch.rand(axes, generator=generator, dtype=torch.float64))


def planted(samples, *, spread=True, seed=0, axes=3):
    """Two classes at ±3 of one axis, and rows whose covariance depends on the class unless all have the identity."""
    generator = seeded(7)
    factors = torch.stack([random_lower(generator, axes) for _ in range(2)])
    factors = factors if spread else torch.eye(axes, dtype=torch.float64).repeat(2, 1, 1)
    generator = seeded(seed)
    labels = torch.arange(samples) % 2
    given = (6.0 * labels[:, None] - 3) + torch.randn(samples, 1, generator=generator, dtype=torch.float64)
    noise = torch.randn(samples, axes, generator=generator, dtype=torch.float64)
    return given, (factors[labels] @ noise[:, :, None])[:, :, 0], labels


def fitted(train, held):
    gate = fit_gate(train[0], train[2]).double()
    return fit_gated_scale(gate, train[0], train[1], held_given=held[0], held_rows=held[1])


@pytest.mark.parametrize("solver", ["lsqr", "svd"])
def test_a_gate_is_the_posterior_of_linear_discriminant_analysis(solver):
    generator = seeded(0)
    labels = torch.tensor([0] * 60 + [1] * 25 + [2] * 115)
    given = torch.randn(200, 3, generator=generator) @ torch.randn(3, 3, generator=generator)
    given = given + 1.5 * torch.nn.functional.one_hot(labels, 3)
    model = LinearDiscriminantAnalysis(solver=solver, priors=[0.3, 0.125, 0.575]).fit(given, labels)
    fresh = 2 * torch.randn(50, 3, generator=generator)
    np.testing.assert_allclose(fit_gate(given, labels)(fresh), model.predict_proba(fresh), atol=0.01)
    if solver == "lsqr":  # its covariance divides by N, as the gate's does; the other one's by N − 3
        np.testing.assert_allclose(fit_gate(given, labels)(fresh), model.predict_proba(fresh), atol=1e-4)


def test_one_anchor_has_all_of_the_share():
    given = torch.randn(30, 2, generator=seeded(0))
    assert torch.equal(fit_gate(given, torch.zeros(30, dtype=torch.int64))(given), torch.ones(30, 1))


def test_a_gate_of_axes_that_are_the_same_is_finite():
    given = torch.randn(40, 1, generator=seeded(0)).repeat(1, 2)
    assert bool(torch.isfinite(fit_gate(given, torch.arange(40) % 3)(given)).all())


@pytest.fixture
def scale():
    return drawn(GatedScale(Gate(2, 3), 4)).double()


@pytest.fixture
def inputs():
    generator = seeded(1)
    return (torch.randn(9, width, generator=generator, dtype=torch.float64) for width in (4, 2))


def test_scales_are_the_matrices_mixed_for_each_row(scale, inputs):
    rows, given = inputs
    found, log_det = scale(rows, given)
    for row, at, code, moved in zip(rows, given, found, log_det, strict=True):
        shares = torch.exp(at @ scale.gate.slopes + scale.gate.offsets)
        shares = shares / shares.sum()
        matrix = sum(share * factor for share, factor in zip(shares, scale.factors, strict=True))
        torch.testing.assert_close(code, matrix @ row)
        torch.testing.assert_close(moved, torch.linalg.slogdet(matrix).logabsdet)


@pytest.mark.parametrize("block", [1, 3, 4])
def test_the_inverse_undoes_it_whole_or_in_blocks(scale, inputs, monkeypatch, block):
    monkeypatch.setattr(gated_scale, "_NUMBERS", 2**18 if block == 4 else 0)
    monkeypatch.setattr(gated_scale, "_BLOCK", block)
    rows, given = inputs
    codes, there = scale(rows, given)
    back, again = scale.inverse(codes, given)
    torch.testing.assert_close(back, rows)
    torch.testing.assert_close(there, -again)


def test_a_fresh_scale_is_the_identity():
    rows = torch.randn(5, 3, generator=seeded(0))
    codes, log_det = GatedScale(Gate(2, 4), 3)(rows, torch.randn(5, 2, generator=seeded(1)))
    torch.testing.assert_close(codes, rows)
    torch.testing.assert_close(log_det, torch.zeros(5), atol=1e-6, rtol=0)


def test_planted_covariances_are_whitened_on_fresh_rows():
    scale = fitted(planted(8000), planted(2000, seed=1))
    given, rows, labels = planted(8000, seed=2)
    codes, _ = scale(rows, given)
    for label in (0, 1):
        before, after = (torch.cov(part[labels == label].T, correction=0) for part in (rows, codes))
        assert float((before - torch.eye(3)).abs().max()) > 0.4
        torch.testing.assert_close(after, torch.eye(3).double(), atol=0.15, rtol=0)


@pytest.mark.parametrize("samples", [60, 2000])
def test_rows_that_depend_on_nothing_keep_their_scale(samples):
    found = [
        fitted(planted(samples, spread=False, seed=seed), planted(400, spread=False, seed=seed + 50))
        for seed in range(6)
    ]
    assert any(scale is None for scale in found)
    for scale in found:
        if scale is not None:
            assert float((scale.factors - torch.eye(3)).abs().max()) < 0.15


def shrinkage(scale, train):
    """The share of the identity in the covariances that the scale undoes."""
    given, rows, _ = train
    shares = scale.gate(given)
    found = []
    for share, factor in zip(shares.T, scale.factors.double(), strict=True):
        sample = (rows * share[:, None]).T @ rows / share.sum()
        undone = torch.linalg.inv(factor.T @ factor)
        towards = torch.eye(len(sample)).double() - sample
        found.append(float(((undone - sample) * towards).sum() / towards.square().sum()))
        torch.testing.assert_close(undone, sample + found[-1] * towards, atol=1e-5, rtol=1e-5)
    assert found[0] == pytest.approx(found[1], abs=1e-5)
    return found[0]


def test_few_samples_are_shrunk_more():
    held = planted(1000, seed=1, axes=8)
    found = []
    for samples in (4000, 60, 24):
        train = planted(samples, seed=2, axes=8)
        found.append(shrinkage(fitted(train, held), train))
    assert found[0] == pytest.approx(0.02, abs=1e-4)
    assert found[0] < found[1] < found[2]


def test_the_shrinkage_is_the_likeliest_on_held_out_rows(monkeypatch):
    train, held = planted(60, seed=2), planted(200, seed=1)
    best = fitted(train, held)

    def likelihood(scale):
        factors = torch.linalg.inv(torch.tensordot(scale.gate(held[0]), scale.factors, 1))
        normal = torch.distributions.MultivariateNormal(torch.zeros(3).double(), factors @ factors.mT)
        return float(normal.log_prob(held[1]).sum())

    alone = torch.distributions.Normal(0, 1).log_prob(held[1]).sum()
    assert likelihood(best) > alone
    for share in gated_scale._SHRINKAGES:
        monkeypatch.setattr(gated_scale, "_SHRINKAGES", (share,))
        assert likelihood(best) >= likelihood(fitted(train, held)) - 1e-6


def test_anchors_are_found_where_samples_lie_together():
    generator = seeded(0)
    labels = torch.arange(400) % 2
    given = 20.0 * labels[:, None] + torch.randn(400, 2, generator=generator)
    found = nearest_anchors(given, generator)
    assert found.unique().tolist() == list(range(int(found.max()) + 1))
    assert int(found.max()) <= 2
    assert not set(found[labels == 0].tolist()) & set(found[labels == 1].tolist())


@pytest.mark.parametrize(("samples", "most"), [(1, 1), (3, 2), (450, 3), (2000, 6)])
def test_there_is_an_anchor_for_so_many_samples(samples, most):
    generator = seeded(0)
    found = nearest_anchors(torch.randn(samples, 2, generator=generator), generator)
    assert 1 <= len(found.unique()) <= most
    assert found.unique().tolist() == list(range(len(found.unique())))


def test_an_anchor_that_lost_its_samples_does_not_spoil_the_others():
    given = torch.tensor(
        [[0.0]] * 400 + [[5.0]] * 40
    )  # anchors mostly begin at one place, and one of them is empty
    for seed in range(5):
        found = nearest_anchors(given, seeded(seed))
        assert found[:400].unique().numel() == found[400:].unique().numel() == 1
        assert found[0] != found[-1]
