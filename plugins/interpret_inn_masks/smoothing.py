"""Gaussians over images and masks."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def smoothed(images: Tensor, sigma: float) -> Tensor:
    """Images (B, C, H, W) under a Gaussian, `sigma` in pixels; at the border it is made of what there is."""
    for axis in (-2, -1):
        images = _along(images, sigma, axis)
    return images


def softened(masks: Tensor, sigma: float) -> Tensor:
    """Masks (B, 1, H, W) under a Gaussian; beyond the image there is no mask, so that the middle comes out highest."""
    margin = math.ceil(3 * sigma)
    wide = smoothed(functional.pad(masks, (margin,) * 4), sigma)
    return wide[..., margin:-margin, margin:-margin]


def _along(images: Tensor, sigma: float, axis: int) -> Tensor:
    size = images.shape[axis]
    place = torch.arange(size, device=images.device, dtype=torch.float32)
    weight = torch.exp(-0.5 * ((place[:, None] - place[None]) / sigma) ** 2)
    weight = (weight / weight.sum(1, keepdim=True)).to(images)
    return (images.transpose(axis, -1) @ weight.T).transpose(axis, -1)
