"""Pictures of any kind as floats to work on, and the form in which they came."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from interpret_inn.backbones.picture_forms import single
from interpret_inn.data.given_form import GivenForm, has_alpha
from interpret_inn.errors import DataError
from interpret_inn.types.numbers import SLACK


def read_picture(picture: Any, index: int) -> tuple[Tensor, GivenForm]:
    """One picture as float32 (C, H, W) in [0, 1] with C of 1 or 3, and the form in which it came.

    Transparency is laid over white.

    Args:
        picture: A PIL image; an array or tensor (H, W), (H, W, C) or (C, H, W), uint8 or floats in [0, 1].
        index: For messages.

    Raises:
        DataError: it is no picture, or its values leave [0, 1].
    """
    if not isinstance(picture, (Image.Image, np.ndarray, Tensor)):
        raise DataError(f"Expected pictures to transform, found {type(picture).__name__} at index {index}.")
    values = _pillow_values(picture, index) if isinstance(picture, Image.Image) else picture
    read, form = GivenForm.of(values), GivenForm.of(picture)
    if read is None or form is None:
        raise DataError(
            "Expected pictures (H, W), (H, W, C) or (C, H, W) with 1, 3 or 4 channels, found "
            f"{tuple(values.shape)} at index {index}."
        )
    tensor = _in_range(values, index)
    laid = {"hw": tensor[None], "hwc": tensor.movedim(-1, 0), "chw": tensor}[read.axes]
    laid = laid.clamp(0, 1).contiguous()
    if laid.shape[0] == 4:
        laid = laid[:3] * laid[3:] + 1 - laid[3:]
    return laid, form


def squared(picture: Tensor, size: int) -> Tensor:
    """The middle square of a picture, float32 (C, size, size)."""
    height, width = picture.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = picture[None, :, top : top + side, left : left + side]
    if side == size:
        return middle[0]
    return interpolate(middle, size=(size, size), mode="bicubic", antialias=True, align_corners=False)[
        0
    ].clamp(0, 1)


def _pillow_values(image: Image.Image, index: int) -> npt.NDArray[Any]:
    """A PIL image as an array (H, W, C): with its transparency if it has any, else as a model is given it."""
    if has_alpha(image):
        return np.array(image.convert("RGBA"))
    return single(image, channels=None, index=index)


def _in_range(values: npt.NDArray[Any] | Tensor, index: int) -> Tensor:
    """The same values as float32 on the CPU, those of 8 bits scaled to [0, 1].

    Raises:
        DataError: integers of another size, or values outside [0, 1].
    """
    tensor = values.detach().cpu() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    whole = tensor.dtype == torch.uint8
    if not whole and not tensor.is_floating_point():
        raise DataError(
            f"Expected pictures of 8 bits (uint8) or floats in [0, 1], found {values.dtype} at index {index}."
        )
    tensor = tensor.float() / 255 if whole else tensor.float()
    low, high = float(tensor.min()), float(tensor.max())
    if not (low >= -SLACK and high <= 1 + SLACK):
        raise DataError(
            f"Expected pictures with values in [0, 1] (or uint8), found {low:.4g} to {high:.4g} at index {index}. "
            "Transforms work on pictures: give them before they are normalised, and type "
            "wrap(model, preprocess={'mean': …, 'std': …})."
        )
    return tensor
