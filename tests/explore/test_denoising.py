import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.errors import EditError
from interpret_inn.explore.sampling import denoised

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two_clusters() -> inn.Interpreter:
    """A flow fitted to rows in two tight clusters of 4 axes, with a model that gives back what it is given."""
    generator = torch.Generator().manual_seed(0)
    side = torch.randint(2, (900, 1), generator=generator) * 2.0 - 1
    rows = torch.cat([side * 2, torch.zeros(900, 3)], 1) + 0.4 * torch.randn(900, 4, generator=generator)
    model = torch.nn.Sequential(torch.nn.Identity()).eval()
    it = inn.wrap(model, "0:in", preprocess="identity")
    it.fit(
        "unsupervised",
        data=rows,
        factors=1,
        noise=0.3,
        steps=200,
        cache=None,
        checkpoint=None,
        directions="principal",
    )
    return it


def outside(samples: torch.Tensor) -> float:
    """Share of samples that lie between the clusters."""
    return float((samples[:, 0].abs() < 0.8).float().mean())


def test_no_steps_leave_samples_as_they_are(two_clusters) -> None:
    plain = inn.explore.sample(two_clusters, 50, seed=1)
    assert torch.equal(plain, inn.explore.sample(two_clusters, 50, seed=1, denoise=0))
    assert not torch.equal(plain, inn.explore.sample(two_clusters, 50, seed=1, denoise=1))


def test_a_step_is_tweedies_formula_twice(two_clusters) -> None:
    fitted = two_clusters.fitted
    network, codes = fitted.network, 0.5 * torch.randn(20, 4, generator=torch.Generator().manual_seed(2))
    axes = network.shape.leading
    sigma = network.whitening.noise * network.whitening.scales[:axes]
    found = network.blocks.inverse(denoised(fitted, codes, steps=1)[:, :axes])[0]
    before = network.blocks.inverse(codes[:, :axes])[0].double()
    for row, moved in zip(before, found, strict=True):
        slope = torch.zeros(axes, dtype=torch.float64)
        for axis in range(axes):  # the gradient word for word, by differences
            ends = []
            for step in (1e-2, -1e-2):
                point = row.clone()
                point[axis] += step
                code, log_det = network.blocks(point[None].float())
                ends.append(float(log_det - code.square().sum() / 2))
            slope[axis] = (ends[0] - ends[1]) / 2e-2
        change = 2 * sigma.double() ** 2 * slope
        change /= max(1.0, float((change / sigma).square().mean().sqrt()))
        assert torch.allclose(moved.double(), row + change, atol=0.05)


def test_it_clears_the_room_between_clusters_and_keeps_both(two_clusters) -> None:
    plain = inn.explore.sample(two_clusters, 1000, seed=3, spread="normal")
    clean = inn.explore.sample(two_clusters, 1000, seed=3, spread="normal", denoise=3)
    assert outside(clean) < 0.7 * outside(plain)
    assert 0.35 < float((clean[:, 0] > 0).float().mean()) < 0.65
    assert float(clean[:, 1:].std()) < float(plain[:, 1:].std())


def test_codes_are_left_alone_and_stay_finite(two_clusters) -> None:
    codes = 30 * torch.randn(20, 4, generator=torch.Generator().manual_seed(4))
    before = codes.clone()
    assert denoised(two_clusters.fitted, codes, steps=20).isfinite().all()
    assert torch.equal(codes, before)


@pytest.mark.parametrize("steps", [-1, 1.5, True, np.inf])
def test_other_numbers_of_steps_are_refused(two_clusters, steps) -> None:
    with pytest.raises(EditError, match="Expected a number of steps to denoise by, 0 or more, found"):
        inn.explore.sample(two_clusters, 5, denoise=steps)
