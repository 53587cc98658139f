"""Images to be rendered, as one array of eight-bit pictures, and back in the form in which they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from interpret_inn.backbones.picture_forms import resize_and_crop, single
from interpret_inn.errors import DataError
from interpret_inn.types import Samples
from interpret_inn.types.numbers import SLACK

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Form:
    """How images came, so that those made of them can be given in the same way.

    Attributes:
        kind: `pillow` (a list of PIL images), `array` or `tensor`.
        whole: Values 0 … 255 in 8 bits; else floats in [0, 1].
        flat: Grey images without an axis of channels.
        first: The channels stand before height and width.
    """

    kind: Literal["pillow", "array", "tensor"]
    whole: bool
    flat: bool
    first: bool

    def restored(self, pixels: Pixels) -> Any:
        """Pictures uint8 (B, H, W, C) in this form."""
        if self.kind == "pillow":
            return [Image.fromarray(one[..., 0] if one.shape[-1] == 1 else one) for one in pixels]
        laid = pixels[..., 0] if self.flat else pixels.transpose(0, 3, 1, 2) if self.first else pixels
        values = np.ascontiguousarray(laid if self.whole else laid.astype(np.float32) / 255)
        return torch.from_numpy(values) if self.kind == "tensor" else values


def read_images(samples: Samples, size: int | None) -> tuple[Pixels, Form]:
    """All images as uint8 (N, H, W, C), C of 1 or 3, and the form in which they came.

    Args:
        samples: Pictures. Transparent ones are laid over white.
        size: Side of the squares that they are brought to (the middle is kept); None: as they are.

    Raises:
        DataError: no pictures, values outside [0, 1], or several sizes and no `size`.
    """
    read: list[Pixels] = []
    form: Form | None = None
    for batch in samples.batches(256):
        for item in batch:
            form = form or _form(item)
            picture = as_pixels(item, place=len(read))
            if size is not None and picture.shape[:2] != (size, size):
                picture = resize_and_crop(picture, (size, size), 1.0)
            if read and picture.shape != read[0].shape:
                raise DataError(
                    f"Expected images of one size, found {read[0].shape} (image 0) and {picture.shape} "
                    f"(image {len(read)}). Type size=64, or the size that the model takes."
                )
            read.append(picture)
    if form is None:
        raise DataError("Expected images to render, found none.")
    return np.stack(read), form


def as_pixels(item: Any, *, place: int) -> Pixels:
    """One picture as uint8 (H, W, C) with C of 1 or 3.

    Raises:
        DataError: it is none, or its values leave [0, 1].
    """
    try:
        if isinstance(item, Image.Image) and ("A" in item.getbands() or "transparency" in item.info):
            item = np.array(item.convert("RGBA"))
        if isinstance(item, np.ndarray) and not item.flags.writeable:
            item = item.copy()  # as np.asarray(a PIL image) is, which torch warns of
        picture = single(item, channels=None, index=place)
    except ValueError as error:
        raise DataError(f"Expected pictures to render in a style: {error}") from error
    if picture.dtype != np.uint8:
        low, high = float(picture.min()), float(picture.max())
        if not (low >= -SLACK and high <= 1 + SLACK):
            raise DataError(
                f"Expected pictures (uint8, or floats in [0, 1]), found values from {low:.4g} to {high:.4g} in image "
                f"{place}. Give them before they are normalised, and type "
                "wrap(model, preprocess={'mean': …, 'std': …})."
            )
        picture = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
    if picture.shape[2] in (2, 4):
        cover = picture[..., -1:].astype(np.float32) / 255
        picture = np.rint(picture[..., :-1] * cover + 255 * (1 - cover)).astype(np.uint8)
    if picture.shape[2] not in (1, 3):
        raise DataError(f"Expected pictures of 1 or 3 channels, found {picture.shape[2]} in image {place}.")
    return picture


def as_planes(pixels: Pixels) -> Tensor:
    """uint8 (B, H, W, C) as float32 (B, C, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255


def from_planes(planes: Tensor) -> Pixels:
    """Undoes `as_planes`, rounded."""
    pixels: Pixels = (planes.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return np.ascontiguousarray(pixels)


def _form(item: Any) -> Form:
    if isinstance(item, Image.Image):
        return Form("pillow", whole=True, flat=False, first=False)
    shape, kind = tuple(item.shape), "tensor" if isinstance(item, Tensor) else "array"
    few = {1, 3, 4}
    first = len(shape) == 3 and shape[0] in few and (kind == "tensor" or shape[2] not in few)
    whole = str(item.dtype).endswith("uint8")
    return Form("tensor" if kind == "tensor" else "array", whole, len(shape) == 2, first)
