"""Pictures in the form in which they come, as tensors to work on, and back in the same form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from interpret_inn.errors import DataError
from interpret_inn.types.numbers import SLACK

_CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class Form:
    """How one picture came.

    Attributes:
        kind: `tensor`, `array` or `pillow`.
        axes: `hw`, `hwc` or `chw`.
        whole: Values were 0 … 255 in 8 bits, not 0 … 1.
        dtype: Of a float picture.
    """

    kind: Literal["tensor", "array", "pillow"]
    axes: Literal["hw", "hwc", "chw"]
    whole: bool
    dtype: Any = None

    def restored(self, picture: Tensor) -> Any:
        """A picture, float32 (C, H, W) in [0, 1], in this form."""
        laid = {"hw": picture[:1].squeeze(0), "hwc": picture.permute(1, 2, 0), "chw": picture}[self.axes]
        values = (laid * 255).round().to(torch.uint8) if self.whole else laid
        if self.kind == "tensor":
            return values.contiguous().to(torch.uint8 if self.whole else self.dtype)
        array: npt.NDArray[Any] = np.ascontiguousarray(values.numpy())
        if self.kind == "pillow":
            return Image.fromarray(array)
        return array if self.whole else array.astype(self.dtype)


def read_picture(picture: Any, place: int) -> tuple[Tensor, Form]:
    """One picture as float32 (C, H, W) in [0, 1] with C of 1 or 3, and the form in which it came.

    Transparency is laid over white.

    Args:
        picture: A PIL image; an array or tensor (H, W), (H, W, C) or (C, H, W), uint8 or floats in [0, 1].
        place: For messages.

    Raises:
        DataError: it is no picture, or its values leave [0, 1].
    """
    if isinstance(picture, Image.Image):
        grey = picture.mode in ("1", "L", "I;16", "I", "F")
        mode = "L" if grey else ("RGBA" if picture.mode in ("RGBA", "LA", "PA") else "RGB")
        picture = np.asarray(picture if picture.mode == mode else picture.convert(mode))
        tensor, form = _from_values(picture, place, prefer_last=True)
        form = Form("pillow", form.axes, form.whole)
    elif isinstance(picture, (np.ndarray, Tensor)):
        tensor, form = _from_values(picture, place, prefer_last=isinstance(picture, np.ndarray))
    else:
        raise DataError(f"Expected pictures to transform, found {type(picture).__name__} at place {place}.")
    if tensor.shape[0] == 4:
        tensor = tensor[:3] * tensor[3:] + 1 - tensor[3:]
    return tensor, form


def collated(pictures: Sequence[Any]) -> Any:
    """Pictures of one form and shape as one batch; others stay a list."""
    first = pictures[0]
    if isinstance(first, Image.Image) or len({tuple(one.shape) for one in pictures}) > 1:
        return list(pictures)
    return torch.stack(list(pictures)) if isinstance(first, Tensor) else np.stack(pictures)


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


def _from_values(values: Any, place: int, *, prefer_last: bool) -> tuple[Tensor, Form]:
    kind: Literal["tensor", "array"] = "tensor" if isinstance(values, Tensor) else "array"
    tensor = values.detach().cpu() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    axes = _axes(tuple(tensor.shape), place, prefer_last=prefer_last)
    whole = tensor.dtype == torch.uint8
    if not whole and not tensor.is_floating_point():
        raise DataError(
            f"Expected pictures of 8 bits (uint8) or floats in [0, 1], found {values.dtype} at place {place}."
        )
    form = Form(kind, axes, whole, values.dtype)
    tensor = tensor.float() / 255 if whole else tensor.float()
    low, high = float(tensor.min()), float(tensor.max())
    if not (low >= -SLACK and high <= 1 + SLACK):
        raise DataError(
            f"Expected pictures with values in [0, 1] (or uint8), found {low:.4g} to {high:.4g} at place {place}. "
            "Transforms work on pictures: give them before they are normalised, and type "
            "wrap(model, preprocess={'mean': …, 'std': …})."
        )
    laid = {"hw": lambda: tensor[None], "hwc": lambda: tensor.permute(2, 0, 1), "chw": lambda: tensor}[axes]()
    return laid.clamp(0, 1).contiguous(), form


def _axes(shape: tuple[int, ...], place: int, *, prefer_last: bool) -> Literal["hw", "hwc", "chw"]:
    if len(shape) == 2 and 0 not in shape:
        return "hw"
    if len(shape) == 3 and 0 not in shape:
        first, last = shape[0] in _CHANNELS, shape[2] in _CHANNELS
        if first or last:
            return "hwc" if last and (prefer_last or not first) else "chw"
    raise DataError(
        f"Expected pictures (H, W), (H, W, C) or (C, H, W) with 1, 3 or 4 channels, found {shape} at place {place}."
    )
