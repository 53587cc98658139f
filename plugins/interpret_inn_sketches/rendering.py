"""Images rendered in the styles of both sketches, and kept on disk."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from interpret_inn.data import cache_folder
from interpret_inn.data.digests import digest
from interpret_inn.data.process import progress
from interpret_inn.errors import ConceptError, warn
from interpret_inn.types import IntArray
from interpret_inn_sketches.pixels import Pixels, as_planes, from_planes

Stylizer = Callable[[Tensor, Tensor], Tensor]
"""Renders images float (B, C, H, W) in the style of examples float (B, C, h, w), both in [0, 1], one by one."""

_PIXELS = 2**19  # rendered at once, which bounds the memory
_FORMAT = 1  # of kept files, part of their key


def render(
    images: Pixels, parts: Sequence[Tensor], chosen: IntArray, stylizer: Stylizer, *, strength: float
) -> Pixels:
    """Every image in the style of its part of each sketch.

    Args:
        images: uint8 (N, H, W, C).
        parts: For each of two sketches float (P, C, s, s).
        chosen: int64 (N,), the part for each image.
        stylizer: How.
        strength: 1: as the stylizer gives it; less: nearer to the image, pixel by pixel.

    Returns:
        uint8 (2 N, H, W, C).

    Raises:
        ConceptError: the stylizer gave something that is no image of the same shape.
    """
    step = max(1, _PIXELS // (images.shape[1] * images.shape[2]))
    made = np.empty((2 * len(images), *images.shape[1:]), np.uint8)
    bar = progress(len(made), "rendering")
    try:
        for end, tiles in enumerate(parts):
            for at in range(0, len(images), step):
                planes = as_planes(images[at : at + step])
                styled = _checked(stylizer(planes, tiles[chosen[at : at + step]]), planes)
                mixed = torch.lerp(planes, styled, strength) if strength < 1 else styled
                made[end * len(images) + at :][: len(planes)] = from_planes(mixed)
                bar.update(len(planes))
    finally:
        bar.close()
    return made


def kept(make: Callable[[], Pixels], *, key: str, where: str | Path | None) -> Pixels:
    """What was made before under this key; else it is made now and written.

    Args:
        make: Makes it.
        key: A digest of all that it depends on.
        where: `"auto"`: the user's cache; a folder; None: nothing is read or written.
    """
    if where is None:
        return make()
    folder = cache_folder() / "sketches" if where == "auto" else Path(where).expanduser()
    path = folder / f"{key}.safetensors"
    if path.is_file():
        found = _read(path)
        if found is not None:
            return found
        warn(f"Rendered images in {path} are damaged; they are made again.")
    made = make()
    _write(path, made)
    return made


def make_key(*parts: object) -> str:
    """A digest of arrays, tensors and anything that can be written as text."""
    hasher = hashlib.blake2b(f"sketches {_FORMAT}".encode(), digest_size=16)
    for part in parts:
        hasher.update(digest(part if isinstance(part, (Tensor, np.ndarray)) else repr(part).encode()))
    return hasher.hexdigest()


def _checked(styled: Tensor, images: Tensor) -> Tensor:
    if not isinstance(styled, Tensor) or styled.shape != images.shape:
        found = tuple(styled.shape) if isinstance(styled, Tensor) else type(styled).__name__
        raise ConceptError(f"Expected the stylizer to give images {tuple(images.shape)}, found {found}.")
    if not bool(styled.isfinite().all()):
        raise ConceptError("The stylizer gave values that are not finite. Try fewer steps.")
    return styled.detach().float().cpu()


def _checksum(pixels: Pixels) -> str:
    return digest(pixels).hex()


def _read(path: Path) -> Pixels | None:
    """What the file holds; None if it is damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            found: Pixels = file.get_tensor("pixels")
            return found if (file.metadata() or {}).get("checksum") == _checksum(found) else None
    except (SafetensorError, OSError, KeyError):
        return None


def _write(path: Path, pixels: Pixels) -> None:
    """Whole or not at all. A cache that cannot be written to costs time, no more."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            fresh = Path(folder) / path.name
            save_file({"pixels": pixels}, fresh, metadata={"checksum": _checksum(pixels)})
            fresh.replace(path)
    except OSError as error:
        warn(f"Rendered images cannot be kept in {path.parent}: {error}. They are made again next time.")
