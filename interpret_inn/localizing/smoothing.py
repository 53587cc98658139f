"""A Gaussian over images or masks."""

from __future__ import annotations

import torch
from torch import Tensor


def smoothed(images: Tensor, sigma: float) -> Tensor:
    """Images under a Gaussian.

    At the border its weights are shared out among the pixels that there are, so that nothing comes in from outside.

    Args:
        images: Float (B, C, H, W).
        sigma: Standard deviation in pixels, above 0.

    Returns:
        (B, C, H, W).

    >>> smoothed(torch.ones(1, 1, 3, 3), 1.0)[0, 0, 0]  # an even image stays even, at the border too
    tensor([1., 1., 1.])
    """
    for axis in (-2, -1):
        images = _along(images, sigma, axis)
    return images


def _along(images: Tensor, sigma: float, axis: int) -> Tensor:
    place = torch.arange(images.shape[axis], device=images.device, dtype=torch.float32)
    weight = torch.exp(-0.5 * ((place[:, None] - place[None]) / sigma) ** 2)
    weight = (weight / weight.sum(1, keepdim=True)).to(images)
    return (images.transpose(axis, -1) @ weight.T).transpose(axis, -1)
