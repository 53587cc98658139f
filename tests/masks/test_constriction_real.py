"""Masks over faces that a real generator makes: what changes the ground lies around the face."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.localizing import output_changes

pytestmark = pytest.mark.real


class Decoder(nn.Module):
    def __init__(self, vae: nn.Module) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents: Tensor) -> Tensor:
        made: Tensor = self.vae.decode(latents)
        return made


def test_factors_of_a_vae_of_faces_have_places(zoo: Any) -> None:
    interpreter = inn.wrap(Decoder(zoo.vae("btcvae_celeba")), backbone="generator")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit("unsupervised", data=interpreter.sample_inputs(2000), cache=None, checkpoint=None)
    latents = interpreter.sample_inputs(8, seed=9)
    found = {f.name: interpreter.localize(latents, f.name, localizer="masks") for f in interpreter.factors}
    # the residual is many weak directions at once, and no mask of it is reliable, however small it comes out
    smallest = min((found[f.name] for f in interpreter.factors.named), key=lambda masks: float(masks.area[0]))
    assert float(smallest.area[0]) < 0.7
    assert smallest.reliability is not None and smallest.reliability.low > 0.4
    changes = output_changes(interpreter.translator, latents, smallest.factor).mean(0)
    mask = smallest.values[:, 0]
    inside, outside = (changes * mask).sum() / mask.sum(), (changes * (1 - mask)).sum() / (1 - mask).sum()
    assert float(inside) > 3 * float(outside)
    others = [masks for masks in found.values() if masks is not smallest]
    strange = [float((changes * masks.values[:, 0]).sum() / changes.sum()) for masks in others]
    areas = [float(masks.area[0]) for masks in others]
    own = smallest.figures["kept"].value / float(smallest.area[0])
    assert own > max(share / area for share, area in zip(strange, areas, strict=True))
    assert torch.equal(smallest.values[0], smallest.values[1])
