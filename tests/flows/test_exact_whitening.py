"""Exact whitening: the covariance is the identity, but what is as small as noise is not blown up."""

import pytest
import torch
from torch import Generator

from interpret_inn.flows import ExactWhitening


def mixed(scales, samples=400):
    generator = Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(len(scales), len(scales), generator=generator, dtype=torch.float64)).Q
    rows = torch.randn(samples, len(scales), generator=generator, dtype=torch.float64)
    return (rows * torch.tensor(scales, dtype=torch.float64)) @ turn + 3.0


def whitened(rows):
    whitening = ExactWhitening(rows.shape[1]).double()
    whitening.set(rows)
    return whitening


def test_the_covariance_is_exactly_the_identity():
    rows = mixed([2.0, 1.0, 0.5, 0.2])
    codes, _ = whitened(rows)(rows)
    torch.testing.assert_close(codes.mean(0), torch.zeros(4).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close(codes.T @ codes / len(codes), torch.eye(4).double(), atol=1e-12, rtol=0)


def test_it_moves_rows_as_little_as_any_whitening():
    """`Σ^(−1/2)` is symmetric: axes keep their meaning, where another whitening would turn them."""
    matrix = whitened(mixed([2.0, 1.0, 0.5])).matrix
    torch.testing.assert_close(matrix, matrix.T)
    assert float(torch.linalg.eigvalsh(matrix).min()) > 0


@pytest.mark.parametrize("scales", [[1.0, 0.5, 0.2], [1.0, 0.5, 1e-5]])
def test_the_inverse_and_the_log_determinant_are_exact(scales):
    rows = mixed(scales)
    whitening = whitened(rows)
    codes, there = whitening(rows[:5])
    back, again = whitening.inverse(codes)
    torch.testing.assert_close(back, rows[:5], atol=1e-12, rtol=0)
    for direction, inputs, found in ((whitening.forward, rows[:5], there), (whitening.inverse, codes, again)):
        for row, log_det in zip(inputs, found, strict=True):
            jacobian = torch.autograd.functional.jacobian(lambda x, f=direction: f(x[None])[0][0], row)
            assert float(log_det) == pytest.approx(float(torch.linalg.slogdet(jacobian).logabsdet), abs=1e-12)


def test_tiny_variances_are_not_magnified_beyond_ten():
    rows = mixed([1.0, 0.11, 1e-2, 1e-9])
    magnified = torch.linalg.svdvals(whitened(rows).matrix)
    assert float(magnified.max()) == pytest.approx(10)
    # an axis of a variance above 1/100 is scaled to 1, however little that is
    assert float((magnified < 9.99).sum()) == 2


def test_until_it_is_set_it_is_the_identity():
    rows = mixed([1.0, 2.0]).float()
    codes, log_det = ExactWhitening(2)(rows)
    assert torch.equal(codes, rows)
    assert not log_det.any()
