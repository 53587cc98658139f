"""What pairs look like, for the report."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from interpret_inn.types import Gallery, IntArray, Picture, Samples

_PAIRS = 6
_SIDE = 96  # pixels of the longer side of a shown picture


def gallery(samples: Samples, name: str, ends: IntArray, *, differs: bool) -> Gallery | None:
    """A few pairs of a concept, one below the other; None if the samples are no pictures.

    Args:
        samples: N samples.
        name: The concept.
        ends: int64 (n, 2), its pairs.
        differs: They share all but the concept.
    """
    chosen = ends[np.unique(np.linspace(0, len(ends) - 1, _PAIRS).astype(int))]
    rows = [[shown(samples.take([int(place)])[0]) for place in column] for column in chosen.T]
    cells = [tuple(picture for picture in row if picture is not None) for row in rows]
    if any(len(row) < len(chosen) for row in cells):
        return None
    share = f"share all but {name!r}" if differs else f"share {name!r}, and are independent in all else"
    return Gallery(
        title=f"Pairs of {name!r}",
        caption=f"Each column is one of the {len(ends)} pairs that were given. The two images {share}.",
        cells=tuple(cells),
        rows=("first", "second"),
        group=name,
    )


def shown(image: Any) -> Picture | None:
    """An image as uint8 (H, W, 3), no larger than a report can show; None if it cannot be told to be one.

    Args:
        image: A PIL image; or a tensor or array, grey or colour, either order of channels, uint8 or in [0, 1].
    """
    if isinstance(image, Image.Image):
        picture = image.convert("RGB")
    else:
        values = np.asarray(image.detach().cpu() if isinstance(image, Tensor) else image)
        pixels = _pixels(values)
        if pixels is None:
            return None
        picture = Image.fromarray(pixels).convert("RGB")
    picture.thumbnail((_SIDE, _SIDE))
    found: Picture = np.array(picture)
    return found


def _pixels(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8] | None:
    """uint8 (H, W) or (H, W, 3)."""
    if values.ndim == 3 and values.shape[0] in (1, 3) and values.shape[2] not in (1, 3):
        values = values.transpose(1, 2, 0)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim != 2 and not (values.ndim == 3 and values.shape[2] == 3):
        return None
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype.kind != "f" or not values.size or values.min() < 0 or values.max() > 1:
        return None
    return np.asarray((values * 255).round(), np.uint8)
