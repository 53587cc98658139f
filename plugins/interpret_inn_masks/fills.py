"""What stands in an image where its mask is 0: something of the same colours that shows nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional

from interpret_inn.localizing import smoothed

Fill = Literal["blur", "noise", "mean"]
_SIGMAS = 3  # standard deviations after which a Gaussian is cut off
_WIDTH = 6  # the blur's standard deviation is the shorter side over this
_FLAT = 1e-6  # spread of a patch without any, so that nothing is divided by 0
_CORRELATED = 16  # patches of noise are the shorter side over this wide


def softened(masks: Tensor, sigma: float) -> Tensor:
    """Masks (B, 1, H, W) under a Gaussian; beyond the image there is no mask, so that the middle comes out highest."""
    margin = math.ceil(_SIGMAS * sigma)
    wide = smoothed(functional.pad(masks, (margin,) * 4), sigma)
    return wide[..., margin:-margin, margin:-margin]


def blurred(images: Tensor) -> Tensor:
    """Images (B, C, H, W) under a Gaussian so wide that only broad light and colour are left."""
    return smoothed(images, min(images.shape[-2:]) / _WIDTH)


def mean_colour(images: Tensor) -> Tensor:
    """Each image's mean colour everywhere, (B, C, H, W)."""
    return images.mean((2, 3), keepdim=True).expand_as(images)


def noise(images: Tensor, generator: Generator) -> Tensor:
    """Soft patches of noise with each image's own mean and spread of every channel, (B, C, H, W)."""
    batch, channels, height, width = images.shape
    patch = max(1, min(height, width) // _CORRELATED)
    small = torch.randn(batch, channels, -(-height // patch), -(-width // patch), generator=generator)
    patches = functional.interpolate(small, (height, width), mode="bilinear", align_corners=False).to(images)
    patches = patches / patches.std((2, 3), keepdim=True).clamp_min(_FLAT)
    return mean_colour(images) + patches * images.std((2, 3), keepdim=True)


def filler(images: Tensor, fill: Fill, generator: Generator) -> Callable[[], Tensor]:
    """Gives fills of images (B, C, H, W), (B, C, H, W), other ones at each call.

    Light and colour are those of *another* image of the batch: an image's own would tell of its factors (of colour
    above all) what only the mask is to tell. A single image has only its own.
    """

    def others() -> Tensor:
        if len(images) == 1:
            return images
        return images.roll(int(torch.randint(1, len(images), (), generator=generator)), 0)

    if fill == "noise":
        return lambda: noise(others(), generator)
    images = blurred(images) if fill == "blur" else mean_colour(images)
    return others
