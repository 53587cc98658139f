"""Pictures of any kind as arrays of eight bits, and as planes to render."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from interpret_inn.backbones.picture_forms import resize_and_crop, single
from interpret_inn.data.given_form import GivenForm, has_alpha
from interpret_inn.errors import DataError
from interpret_inn.types import Samples
from interpret_inn.types.numbers import SLACK

Pixels = npt.NDArray[np.uint8]


def read_images(samples: Samples, size: int | None) -> tuple[Pixels, GivenForm]:
    """All images as uint8 (N, H, W, C), C of 1 or 3, and the form in which they came.

    Args:
        samples: Pictures. Transparent ones are laid over white.
        size: Side of the squares that they are brought to (the middle is kept); None: as they are.

    Raises:
        DataError: no pictures, values outside [0, 1], or several sizes and no `size`.
    """
    read: list[Pixels] = []
    form: GivenForm | None = None
    for batch in samples.batches(256):
        for item in batch:
            picture = as_pixels(item, place=len(read))
            form = form or GivenForm.of(item)
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
        if isinstance(item, Image.Image) and has_alpha(item):
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
    if picture.shape[2] == 4:
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
