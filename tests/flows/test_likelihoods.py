"""The likelihoods against literal multivariate normals."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Generator
from torch.distributions import MultivariateNormal

from interpret_inn.flows import (
    CouplingBlock,
    log_likelihood,
    owners,
    pair_log_likelihood,
    pair_log_ratio,
    spread,
)


def codes(n, d, seed=0):
    generator = Generator().manual_seed(seed)
    return torch.randn(2, n, d, generator=generator, dtype=torch.float64).unbind()


def literal(a, b, rho):
    """log density of (a, b) under the joint normal of 2d axes, written out as one covariance matrix."""
    d = len(a)
    covariance = np.eye(2 * d)
    covariance[np.arange(d), d + np.arange(d)] = rho
    covariance[d + np.arange(d), np.arange(d)] = rho
    return stats.multivariate_normal(cov=covariance).logpdf(np.concatenate((a, b)))


def test_a_single_sample_is_a_standard_normal_moved_by_the_jacobian():
    a, _ = codes(20, 3)
    log_det = torch.linspace(-2, 2, 20, dtype=torch.float64)
    normal = MultivariateNormal(torch.zeros(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(log_likelihood(a, log_det), normal.log_prob(a) + log_det)


@pytest.mark.parametrize("rho", [0.0, 0.3, -0.3, 0.7, 0.975, -0.975, 0.999])
def test_a_pair_is_a_literal_joint_normal(rho):
    a, b = codes(8, 3)
    zero = torch.zeros(8, dtype=torch.float64)
    found = pair_log_likelihood(a, b, torch.full_like(a, rho), log_det_first=zero, log_det_second=zero)
    expected = [literal(x, y, np.full(3, rho)) for x, y in zip(a.numpy(), b.numpy(), strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_pair_with_a_correlation_for_every_factor_is_the_papers_product():
    """`Σ_k log N(b_k; ρ_k a_k, 1 − ρ_k²)`, factor by factor, as in the formula at the head of the module."""
    a, b = codes(10, 6)
    sizes, rho = (2, 1, 3), torch.rand(10, 3, generator=Generator().manual_seed(1)).double() * 1.9 - 0.95
    zero = torch.zeros(10, dtype=torch.float64)
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(a).sum(1)
    start = 0
    for k, size in enumerate(sizes):
        axes = slice(start, start + size)
        deviation = (1 - rho[:, k : k + 1] ** 2).sqrt()
        conditional = torch.distributions.Normal(rho[:, k : k + 1] * a[:, axes], deviation)
        expected = expected + conditional.log_prob(b[:, axes]).sum(1)
        start += size
    found = pair_log_likelihood(a, b, spread(rho, owners(sizes)), log_det_first=zero, log_det_second=zero)
    torch.testing.assert_close(found, expected)


def test_the_ratio_is_what_the_pair_adds_and_jacobians_cancel_in_it():
    a, b = codes(12, 4)
    rho = torch.rand(12, 4, generator=Generator().manual_seed(2)).double() - 0.5
    one, other = torch.randn(2, 12, generator=Generator().manual_seed(3)).double()
    pair = pair_log_likelihood(a, b, rho, log_det_first=one, log_det_second=other)
    alone = log_likelihood(a, one) + log_likelihood(b, other)
    torch.testing.assert_close(pair_log_ratio(a, b, rho), pair - alone)


def test_the_ratio_is_zero_without_correlation_and_on_average_the_mutual_information():
    a, noise = codes(40_000, 1)
    assert torch.equal(pair_log_ratio(a, noise, torch.zeros_like(a)), torch.zeros(40_000).double())
    rho = 0.8
    b = rho * a + math.sqrt(1 - rho**2) * noise
    expected = -0.5 * math.log(1 - rho**2)
    assert float(pair_log_ratio(a, b, torch.full_like(a, rho)).mean()) == pytest.approx(expected, abs=0.02)


def test_pairs_are_symmetric():
    a, b = codes(9, 5)
    rho = torch.full_like(a, 0.6)
    assert torch.equal(pair_log_ratio(a, b, rho), pair_log_ratio(b, a, rho))


@given(rho=st.floats(-0.99, 0.99), a=st.floats(-4, 4), b=st.floats(-4, 4))
@settings(max_examples=60, deadline=None)
def test_single_precision_is_near_the_literal_normal_everywhere(rho, a, b):
    first, second = torch.tensor([[a]]), torch.tensor([[b]])
    found = pair_log_likelihood(
        first, second, torch.tensor([[rho]]), log_det_first=torch.zeros(1), log_det_second=torch.zeros(1)
    )
    expected = literal(np.array([a]), np.array([b]), np.array([rho]))
    # near ±1 the exponent divides by 1 − ρ², which single precision knows to 1e-7 / (1 − ρ²)
    assert float(found) == pytest.approx(expected, rel=2e-4, abs=1e-3)


def test_the_density_of_a_flow_integrates_to_one():
    block = CouplingBlock(2, hidden=8, depth=1, generator=Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.normal_(0, 0.3, generator=Generator().manual_seed(1))
        axis = torch.linspace(-12, 12, 481)
        grid = torch.cartesian_prod(axis, axis)
        mass = log_likelihood(*block(grid)).double().exp().sum() * float(axis[1] - axis[0]) ** 2
    assert float(mass) == pytest.approx(1, abs=1e-3)


def test_owners_and_spread_lay_factors_out_over_axes():
    assert owners((1, 2)).tolist() == [0, 1, 1]
    assert spread(torch.tensor([[0.5, -0.5]]), owners((1, 2))).tolist() == [[0.5, -0.5, -0.5]]
