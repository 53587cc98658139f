"""Sprites as the networks take them."""

from __future__ import annotations

import numpy.typing as npt
import torch
from networks import SIZE
from torch import Tensor
from torch.nn import functional

from interpret_inn.datasets import Sprites


def drawn(sprites: Sprites, latents: npt.ArrayLike) -> Tensor:
    """Images (N, 1, 32, 32) in [0, 1] of factors (N, 5): means of 2 × 2 pixels, so that edges are grey."""
    pixels = torch.from_numpy(sprites.drawn(latents)).permute(0, 3, 1, 2).float() / 255
    return functional.avg_pool2d(pixels, pixels.shape[-1] // SIZE)
