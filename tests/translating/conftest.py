"""Fits at the toy's head, and in the middle of a network without a tail."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.testing import toy_images

from .batches import Fit


class Maps(nn.Module):
    """`body`, in the middle, gives (B, 8, 4, 4); what follows takes the inputs as well, so there is no tail."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 8, 6, stride=6)
        self.head = nn.Linear(11, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        beside = inputs.mean((2, 3))
        logits: Tensor = self.head(torch.cat([self.body(inputs).tanh().mean((2, 3)), beside], 1))
        return logits


@pytest.fixture(scope="session")
def fit_of(toy: Any, small: dict[str, Any]) -> Fit:
    """A fit at the toy's head, or in the middle of a network in some layout."""
    images, labels = toy_images(120, seed=8)
    made = {"head": toy.interpreter}

    def make(case: str) -> inn.Interpreter:
        if case not in made:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                model = Maps().eval()
            made[case] = inn.wrap(model, "body", layout=case).fit(
                "labels",
                data=images,
                labels={"hue": labels["hue"]},
                kinds={"hue": "cyclic"},
                **small | {"axes": 6},
            )
        return made[case]

    return make
