"""Networks that tell from images what was done to the code: small ones, trained on the spot."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

WIDTH = 32
"""Pixels of an image each way that are looked at, at most: networks stay small enough to train on the spot."""
_LEAST = 8  # pixels each way: three convolutions halve them
_CHANNELS = (24, 32, 48)  # of the convolutions
_PLACES = 4  # rows and columns of the maps that the linear layers see
_HIDDEN = 96  # width of the first linear layer
_SLOPE = 0.1  # of the activations below 0


class Recognizer(nn.Module):
    """Three convolutions and two linear layers: from images (B, C, H, W) to numbers (B, outputs).

    Its weights are drawn from `generator`; the global random state is left alone.

    Args:
        channels: C.
        outputs: How many numbers it gives.
        generator: Draws its weights.
    """

    def __init__(self, channels: int, outputs: int, generator: Generator) -> None:
        super().__init__()
        widths = (channels, *_CHANNELS)
        convolutions = [
            nn.utils.skip_init(nn.Conv2d, a, b, kernel_size=4, stride=2, padding=1)
            for a, b in pairwise(widths)
        ]
        hidden = nn.utils.skip_init(nn.Linear, _CHANNELS[-1] * _PLACES**2, _HIDDEN)
        last = nn.utils.skip_init(nn.Linear, _HIDDEN, outputs)
        for layer in (*convolutions, hidden, last):
            nn.init.kaiming_uniform_(layer.weight, a=_SLOPE, generator=generator)
            nn.init.zeros_(layer.bias)
        self.convolutions, self.hidden, self.last = nn.ModuleList(convolutions), hidden, last

    def forward(self, images: Tensor) -> Tensor:
        """Numbers (B, outputs) of images (B, C, H, W)."""
        seen = shrunk(images)
        for layer in self.convolutions:
            seen = functional.leaky_relu(layer(seen), _SLOPE)
        seen = functional.adaptive_avg_pool2d(seen, _PLACES).flatten(1)
        found: Tensor = self.last(functional.leaky_relu(self.hidden(seen), _SLOPE))
        return found


def shrunk(images: Tensor) -> Tensor:
    """Images averaged down to 32 pixels each way at most, or enlarged to 8 at least."""
    height, width = images.shape[2:]
    times = -(-max(height, width) // WIDTH)
    small = functional.avg_pool2d(images, times) if times > 1 else images
    least = min(small.shape[2:])
    return small if least >= _LEAST else functional.interpolate(small, scale_factor=-(-_LEAST // least))


class StepRecognizer(nn.Module):
    """Tells from two images along which axis the code was stepped, and how far (Voynov and Babenko 2020, section 3).

    Args:
        channels: Of one image.
        axes: `K`, how many axes there are to tell apart.
        generator: Draws its weights.
    """

    def __init__(self, channels: int, axes: int, generator: Generator) -> None:
        super().__init__()
        self.both = Recognizer(2 * channels, axes + 1, generator)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the axes (B, K), and how far (B,), of images (B, C, H, W) before and after the step."""
        # the difference says more of a small step than the second image
        found = self.both(torch.cat([first, second - first], 1))
        return found[:, :-1], found[:, -1]
