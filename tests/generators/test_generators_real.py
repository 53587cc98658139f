"""The four real generative networks, wrapped as a user would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.testing import check_backbone

pytestmark = pytest.mark.real


class Decoder(nn.Module):
    def __init__(self, vae: nn.Module) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents: Tensor) -> Tensor:
        return self.vae.decode(latents)


@pytest.mark.parametrize(
    ("make", "options", "shape", "value_range"),
    [
        (lambda zoo: zoo.faces_dcgan(), {"latents": "uniform"}, (100,), (-1, 1)),
        (lambda zoo: zoo.mnist_wgan(), {}, (64,), (-1, 1)),
        (lambda zoo: Decoder(zoo.vae("btcvae_celeba")), {}, (10,), (0, 1)),
        (lambda zoo: Decoder(zoo.vae("btcvae_mnist")), {}, (10,), (0, 1)),
    ],
)
def test_real_generators(zoo: Any, make: Any, options: Any, shape: Any, value_range: Any) -> None:
    it = inn.wrap(make(zoo), backbone="generator", **options)
    assert it.backbone.input_shape == shape
    assert it.backbone.value_range == value_range
    latents = it.sample_inputs(4)
    assert it.backbone.examine(latents, None) == []
    check_backbone(it.backbone, latents)


@pytest.fixture(scope="module")
def digits(zoo: Any) -> Any:
    images, _ = zoo.images("mnist")
    return np.pad(images[:500], ((0, 0), (2, 2), (2, 2)))


def test_a_real_vae(zoo: Any, digits: Any) -> None:
    vae = zoo.vae("btcvae_mnist")
    backbone = inn.wrap(vae).backbone
    check_backbone(backbone, digits[:4])
    prepared = backbone.prepare(digits)
    outputs = backbone.outputs(prepared)
    assert backbone.examine(prepared, outputs) == []
    assert torch.equal(outputs, vae(prepared))
    assert torch.equal(backbone.represent(prepared), vae.encode(prepared)[0])
    assert str(inn.wrap(vae, "decoder.lin1:in").backbone.address) == "decoder.lin1:in"


def test_halves_of_two_real_vaes_do_not_match(zoo: Any, digits: Any) -> None:
    ours, other = zoo.vae("btcvae_mnist"), zoo.vae("factor_dsprites")
    backbone = inn.wrap(ours, backbone="autoencoder", decode=other.decode).backbone
    prepared = backbone.prepare(digits)
    (note,) = backbone.examine(prepared, backbone.outputs(prepared))
    assert "images of shape (1, 64, 64), while the encoder took (1, 32, 32)" in note
    turned = inn.wrap(ours, backbone="autoencoder", decode=lambda code: ours.decode(code.flip(1))).backbone
    (note,) = turned.examine(prepared, turned.outputs(prepared))
    assert "no better than their mean" in note
