"""The form in which a picture comes, and pictures made of it in the same form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

CHANNELS = (1, 3, 4)
"""An axis of one of these lengths may hold channels: grey, colour, colour and transparency."""

Axes = Literal["hw", "hwc", "chw"]


@dataclass(frozen=True)
class GivenForm:
    """How a picture came, so that those made of it can be given in the same way.

    Attributes:
        kind: `tensor`, `array` or `pillow`.
        axes: `hw`, `hwc` or `chw`.
        whole: Values are 0 … 255 in 8 bits; else floats in [0, 1]. PIL images made of others have 8 bits.
        dtype: Of a tensor or array. Pictures made of others keep it if it is one of floats: black and white of one
            bit, and greys of 16, become float32 in [0, 1].

    >>> form = GivenForm.of(np.zeros((4, 6, 3), np.uint8))
    >>> form.restored(torch.ones(3, 4, 6)).shape
    (4, 6, 3)
    """

    kind: Literal["tensor", "array", "pillow"]
    axes: Axes
    whole: bool
    dtype: Any = None

    @classmethod
    def of(cls, picture: Image.Image | Tensor | npt.NDArray[Any]) -> GivenForm | None:
        """The form of a picture; None if the axes of a tensor or array are no picture's.

        Channels are looked for where they are first expected: last in arrays, first in tensors.
        """
        if isinstance(picture, Image.Image):
            return cls("pillow", "hw" if _is_grey(picture) else "hwc", whole=True)
        axes = _axes(tuple(picture.shape), prefer_last=isinstance(picture, np.ndarray))
        if axes is None:
            return None
        kind: Literal["tensor", "array"] = "tensor" if isinstance(picture, Tensor) else "array"
        return cls(kind, axes, str(picture.dtype).endswith("uint8"), picture.dtype)

    def restored(self, picture: Tensor) -> Any:
        """A picture, float32 (C, H, W) in [0, 1], in this form."""
        laid = {"hw": picture[:1].squeeze(0), "hwc": picture.permute(1, 2, 0), "chw": picture}[self.axes]
        values = (laid * 255).round().to(torch.uint8) if self.whole else laid
        if self.kind == "tensor":
            return values.contiguous().to(self.dtype if self.dtype.is_floating_point else values.dtype)
        array: npt.NDArray[Any] = np.ascontiguousarray(values.cpu().numpy())
        if self.kind == "pillow":
            return Image.fromarray(array)
        return array.astype(self.dtype) if np.issubdtype(self.dtype, np.floating) else array


def has_alpha(image: Image.Image) -> bool:
    """Whether a PIL image is transparent anywhere: by a band, or by a colour or palette entry that stands for it."""
    by_colour = "transparency" in image.info and image.mode in ("1", "L", "P", "RGB")
    return by_colour or "A" in image.getbands()


def stacked(inputs: Sequence[Any]) -> Any:
    """A list of tensors or arrays of one shape and type as one; anything else as it is.

    >>> stacked([np.zeros(2), np.ones(2)]).shape
    (2, 2)
    """
    for kind, stack in ((Tensor, torch.stack), (np.ndarray, np.stack)):
        if isinstance(inputs, list) and inputs and all(isinstance(one, kind) for one in inputs):
            forms = {(tuple(one.shape), str(one.dtype)) for one in inputs}
            return stack(inputs) if len(forms) == 1 else inputs
    return inputs


def _is_grey(image: Image.Image) -> bool:
    """Whether it holds light alone, of any depth."""
    one_band = image.mode in ("1", "L", "I", "F") or image.mode.startswith("I;16")
    return one_band and not has_alpha(image)


def _axes(shape: tuple[int, ...], *, prefer_last: bool) -> Axes | None:
    if 0 in shape:
        return None
    if len(shape) == 2:
        return "hw"
    if len(shape) == 3:
        first, last = shape[0] in CHANNELS, shape[2] in CHANNELS
        if first or last:
            return "hwc" if last and (prefer_last or not first) else "chw"
    return None
