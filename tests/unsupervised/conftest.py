"""A generator whose true axes are known and turned away."""

import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn

AXES = 5


class Spots(nn.Module):
    """Latents (B, 5) to images (B, 1, 16, 16), turned to: a spot's place across and down, two bars' brightness."""

    def __init__(self, turn: Tensor) -> None:
        super().__init__()
        self.turn = nn.Linear(AXES, AXES, bias=False)
        self.turn.weight = nn.Parameter(turn.T.clone())
        self.register_buffer("places", torch.linspace(-1, 1, 16))

    def forward(self, latents: Tensor) -> Tensor:
        across, down, upper, left, _ = self.turn(latents).unbind(1)
        lines = [
            torch.exp(-12 * (self.places - 0.5 * torch.tanh(place)[:, None]) ** 2) for place in (across, down)
        ]
        images = lines[1][:, :, None] * lines[0][:, None, :]
        images = images + torch.sigmoid(upper)[:, None, None] * (self.places < -0.85)[:, None]
        return (images + 0.6 * torch.sigmoid(1.5 * left)[:, None, None] * (self.places < -0.85))[:, None]


def turned(seed: int) -> Tensor:
    drawn = torch.randn(AXES, AXES, generator=torch.Generator().manual_seed(seed))
    return torch.linalg.qr(drawn).Q


@pytest.fixture
def spots():
    """A frozen generator, and the matrix whose columns are its true axes."""

    def make(seed: int = 1) -> tuple[nn.Module, Tensor]:
        turn = turned(seed)
        return Spots(turn).eval().requires_grad_(False), turn

    return make


@pytest.fixture
def wrapped(spots):
    def make(seed: int = 1) -> tuple[inn.Interpreter, Tensor]:
        model, turn = spots(seed)
        return inn.wrap(model, backbone="generator", value_range=(0, 1)), turn

    return make


def aligned(found: Tensor, true: Tensor) -> list[float]:
    """For each true axis (columns), the largest cosine with a found one."""
    cosines = (
        torch.nn.functional.normalize(true, dim=0).T @ torch.nn.functional.normalize(found, dim=0)
    ).abs()
    return cosines.max(1).values.tolist()
