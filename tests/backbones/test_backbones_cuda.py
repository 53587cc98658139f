from __future__ import annotations

import gc

import pytest
import torch
from torch import Tensor, nn

from interpret_inn.backbones import Backbone

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


class Noisy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act, self.fc = nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.conv(x + torch.randn_like(x)))
        return self.fc(x.mean((2, 3)))  # type: ignore[no-any-return]


def test_inputs_and_random_states_of_the_device() -> None:
    model = Noisy().cuda().half()
    backbone = Backbone(model, "conv")
    before = torch.cuda.get_rng_state()
    x = backbone.prepare(torch.rand(4, 3, 8, 8))
    assert (x.device.type, x.dtype) == ("cuda", torch.float16)
    with backbone.session():
        z = backbone.represent(x)
        rows, carried = backbone.layout.to_rows(z)
        assert rows.dtype == torch.float32
        assert torch.equal(backbone.layout.from_rows(rows, carried), z)
        assert torch.equal(backbone.rewritten(x, lambda found: found), backbone.outputs(x))
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert len(backbone.fingerprint()) == 64


def test_the_tail_is_found_on_the_device() -> None:
    backbone = Backbone(Noisy().cuda(), "fc:in")
    with backbone.session():
        z = backbone.represent(backbone.prepare(torch.rand(4, 3, 8, 8)))
        assert backbone.has_tail
        assert backbone.tail(z).shape == (4, 5)


def test_memory_stays_flat() -> None:
    backbone = Backbone(Noisy().cuda(), "conv")
    x = backbone.prepare(torch.rand(8, 3, 64, 64))
    backbone.represent(x)
    gc.collect()
    gc.disable()  # nothing may wait for the collector
    try:
        before = torch.cuda.memory_allocated()
        for _ in range(200):
            backbone.represent(x)
            backbone.rewritten(x, lambda z: z * 2)
        assert torch.cuda.memory_allocated() == before
    finally:
        gc.enable()
