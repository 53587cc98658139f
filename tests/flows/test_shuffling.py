"""Random weights: the numbers stay, their order does not, and a flow stays invertible."""

import pytest
import torch
from torch import Generator, Tensor, nn

from interpret_inn.flows import (
    ConditionalShape,
    FlowShape,
    InvertibleNetwork,
    StepShape,
    fit_whitening,
    shuffle_weights,
)

SHAPE = ConditionalShape(
    (2, 2, 4), (StepShape(1, (0,), 5, ((0, 3),)), StepShape(2, (0, 1), 7, ((0, 3), (1, 2))))
)


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


@pytest.fixture
def flow() -> InvertibleNetwork:
    """A conditional flow of 8 of 10 axes, all numbers of which differ."""
    rows = torch.randn(200, 10, generator=seeded(0)) * torch.linspace(3, 1, 10)
    whitening = fit_whitening(rows, noise=0.1, explained=1.0, most=8)
    network = InvertibleNetwork(whitening, FlowShape(10, 8, 0, conditional=SHAPE, outer=6), seeded(0))
    for name, buffer in network.named_buffers():
        if "steps" in name or "outer" in name:
            numbers = 0.5 + torch.rand(buffer.shape, generator=seeded(1))
            buffer.copy_(numbers.tril() if name.endswith("factors") else numbers)
    return network


def test_every_weight_of_a_conditional_flow_is_shuffled(flow):
    before = {name: buffer.clone() for name, buffer in flow.named_buffers()}
    shuffle_weights(flow, seeded(2))
    changed = {name for name, buffer in flow.named_buffers() if not torch.equal(buffer, before[name])}
    names = ("centres", "weights", "slopes", "factors")
    assert changed == {name for name in before if name.rsplit(".", 1)[-1] in names}
    for name, buffer in flow.named_buffers():
        assert torch.equal(buffer.flatten().sort()[0], before[name].flatten().sort()[0])


def test_triangular_factors_stay_triangular_and_keep_their_diagonals(flow):
    before = {name: buffer.clone() for name, buffer in flow.named_buffers() if name.endswith("factors")}
    shuffle_weights(flow, seeded(2))
    after = dict(flow.named_buffers())
    assert len(before) == 3
    for name, factors in before.items():
        assert torch.equal(after[name], after[name].tril())
        diagonals = [one.diagonal(dim1=1, dim2=2).flatten().sort()[0] for one in (factors, after[name])]
        assert torch.equal(*diagonals)


def test_a_shuffled_flow_is_invertible_and_another_one(flow):
    rows = 2 * torch.randn(50, 10, generator=seeded(3))
    before = flow(rows)[0]
    shuffle_weights(flow, seeded(2))
    codes, log_det = flow(rows)
    back, undone = flow.inverse(codes)
    assert torch.allclose(back, rows, atol=1e-3) and torch.allclose(log_det, -undone, atol=1e-4)
    assert not torch.allclose(codes, before, atol=0.1)


def test_a_network_keeps_its_biases_and_the_generator_decides():
    def shuffled(seed: int) -> tuple[Tensor, Tensor]:
        layer = nn.Linear(5, 4)
        with torch.no_grad():
            layer.weight.copy_(torch.arange(20.0).view(4, 5))
            layer.bias.copy_(torch.arange(4.0))
        shuffle_weights(layer, seeded(seed))
        return layer.weight.detach(), layer.bias.detach()

    weight, bias = shuffled(1)
    assert torch.equal(bias, torch.arange(4.0))
    assert weight.flatten().sort()[0].tolist() == list(range(20)) and weight.flatten().tolist() != list(
        range(20)
    )
    assert torch.equal(weight, shuffled(1)[0]) and not torch.equal(weight, shuffled(2)[0])
