"""Small generators and autoencoders with weights that are always the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


class Latent(nn.Module):
    """Latents (B, 12) to images (B, 3, 8, 8) through a last function."""

    def __init__(self, last: Callable[[Tensor], Tensor] = torch.sigmoid, noise: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Linear(12, 16)
        self.body = nn.Sequential(nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.5), nn.Linear(16, 192))
        self.last, self.noise = last, noise

    def forward(self, latent: Tensor) -> Tensor:
        images = self.body(self.first(latent)).reshape(-1, 3, 8, 8)
        if self.noise:
            images = images + self.noise * torch.randn_like(images)
        return self.last(4 * images)


class Images(nn.Module):
    """An autoencoder by principal axes: images (B, 3, 8, 8) to 6 numbers and back, in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(192, 12))
        self.decoder = nn.Sequential(nn.Linear(6, 192), nn.Unflatten(1, (3, 8, 8)))

    def encode(self, images: Tensor) -> Any:
        return self.encoder(images).chunk(2, 1)

    def decode(self, code: Tensor) -> Tensor:
        return self.decoder(code)

    def forward(self, images: Tensor) -> Tensor:
        return self.decode(self.encode(images)[0])


@pytest.fixture(scope="session")
def pictures() -> Tensor:
    """float (200, 3, 8, 8) in [0, 1] that lie on 6 axes."""
    generator = torch.Generator().manual_seed(3)
    axes = torch.randn(6, 192, generator=generator)
    images = torch.sigmoid(0.3 * torch.randn(200, 6, generator=generator) @ axes)
    return images.reshape(200, 3, 8, 8)


@pytest.fixture
def latent() -> nn.Module:
    return seeded(Latent)


@pytest.fixture
def vae(pictures: Tensor) -> nn.Module:
    """Gives its images back as well as 6 principal axes can."""
    model = seeded(Images)
    flat = pictures.flatten(1)
    mean = flat.mean(0)
    axes = torch.linalg.svd(flat - mean, full_matrices=False).Vh[:6]
    with torch.no_grad():
        model.encoder[1].weight[:6] = axes
        model.encoder[1].bias[:6] = -axes @ mean
        model.decoder[0].weight.copy_(axes.T)
        model.decoder[0].bias.copy_(mean)
    return model


@pytest.fixture(scope="session")
def make_latent() -> Callable[..., nn.Module]:
    return lambda *arguments, **options: seeded(lambda: Latent(*arguments, **options))
