"""Transforms that move, smear or cover, on batches of pictures.

All take pictures, float32 (B, C, H, W) in [0, 1], and amounts, float (B,) or (B, 2). Lengths are in shares of the
picture's shorter side, so that an amount means the same at every size. Where something has to come in at an edge,
it is the mirror image of what is there: black would tell the amount by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn.functional import conv2d, grid_sample, pad

_SIGMAS = 3  # standard deviations after which a Gaussian is cut off
_SHARP = 1e-4  # of a pixel: a narrower Gaussian is one pixel, and nothing is divided by 0


def rotation(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Turns by angles in radians, anticlockwise as seen."""
    height, width = pictures.shape[2:]
    cos, sin = amounts.cos(), amounts.sin()
    # in the grid's own coordinates both sides have length 2
    theta = amounts.new_zeros(len(amounts), 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = cos, -sin * height / width
    theta[:, 1, 0], theta[:, 1, 1] = sin * width / height, cos
    return _moved(pictures, theta)


def shift(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Moves right and down by amounts (B, 2), in shares of the shorter side."""
    height, width = pictures.shape[2:]
    side = min(height, width)
    theta = torch.eye(2, 3, dtype=amounts.dtype).repeat(len(amounts), 1, 1)
    theta[:, 0, 2] = -2 * amounts[:, 0] * side / width
    theta[:, 1, 2] = -2 * amounts[:, 1] * side / height
    return _moved(pictures, theta)


def scale(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Magnifies 2 to the amount times, about the middle."""
    theta = amounts.new_zeros(len(amounts), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = (-amounts).exp2()
    return _moved(pictures, theta)


def flip(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Mirrors left and right if the amount is 1."""
    return torch.where(amounts.view(-1, 1, 1, 1) > 0.5, pictures.flip(3), pictures)


def blur(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Blurs with a Gaussian; the amount is its standard deviation."""
    side = min(pictures.shape[2:])
    # one by one: convolutions may round differently in a batch of another size, and pictures must not change
    # from read to read
    return torch.stack(
        [_blurred(one, float(sigma) * side) for one, sigma in zip(pictures, amounts, strict=True)]
    )


def noise(pictures: Tensor, amounts: Tensor, generators: Sequence[Generator]) -> Tensor:
    """Adds independent Gaussian noise to every pixel; the amount is its standard deviation."""
    drawn = torch.stack([torch.randn(pictures.shape[1:], generator=one) for one in generators])
    return pictures + drawn * amounts.float().view(-1, 1, 1, 1)


def occlusion(pictures: Tensor, amounts: Tensor, generators: Sequence[Generator]) -> Tensor:
    """Covers that share of the area by a box in middle grey, somewhere; the box has the picture's proportions."""
    height, width = pictures.shape[2:]
    places = torch.stack([torch.rand(2, generator=one) for one in generators])
    sides = amounts.clamp(0, 1).sqrt()
    covered = torch.ones(len(pictures), height, width, dtype=torch.bool)
    for axis, length in enumerate((height, width)):
        first = places[:, axis] * (1 - sides) * length
        at = torch.arange(length) + 0.5
        inside = (at >= first[:, None]) & (at < (first + sides * length)[:, None])
        covered &= inside[:, :, None] if axis == 0 else inside[:, None, :]
    return torch.where(covered[:, None], 0.5, pictures)


def _blurred(picture: Tensor, sigma: float) -> Tensor:
    """One picture (C, H, W); sigma in pixels."""
    reach = math.ceil(_SIGMAS * sigma)
    offsets = torch.arange(-reach, reach + 1).float()
    weights = torch.exp(-0.5 * (offsets / max(sigma, _SHARP)).square())
    weights = weights / weights.sum()
    channels = picture[:, None]  # as a batch of single channels
    channels = conv2d(_padded(channels, reach, 0), weights[None, None, None, :])
    return conv2d(_padded(channels, 0, reach), weights[None, None, :, None])[:, 0]


def _moved(pictures: Tensor, theta: Tensor) -> Tensor:
    height, width = pictures.shape[2:]
    x = ((torch.arange(width) + 0.5) * 2 / width - 1).view(1, 1, -1)
    y = ((torch.arange(height) + 0.5) * 2 / height - 1).view(1, -1, 1)
    rows = theta.float()[..., None, None]
    # written out for the same reason: `affine_grid` is a matrix product
    grid = torch.stack([row[:, 0] * x + row[:, 1] * y + row[:, 2] for row in rows.unbind(1)], 3)
    return grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _padded(pictures: Tensor, across: int, down: int) -> Tensor:
    """Mirrored at the edges, as far as there are pixels to mirror; repeated beyond."""
    height, width = pictures.shape[2:]
    one, other = min(across, width - 1), min(down, height - 1)
    mirrored = pad(pictures, (one, one, other, other), mode="reflect")
    across, down = across - one, down - other
    return pad(mirrored, (across, across, down, down), mode="replicate") if across or down else mirrored
