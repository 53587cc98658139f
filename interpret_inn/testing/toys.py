"""Small images and a small classifier: enough to try a plugin on within seconds."""

from __future__ import annotations

import functools
import math
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor, nn

from interpret_inn.errors import SiteError, suggest
from interpret_inn.types.members import names_nearest

Layer = TypeVar("Layer", bound=nn.Module)

SIZE = 24
"""Height and width of toy images, in pixels."""
SHAPES = ("square", "disc", "cross")
FEATURES = 32
"""Width of the toy classifier's last layer."""


def toy_images(n: int, seed: int = 0) -> tuple[npt.NDArray[np.uint8], dict[str, npt.NDArray[np.generic]]]:
    """Draws coloured shapes at random places on a dark ground.

    Args:
        n: How many.
        seed: The same seed draws the same images; images of different seeds are independent.

    Returns:
        Images, uint8 (n, 24, 24, 3), and their labels: `shape`, int64 (n,), an index of `SHAPES`; `hue`,
        float64 (n,), an angle in radians, 0 to 2π. The two are independent of each other.
    """
    rng = np.random.default_rng(seed)
    shape = rng.integers(len(SHAPES), size=n)
    hue = rng.uniform(0, 2 * np.pi, n)
    centre = rng.uniform(8, SIZE - 8, (2, n, 1, 1))
    radius = rng.uniform(5, 7, (n, 1, 1))
    y, x = np.abs(np.mgrid[:SIZE, :SIZE][:, None] + 0.5 - centre)
    square, disc, cross = (
        np.maximum(x, y) < 0.9 * radius,
        np.hypot(x, y) < radius,
        np.minimum(x, y) < 0.3 * radius,
    )
    covers = np.stack([square, disc, cross])
    inside = covers[shape, np.arange(n)] & (np.maximum(x, y) < radius)
    # Three cosines a third of a turn apart: a wheel of colours of equal mean brightness.
    phase = hue[:, None] - 2 * np.pi * np.arange(3) / 3
    colour = 0.55 + 0.4 * np.cos(phase)
    images = np.where(inside[..., None], colour[:, None, None], 0.1) + rng.normal(0, 0.02, (n, SIZE, SIZE, 3))
    pictures = (images.clip(0, 1) * 255).round().astype(np.uint8)
    return pictures, {"shape": shape.astype(np.int64), "hue": hue}


class ToyClassifier(nn.Module):
    """Names the shape in a toy image: two convolutions, a mean over positions, and `head`, a linear layer.

    Takes float (B, 3, 24, 24) in [0, 1], gives logits (B, 3). Sites: `features` and `head:in`, (B, 32).
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _layer(nn.Conv2d, 3, 12, seed=1, kernel_size=5, stride=2, padding=2),
            nn.ReLU(inplace=True),
            _layer(nn.Conv2d, 12, FEATURES, seed=2, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = _layer(nn.Linear, FEATURES, len(SHAPES), seed=3)

    def forward(self, inputs: Tensor) -> Tensor:
        """Gives the logits of the shapes.

        Args:
            inputs: Float (B, 3, 24, 24) in [0, 1].

        Returns:
            Float (B, 3).
        """
        logits: Tensor = self.head(self.features(inputs))
        return logits


def toy_classifier() -> ToyClassifier:
    """Makes a classifier of toy images, trained on the spot (a second, and nothing when asked again).

    It is right on 19 of 20 unseen images, draws from no global generator, and comes in evaluation mode.
    """
    model = ToyClassifier()
    model.load_state_dict(_trained())
    return model.eval()


@functools.cache
def _trained() -> dict[str, Tensor]:
    model, generator = ToyClassifier(), torch.Generator().manual_seed(3)
    images, labels = toy_images(1000, seed=12345)
    inputs, shapes = torch.from_numpy(images).movedim(-1, 1).float() / 255, torch.from_numpy(labels["shape"])
    parameters = list(model.parameters())
    momenta = [torch.zeros_like(parameter) for parameter in parameters]
    steps = 120
    for step in range(steps):
        rate = 0.2 * math.sin(math.pi * (step + 0.5) / steps)
        chosen = torch.randint(len(inputs), (64,), generator=generator)
        with torch.enable_grad():
            loss = nn.functional.cross_entropy(model(inputs[chosen]), shapes[chosen])
            gradients = torch.autograd.grad(loss, parameters)
        # By hand, as the first step of an optimiser of torch imports its compiler, which takes seconds.
        with torch.no_grad():
            for parameter, momentum, gradient in zip(parameters, momenta, gradients, strict=True):
                parameter.sub_(momentum.mul_(0.9).add_(gradient), alpha=rate)
    _fit_head(model, inputs, shapes)
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


@torch.no_grad()
def _fit_head(model: ToyClassifier, inputs: Tensor, shapes: Tensor) -> None:
    """Sets the head by least squares: what so short a training has left undone."""
    rows = model.features(inputs).double()
    rows = torch.cat([rows, torch.ones(len(rows), 1, dtype=rows.dtype)], 1)
    wanted = 8 * nn.functional.one_hot(shapes, len(SHAPES)).double()
    ridge = 1e-4 * torch.eye(rows.shape[1], dtype=rows.dtype)  # some features are dead
    solution = torch.linalg.solve(rows.T @ rows / len(rows) + ridge, rows.T @ wanted / len(rows))
    model.head.weight.copy_(solution[:-1].T)
    model.head.bias.copy_(solution[-1])


def _layer(kind: type[Layer], inputs: int, outputs: int, *, seed: int, **options: Any) -> Layer:
    """Makes a layer whose weights come from a generator of its own."""
    layer: Layer = nn.utils.skip_init(kind, inputs, outputs, **options)
    weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        weight.normal_(0, (2 / weight[0].numel()) ** 0.5, generator=generator)
        bias.uniform_(-0.2, 0.2, generator=generator)
    return layer


LAYERS = ("affine", "bent")
"""Layers of a `ToyView`: a matrix product, and its tanh."""


@names_nearest
class ToyView:
    """An `AxesView` whose images are `tanh(white @ weights / 4)`, 8 × 8 pixels; later axes move them less.

    Args:
        axes: `d`, which are all axes (`D` = `d`).
        seed: Of the weights.
    """

    def __init__(self, axes: int, *, seed: int = 0) -> None:
        self.axes = self.width = axes
        generator = Generator().manual_seed(seed)
        strengths = torch.linspace(0, -3, axes).exp()
        self.weights = strengths[:, None] * torch.randn(axes, 64, generator=generator)

    def samples(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Standard normal axes, float (n, d), and no others, (n, 0)."""
        return torch.randn(n, self.axes, generator=generator), torch.zeros(n, 0)

    def outputs(self, white: Tensor, rest: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the protocol's arguments
        """Images, float (B, 1, 8, 8), in (−1, 1)."""
        return torch.tanh(self.layer("affine", white) / 4).reshape(-1, 1, 8, 8)

    def layer(self, site: str, white: Tensor, rest: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """What "affine" or "bent" carries, float (B, 64); raises SiteError for others."""
        if site not in LAYERS:
            raise SiteError(f"There is no layer {site!r}. {suggest(site, LAYERS)}")
        affine = white @ self.weights.to(white)
        return affine if site == "affine" else torch.tanh(affine)

    def layers(self) -> list[str]:
        """The two layers."""
        return list(LAYERS)

    def seen(self, directions: Tensor) -> Tensor:
        """Directions as they are, float (m, d)."""
        return directions
