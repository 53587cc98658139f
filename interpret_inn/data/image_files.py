"""Reads image files as people see them: upright, 8 bits, grey or RGB."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

SUFFIXES = frozenset(
    f".{ending}"
    for ending in "jpg jpeg jpe jfif png bmp gif webp tif tiff ppm pgm pbm pnm tga jp2 avif".split()  # noqa: SIM905
)
"""Endings of files that are read as images."""

FOREIGN_SUFFIXES = frozenset(
    [".heic", ".heif", ".svg", ".psd", ".eps", ".raw", ".dng", ".cr2", ".nef", ".arw", ".dcm", ".exr", ".jxl"]
)
"""Endings of images that Pillow does not read by itself: such files are named as skipped."""

_FORMATS = ("JPEG", "MPO", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "TGA", "JPEG2000", "AVIF")


@cache
def _formats() -> tuple[str, ...]:
    """The formats that this Pillow can read. EPS is left out on purpose: it would start Ghostscript."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def opened(file: Path | io.BytesIO) -> Image.Image:
    """Opens an image file for reading, in the formats above only; its pixels are read later. Use it in `with`.

    Raises:
        As `decode`.
    """
    return Image.open(file, formats=_formats())


def decode(content: bytes | Path) -> Image.Image:
    """Decodes a whole image file (of an animation, the first frame) to an upright picture, mode L or RGB.

    Raises:
        OSError, ValueError, SyntaxError or another of Pillow's many: the file is no image, or damaged.
    """
    file = content if isinstance(content, Path) else io.BytesIO(content)
    with opened(file) as image:
        image.load()
        return eight_bits(_upright(image))


def _upright(image: Image.Image) -> Image.Image:
    """Turns a picture as its EXIF note says; a picture whose note cannot be read stays as it is."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image.copy()


def is_grey(content: bytes) -> bool:
    """Whether a file holds a grey picture. Decodes it cheaply, which shows whether the file is whole.

    Raises:
        As `decode`.
    """
    with opened(io.BytesIO(content)) as image:
        grey = image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")
        # JPEG alone then decodes at an eighth of the size; it still reads the whole file
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
        image.load()
        return grey


def eight_bits(image: Image.Image) -> Image.Image:
    """Brings a picture of any mode to mode L or RGB.

    Sixteen-bit greys are scaled by 1/257 (65535 becomes 255); Pillow itself would clip them to white.
    Floating-point pictures count as 0 … 1 if all values lie there, otherwise as 0 … 255.
    An alpha channel is dropped, as training pipelines do.
    """
    if image.mode in ("L", "RGB"):
        return image
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64)
        return Image.fromarray(_clipped(values / 257 if values.max(initial=0) > 255 else values))
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image).astype(np.float64))
        unit = values.min(initial=0) >= 0 and values.max(initial=0) <= 1
        return Image.fromarray(_clipped(values * 255 if unit else values))
    if image.mode in ("1", "LA", "La"):
        return image.convert("LA" if image.mode == "La" else "L").convert("L")
    # Pillow warns unless a palette with transparent entries goes through RGBA
    return image.convert("RGBA").convert("RGB") if "transparency" in image.info else image.convert("RGB")


def _clipped(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
