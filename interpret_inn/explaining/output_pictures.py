"""Pictures of output images, and their thumbnails."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from interpret_inn.explaining.records import Picture
from interpret_inn.types.numbers import TINY

_THUMBNAIL = 96  # pixels along the longer side of a thumbnail


def picture_of(images: Tensor, low: float, high: float) -> Picture:
    """An output image (C, H, W) as a picture, uint8 (H, W, 3): `low` becomes black and `high` white.

    Any axes in front stay. Of more than three channels the first three are shown, of two the first one, as grey.
    """
    scaled = ((images.float() - low) / max(high - low, TINY)).clamp(0, 1)
    grey = scaled[..., :1, :, :].expand(*scaled.shape[:-3], 3, -1, -1)
    colours = scaled[..., :3, :, :] if scaled.shape[-3] >= 3 else grey
    shown: Picture = (colours.movedim(-3, -1) * 255).round().byte().numpy()
    return shown


def thumbnail(picture: Picture) -> Picture:
    """A picture of at most 96 pixels a side; small ones stay as they are."""
    from PIL import Image

    if max(picture.shape[:2]) <= _THUMBNAIL:
        return np.ascontiguousarray(picture)
    image = Image.fromarray(picture)
    image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    return np.asarray(image)
