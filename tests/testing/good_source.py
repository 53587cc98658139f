"""A concept source that keeps the contract."""

from __future__ import annotations

from typing import Any

import torch

from interpret_inn.data import samples
from interpret_inn.testing import toy_images
from interpret_inn.types import SAME, Concept, Pairs

IMAGES, LABELS = toy_images(120)
CLASSES = ("square", "disc", "cross")


class Good:
    """Pairs that share the shape; a hue that is now and then shared, by looking for the nearest one."""

    name = "good"

    def __init__(self) -> None:
        self.samples: Any = samples(IMAGES)
        self.concepts: Any = [
            Concept("shape", "categorical", LABELS["shape"], CLASSES),
            Concept("hue", "cyclic", LABELS["hue"]),
        ]

    def sample_pairs(self, n: int, generator: torch.Generator, among: torch.Tensor) -> Pairs:
        first = among[torch.randint(len(among), (n,), generator=generator)]
        by_hue = torch.rand(n, generator=generator) < 0.5
        shape, hue = (torch.from_numpy(LABELS[name]) for name in ("shape", "hue"))
        distance = 1 - torch.cos(hue[first, None] - hue[among])
        other_shape = (shape[first, None] != shape[among]).double() + torch.rand(
            n, len(among), generator=generator
        )
        cost = torch.where(by_hue[:, None], distance, other_shape)
        second = among[cost.masked_fill(first[:, None] == among, torch.inf).argmin(1)]
        zero = torch.zeros(n)
        rho = torch.stack([torch.where(by_hue, 0, SAME), torch.where(by_hue, SAME, 0), zero], 1)
        return Pairs(first, second, rho.float())
