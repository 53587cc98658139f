"""Thumbnails inside the page: WebP in data addresses, as small as the page's budget asks for."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup
from PIL import Image

from interpret_inn.reports.figures import element
from interpret_inn.types import Picture

CRISP = 48
"""Pictures up to this edge are shown with hard pixels and stored without loss."""


@dataclass(frozen=True)
class Quality:
    """How large and fine thumbnails are: the longest edge in pixels (0: no pictures), WebP's quality."""

    edge: int
    quality: int


LADDER = (Quality(128, 82), Quality(96, 75), Quality(72, 65), Quality(48, 55), Quality(32, 45), Quality(0, 0))
"""From the finest to none at all; the first with which the page keeps its budget is taken."""


@dataclass
class Thumbnails:
    """Turns pictures into `img` elements, each picture encoded once for each size.

    Attributes:
        quality: The step of the ladder that is drawn.
        left_out: How many pictures were not drawn because there was no room for them.
    """

    quality: Quality
    left_out: int = 0
    _known: dict[tuple[int, int], tuple[Picture, str]] = field(default_factory=dict)
    """With the picture itself, so that no other one gets its `id`."""

    def __call__(self, picture: Picture, alt: str, css: str = "", *, share: float = 1.0) -> Markup:
        """An `img` element.

        Args:
            picture: uint8 (H, W, 3).
            alt: What it shows.
            css: Further classes.
            share: Of the ladder's edge, for pictures that are shown smaller.
        """
        edge = round(self.quality.edge * share)
        if edge == 0:
            self.left_out += 1
            return element("span", "picture", css=f"no-picture {css}".strip(), role="img", aria_label=alt)
        height, width = picture.shape[:2]
        crisp = " crisp" if max(height, width) <= CRISP else ""
        key = (id(picture), edge)
        if key not in self._known:
            self._known[key] = (picture, encode(picture, edge, self.quality.quality))
        return element(
            "img",
            src=self._known[key][1],
            alt=alt,
            width=width,
            height=height,
            css=f"thumb{crisp} {css}".strip(),
        )


def encode(picture: Picture, edge: int, quality: int) -> str:
    """A picture as a data address, its longer edge at most `edge` pixels.

    Args:
        picture: uint8 (H, W, 3).
        edge: Pixels.
        quality: Of WebP, 0 to 100; small pictures are stored without loss.
    """
    image = Image.fromarray(np.ascontiguousarray(picture))
    small = max(image.size) <= min(CRISP, edge)
    if max(image.size) > edge:
        scale = edge / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", lossless=small, quality=quality, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
