"""The coupling block against nflows' own couplings, and its bound."""

import pytest
import torch
from nflows.transforms import AffineCouplingTransform, CompositeTransform, Permutation
from torch import Generator, nn

from interpret_inn.flows import CouplingBlock, FlowShape, InvertibleNetwork, fit_whitening, log_likelihood
from interpret_inn.flows.coupling import BOUND, REACH, Conditioner


def seeded(seed):
    return Generator().manual_seed(seed)


def lively(module, spread=0.5):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, spread, generator=seeded(1))
    return module


class Oracle(AffineCouplingTransform):
    """nflows' coupling on a 0/1 mask, with our scale: it hands its net's outputs over as (shift, scale)."""

    def __init__(self, mask, conditioner):
        super().__init__(mask, lambda inputs, outputs: _ShiftFirst(conditioner))

    def _scale_and_shift(self, params):
        shift, raw = params.chunk(2, dim=1)
        return torch.exp(BOUND * torch.tanh(raw / BOUND)), shift


class _ShiftFirst(nn.Module):
    """A plain stack of the conditioner's layers, written out."""

    def __init__(self, conditioner):
        super().__init__()
        stack = []
        for layer in conditioner.layers:
            stack += [layer, nn.ReLU()]
        self.stack = nn.Sequential(*stack[:-1])

    def forward(self, inputs, context=None):
        raw, shift = self.stack(REACH * torch.tanh(inputs / REACH)).chunk(2, dim=1)
        return torch.cat((shift, raw), dim=1)


@pytest.mark.parametrize("width", [2, 5, 8])
@pytest.mark.parametrize("depth", [1, 3])
def test_a_block_is_two_couplings_and_a_permutation_of_nflows(width, depth):
    order = torch.randperm(width, generator=seeded(2))
    block = lively(CouplingBlock(width, hidden=16, depth=depth, generator=seeded(0), order=order)).double()
    half = width // 2
    mask = (torch.arange(width) >= half).long()  # 1 marks what is transformed
    oracle = CompositeTransform(
        [Oracle(mask, block.second), Oracle(1 - mask, block.first), Permutation(order)]
    )

    rows = torch.randn(32, width, generator=seeded(3)).double()
    for found, expected in zip(block(rows), oracle(rows), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-12)
    for found, expected in zip(block.inverse(rows), oracle.inverse(rows), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-10)


def test_without_an_order_the_axes_stay_where_they_are():
    block = CouplingBlock(5, hidden=4, depth=1, generator=seeded(0))
    rows = torch.randn(7, 5, generator=seeded(1))
    outputs, log_det = block(rows)
    assert torch.equal(outputs, rows)  # a fresh block is the identity
    assert torch.equal(log_det, torch.zeros(7))


def test_the_scale_is_bounded_whatever_the_net_says():
    conditioner = lively(Conditioner(3, 4, hidden=8, depth=1, generator=seeded(0)), spread=100.0)
    log_scale, _ = conditioner(1e3 * torch.randn(50, 3, generator=seeded(1)))
    assert float(log_scale.detach().abs().max()) <= BOUND
    assert float(log_scale.detach().abs().max()) > 0.99 * BOUND


def test_a_fresh_net_draws_its_hidden_layers_as_kaiming_does_and_gives_zero():
    conditioner = Conditioner(64, 4, hidden=64, depth=3, generator=seeded(0))
    for layer in conditioner.layers[:-1]:
        assert float(layer.weight.detach().std()) == pytest.approx((2 / 64) ** 0.5, rel=0.05)
    for found in conditioner(torch.randn(5, 64, generator=seeded(1))):
        assert torch.equal(found, torch.zeros(5, 4))


def test_far_beyond_the_data_a_net_goes_on_as_at_their_edge():
    conditioner = lively(Conditioner(3, 4, hidden=8, depth=1, generator=seeded(0)))
    edge = 10 * REACH * torch.randn(20, 3, generator=seeded(1)).sign()
    for near, far in zip(conditioner(edge), conditioner(1e6 * edge), strict=True):
        torch.testing.assert_close(near, far)


@pytest.fixture(scope="module")
def fitted():
    """A flow fitted to curved data on which some axes are almost empty, and its rows."""
    first = torch.randn(600, 4, generator=seeded(4))
    curved = torch.cat((first, first.square() - 1 + 0.05 * torch.randn(600, 4, generator=seeded(5))), 1)
    rows = curved * torch.tensor([1, 0.5, 0.01, 0.001] * 2)
    flow = InvertibleNetwork(fit_whitening(rows), FlowShape(8, 8, 4, 32, 1), seeded(0))
    white = flow.whitening(rows)[0]
    noise = flow.whitening.noise * flow.whitening.scales
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-2)
    generator = seeded(6)
    losses = []
    for _ in range(150):
        noisy = white + noise * torch.randn(white.shape, generator=generator)
        loss = -log_likelihood(*flow.blocks(noisy)).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.5, "it has learnt something"
    return flow.requires_grad_(False), rows


@pytest.mark.parametrize("sigma", [-5.0, 5.0])
def test_codes_edited_to_five_sigma_stay_bounded_and_invertible(fitted, sigma):
    """The bound at work: a flow must survive codes it has never seen (nflows' own scale reaches 1e12)."""
    flow, rows = fitted
    codes, _ = flow(rows)
    for axis in range(8):
        edited = codes.clone()
        edited[:, axis] = sigma * float(codes.std())
        back, _ = flow.inverse(edited)
        again, _ = flow(back)
        assert float((back / rows.std()).abs().max()) < 50
        assert float((again - edited).abs().max()) < 1e-4
