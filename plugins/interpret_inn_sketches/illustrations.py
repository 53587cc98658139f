"""What the stylised images look like, for the report."""

from __future__ import annotations

import numpy as np
from PIL import Image

from interpret_inn.types import Gallery, Picture
from interpret_inn_sketches.pixels import Pixels
from interpret_inn_sketches.sketch_files import Sketch

_ROWS = 6
_SIDE = 192  # pixels of the longer side of a shown picture


def gallery(images: Pixels, styled: Pixels, sketches: tuple[Sketch, Sketch], *, group: str) -> Gallery:
    """A few images as they were and in both styles, under the sketches.

    Args:
        images: uint8 (N, H, W, C).
        styled: uint8 (2 N, H, W, C).
        sketches: Both.
        group: Under which it is shown.
    """
    count = len(images)
    chosen = np.unique(np.linspace(0, count - 1, _ROWS).astype(int))
    rows = [tuple(_shown(p) for p in (images[at], styled[at], styled[count + at])) for at in chosen]
    first, second = sketches
    return Gallery(
        title="Images in the style of the sketches",
        caption=(
            f"Above, the sketches {first.name!r} and {second.name!r}. Below, images as they were and in the style of "
            "each, as the fit saw them: what the two columns have in common is not part of the concept."
        ),
        cells=(("", _shown(first.pixels), _shown(second.pixels)), *rows),
        columns=("as it was", first.name, second.name),
        group=group,
    )


def _shown(pixels: Pixels) -> Picture:
    """RGB, no larger than a report can show."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")
    image.thumbnail((_SIDE, _SIDE))
    shown: Picture = np.array(image)
    return shown
