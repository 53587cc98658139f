"""Digests of inputs: the same digest means the same input."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from interpret_inn.errors import DataError

SIZE = 16
"""Bytes of a digest: among four thousand million inputs, two collide with a chance of about 2⁻⁶⁵."""

_CHUNK = 16 * 2**20
"""Bytes that are hashed at a time: inputs may be larger than memory."""


def digest(value: Any) -> bytes:
    """Digest of one input or of a batch: its kind, shape and contents.

    Args:
        value: A tensor, an array of numbers, a PIL image, or bytes.
    """
    hasher = hashlib.blake2b(digest_size=SIZE)
    if isinstance(value, Tensor):
        hasher.update(f"tensor {value.dtype} {tuple(value.shape)}".encode())
        _update_by_rows(hasher, value.detach())
    elif isinstance(value, np.ndarray):
        hasher.update(f"array {value.dtype.str} {value.shape}".encode())
        _update_by_rows(hasher, value)
    elif isinstance(value, Image.Image):
        hasher.update(f"picture {value.mode} {value.size} {value.getpalette()}".encode())
        hasher.update(value.tobytes())
    else:
        hasher.update(value)
    return hasher.digest()


def joined(parts: list[bytes], kind: str) -> str:
    """One digest, in hexadecimal, of many in their order."""
    hasher = hashlib.blake2b(f"{kind} {len(parts)}".encode(), digest_size=SIZE)
    for part in parts:
        hasher.update(part)
    return hasher.hexdigest()


def _update_by_rows(hasher: hashlib.blake2b, values: Tensor | npt.NDArray[Any]) -> None:
    """Hashes some rows at a time, as they may lie on a GPU or in a file."""
    if values.ndim == 0 or len(values) == 0:
        hasher.update(_raw(values.reshape(-1)))
        return
    row_bytes = max(1, values[0].nbytes)
    step = max(1, _CHUNK // row_bytes)
    for start in range(0, len(values), step):
        hasher.update(_raw(values[start : start + step]))


def _raw(values: Tensor | npt.NDArray[Any]) -> memoryview:
    """The bytes of a tensor or array, in order, without a copy if possible."""
    if isinstance(values, Tensor):
        return values.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data


class ReadRecord:
    """Remembers the digest of every item at its first read, and refuses a later read that differs.

    Args:
        count: Number of items.
        suspect: The likely cause of a difference, for the message.
    """

    def __init__(self, count: int, *, suspect: str = "random augmentation") -> None:
        self._suspect = suspect
        self._digests: list[bytes | None] = [None] * count

    def compare(self, index: int, value: Any) -> None:
        """Records an item, or compares it with its first read.

        Raises:
            DataError: the item differs from its first read.
        """
        found = digest(value)
        before = self._digests[index]
        if before is None:
            self._digests[index] = found
        elif before != found:
            raise DataError(
                f"The images change from read to read (item {index} does; {self._suspect}?). "
                "Representations are stored and used again, so every read must give the same images: "
                "pass the data set without random transforms, as for validation."
            )

    @property
    def complete(self) -> bool:
        """Whether every item has been read at least once."""
        return None not in self._digests

    def fingerprint(self, kind: str) -> str:
        """One digest of all items; only when complete."""
        return joined([part for part in self._digests if part is not None], kind)
