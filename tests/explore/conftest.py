"""A small generator and a small autoencoder, each fitted once, for everything that explores them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone


class Generator(nn.Module):
    """Latents (B, 12) to images (B, 3, 10, 10) in [0, 1]; the mean colour follows the first three."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(12, 32)
        self.second = nn.Sequential(nn.Tanh(), nn.Linear(32, 300), nn.Sigmoid(), nn.Unflatten(1, (3, 10, 10)))

    def forward(self, latent: Tensor) -> Tensor:
        images: Tensor = self.second(self.first(latent))
        return images


class Autoencoder(nn.Module):
    """Grey images (B, 1, 12, 12) to maps (B, 6, 3, 3) and back."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(1, 6, 4, stride=4)
        self.decoder = nn.Sequential(nn.ConvTranspose2d(6, 1, 4, stride=4), nn.Sigmoid())

    def forward(self, images: Tensor) -> Tensor:
        again: Tensor = self.decoder(self.encoder(images))
        return again


def seeded(kind: type[nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return kind().eval()


def draw(n: int, generator: torch.Generator) -> Tensor:
    return torch.randn(n, 12, generator=generator)


class Explored(NamedTuple):
    """A fitted interpreter and inputs that it was not fitted on."""

    interpreter: inn.Interpreter
    inputs: Any


def generator_backbone(site: str = ".:in", **options: Any) -> Backbone:
    known = {"preprocess": "identity", "kind": "generator", "sample_inputs": draw, "value_range": (0, 1)}
    return Backbone(seeded(Generator), site, **known | options)


@pytest.fixture(scope="session")
def faces(small: dict[str, Any], cache_of_tests: None) -> Explored:
    """A generator at its latent, fitted to a categorical and a numeric concept."""
    latents = draw(240, torch.Generator().manual_seed(5))
    labels = {"side": np.where(latents[:, 0] > 0, "right", "left"), "tilt": latents[:, 1].numpy()}
    it = inn.Interpreter(generator_backbone())
    it.fit(
        "labels", data=latents[:200], labels={k: v[:200] for k, v in labels.items()}, **small | {"axes": 64}
    )
    return Explored(it, latents[200:])


@pytest.fixture(scope="session")
def generator_at() -> Callable[..., Backbone]:
    """The generator with another site or other options."""
    return generator_backbone


@pytest.fixture(scope="session")
def grey_images() -> Any:
    return np.random.default_rng(3).integers(0, 256, (150, 12, 12)).astype(np.uint8)


@pytest.fixture(scope="session", params=["flat", "pooled", "positions"])
def maps(request: Any, small: dict[str, Any], cache_of_tests: None, grey_images: Any) -> Explored:
    """An autoencoder at its maps, in all layouts."""
    it = inn.wrap(seeded(Autoencoder), "decoder:in", layout=request.param)
    bright = grey_images[:120].mean((1, 2))
    it.fit("labels", data=grey_images[:120], labels={"bright": bright}, **small | {"axes": 64})
    return Explored(it, grey_images[120:])
