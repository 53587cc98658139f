"""The rotation that a fit begins with: it finds the axes that pairs have in common."""

import pytest
import torch
from torch import Generator

from interpret_inn.flows import aligning_matrix, pair_log_ratio
from interpret_inn.flows.rotation import _common, _gain
from interpret_inn.types import SAME


def seeded(seed):
    return Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def turned():
    """Pairs that share axes 0 and 1 (concept 0) or axis 2 (concept 1) of a code, seen through a rotation."""
    generator = seeded(0)
    hidden = torch.linalg.qr(torch.randn(6, 6, generator=generator)).Q
    first, second = torch.randn(2, 8000, 6, generator=generator)
    rho = torch.zeros(8000, 3)
    rho[:4000, 0] = rho[4000:, 1] = SAME
    by_axis = rho[:, [0, 0, 1, 2, 2, 2]]
    second = by_axis * first + (1 - by_axis**2).sqrt() * second
    return hidden, torch.cat((first, second)) @ hidden.T, rho


def test_it_finds_what_pairs_share(turned):
    hidden, white, rho = turned
    axes = aligning_matrix(white, torch.arange(8000), torch.arange(8000, 16000), rho, (2, 1, 3))
    torch.testing.assert_close(axes.T @ axes, torch.eye(6), atol=1e-6, rtol=0)
    for span in (slice(0, 2), slice(2, 3), slice(3, 6)):
        # the cosines of the angles between the subspace that was found and the true one
        cosines = torch.linalg.svdvals(axes[:, span].T @ hidden[:, span])
        assert float(cosines.min()) > 0.999


def test_it_finds_what_pairs_that_share_all_but_one_concept_differ_in():
    generator = seeded(1)
    hidden = torch.linalg.qr(torch.randn(6, 6, generator=generator)).Q
    rho = torch.full((8000, 3), SAME)
    rho[:4000, 0] = rho[4000:, 1] = 0.0
    by_axis = rho[:, [0, 0, 1, 2, 2, 2]]
    first, second = torch.randn(2, 8000, 6, generator=generator)
    second = by_axis * first + (1 - by_axis**2).sqrt() * second
    white = torch.cat((first, second)) @ hidden.T
    axes = aligning_matrix(white, torch.arange(8000), torch.arange(8000, 16000), rho, (2, 1, 3))
    for span in (slice(0, 2), slice(2, 3), slice(3, 6)):
        assert float(torch.linalg.svdvals(axes[:, span].T @ hidden[:, span]).min()) > 0.999


def test_without_anything_in_common_it_is_orthogonal_still(turned):
    _, white, rho = turned
    axes = aligning_matrix(white, torch.arange(8000), torch.arange(8000, 16000), 0 * rho, (2, 1, 3))
    torch.testing.assert_close(axes.T @ axes, torch.eye(6), atol=1e-6, rtol=0)


def test_the_gain_of_an_axis_is_what_the_likelihood_of_pairs_says_of_it():
    """`vᵀ G v` against the pair likelihood itself, at correlations that differ from pair to pair."""
    generator = seeded(2)
    a, b = torch.randn(2, 500, 4, generator=generator, dtype=torch.float64)
    rho = torch.rand(500, generator=generator, dtype=torch.float64) * 1.8 - 0.9
    gain = _gain(a, b, rho)
    for axis in torch.nn.functional.normalize(torch.randn(5, 4, generator=generator, dtype=torch.float64)):
        literal = pair_log_ratio((a @ axis)[:, None], (b @ axis)[:, None], rho[:, None]).mean()
        constant = -0.5 * (1 - rho.square()).log().mean()
        torch.testing.assert_close(axis @ gain @ axis, literal - constant)


def test_what_pairs_have_in_common_is_their_slope_over_the_correlation():
    generator = seeded(3)
    a, b = torch.randn(2, 500, 4, generator=generator, dtype=torch.float64)
    rho = torch.rand(500, generator=generator, dtype=torch.float64)
    common = _common(a, b, rho)
    for axis in torch.randn(5, 4, generator=generator, dtype=torch.float64):
        products = (a @ axis) * (b @ axis)
        slope = torch.linalg.lstsq(rho[:, None], products[:, None]).solution
        torch.testing.assert_close(axis @ common @ axis, slope.squeeze())
    assert torch.equal(common, common.T)
    assert torch.equal(_common(a, b, torch.zeros(500, dtype=torch.float64)), torch.zeros(4, 4).double())


@pytest.mark.parametrize(
    ("spread", "common"),
    [
        (
            [3.0, 1.0, 1.0],
            [0.6, 0.0, 0.0],
        ),  # by the likelihood of pairs alone, the wide axis would be left out
        ([1.0, 1.0, 1.0], [0.5, -0.9, -0.9]),  # what is opposite is not shared
    ],
)
def test_the_axis_of_a_concept_is_that_of_the_largest_covariance(spread, common):
    """Pairs share one concept each, whose axis is the first of three in turn."""
    generator, firsts, seconds = seeded(4), [], []
    for concept in (0, 1):
        first, noise = torch.randn(2, 4000, 3, generator=generator)
        r = torch.tensor(common)
        second = r * first + (1 - r**2).sqrt() * noise
        firsts.append((first * torch.tensor(spread)).roll(concept, 1))
        seconds.append((second * torch.tensor(spread)).roll(concept, 1))
    hidden = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q
    white = torch.cat((*firsts, *seconds)) @ hidden.T
    rho = torch.zeros(8000, 3)
    rho[:4000, 0] = rho[4000:, 1] = SAME
    axes = aligning_matrix(white, torch.arange(8000), torch.arange(8000, 16000), rho, (1, 1, 1))
    assert (axes.T @ hidden).abs().diagonal().min() > 0.99
