"""How the output depends on each axis, against the very sums that make the estimate."""

import pytest
import torch
from torch import Generator, nn

from interpret_inn.backbones import Backbone
from interpret_inn.errors import BackboneError
from interpret_inn.fitting.output_gradients import output_gradients
from interpret_inn.fitting.pool import Pool
from interpret_inn.flows import fit_whitening

WEIGHT = torch.tensor([[1.0, -2.0, 0.5]])


class Behind(nn.Module):
    """A site, and a function of it."""

    def __init__(self, function):
        super().__init__()
        self.site, self.function = nn.Identity(), function

    def forward(self, rows):
        return self.function(self.site(rows))


@pytest.fixture
def found(world):
    """The matrix of a model on the 14 training samples of 20, in one batch, and the whitening."""

    def run(function, seed=0):
        rows = world.rows[:20, :3]
        backbone = Backbone(Behind(function).eval(), "site", preprocess="identity")
        backbone.represent(rows[:2])
        entry = Pool([world.of(rows, {"side": world.labels["side"][:20]})], seed=0).parts[0]
        assert len(entry.split.train) == 14
        whitening = fit_whitening(rows)
        return output_gradients(backbone, entry, whitening, seed=seed), whitening

    return run


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (-1, 1, 1)])
def test_one_number_s_gradient_is_weighed_by_four_normal_draws_of_each_input(found, shape):
    """The square of one gradient, times the mean of the squared draws."""
    matrix, whitening = found(lambda rows: (rows @ WEIGHT.T).reshape(shape), seed=3)
    generator = Generator().manual_seed(3)
    draws = torch.cat([torch.randn(14, generator=generator) for _ in range(4)])
    gradient = whitening.pulled(WEIGHT.double())
    expected = gradient.T @ gradient * draws.double().square().mean()
    torch.testing.assert_close(matrix, expected, rtol=1e-5, atol=1e-9)


def test_two_numbers_are_logits_of_which_only_the_difference_counts(found):
    same, _ = found(lambda rows: (rows @ WEIGHT.T).expand(-1, 2))
    assert same.abs().max() < 1e-9
    sure, _ = found(lambda rows: torch.cat((rows @ WEIGHT.T, rows @ WEIGHT.T + 2), 1))
    assert sure.abs().max() < 1e-9
    differ, whitening = found(lambda rows: 0.01 * torch.cat((rows @ WEIGHT.T, -rows @ WEIGHT.T), 1))
    gradient = 0.01 * whitening.pulled(
        WEIGHT.double()
    )  # p (1 − p) is 1/4, and the logits differ by twice that
    torch.testing.assert_close(differ, gradient.T @ gradient, rtol=0.1, atol=1e-9)


def test_gradients_that_are_not_finite_are_refused(found):
    with pytest.raises(
        BackboneError, match="Expected finite gradients from the outputs of Behind to 'site', found others"
    ):
        found(lambda rows: (rows - rows).sqrt())


def test_memory_that_runs_out_is_no_missing_gradient(found):
    def full(rows):
        if rows.requires_grad:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return rows

    with pytest.raises(RuntimeError, match=r"^CUDA out of memory"):
        found(full)
    with pytest.raises(
        BackboneError, match="No gradient comes from the outputs of Behind to 'site': element 0"
    ):
        found(lambda rows: rows.detach())
