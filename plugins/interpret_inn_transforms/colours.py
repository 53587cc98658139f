"""Transforms that change colours and light, on batches of pictures.

All take pictures, float32 (B, C, H, W) in [0, 1], and amounts, float (B,), and give pictures of the same shape; what
leaves [0, 1] is clipped by the caller.
"""

from __future__ import annotations

import torch
from torch import Tensor

LUMINANCE = (0.299, 0.587, 0.114)
"""How much red, green and blue count for brightness (ITU-R BT.601)."""

_TO_YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))


def hue(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Turns the colours by angles in radians, red to yellow first; brightness stays.

    It is a rotation of I and Q in NTSC's YIQ.
    """
    to_yiq = torch.tensor(_TO_YIQ, dtype=torch.float64)
    cos, sin = amounts.double().cos(), amounts.double().sin()
    turn = torch.zeros(len(amounts), 3, 3, dtype=torch.float64)
    turn[:, 0, 0] = 1
    turn[:, 1, 1], turn[:, 1, 2], turn[:, 2, 1], turn[:, 2, 2] = cos, sin, -sin, cos
    matrix = (torch.linalg.inv(to_yiq) @ turn @ to_yiq).to(pictures)[..., None, None]
    # written out, because a matrix product may round differently in a batch of another size
    red, green, blue = pictures.split(1, 1)
    turned: Tensor = matrix[:, :, 0] * red + matrix[:, :, 1] * green + matrix[:, :, 2] * blue
    return turned


def brightness(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Multiplies by 2 to the amount."""
    return pictures * _each(amounts.exp2())


def contrast(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Multiplies the differences from the picture's own mean grey by 2 to the amount."""
    mean = luminance(pictures).double().mean((1, 2, 3), keepdim=True).float()
    return mean + (pictures - mean) * _each(amounts.exp2())


def saturation(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Multiplies the differences from the pixel's grey by 2 to the amount."""
    grey = luminance(pictures)
    return grey + (pictures - grey) * _each(amounts.exp2())


def greyscale(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Takes that share of the colour away: 0 nothing, 1 all of it."""
    grey = luminance(pictures)
    return pictures + (grey - pictures) * _each(amounts)


def luminance(pictures: Tensor) -> Tensor:
    """Grey values (B, 1, H, W)."""
    if pictures.shape[1] != 3:
        return pictures.mean(1, keepdim=True)
    red, green, blue = LUMINANCE
    return red * pictures[:, :1] + green * pictures[:, 1:2] + blue * pictures[:, 2:]


def _each(values: Tensor) -> Tensor:
    return values.float().view(-1, 1, 1, 1)
