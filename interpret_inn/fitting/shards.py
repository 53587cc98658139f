"""Representations on disk: a folder of safetensors files, each whole or not there."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save
from torch import Tensor

from interpret_inn.errors import StoreError

FORMAT = 1
"""Version of the form of these files; part of every key."""

SHARD_BYTES = 64 * 2**20
"""About how much one file holds."""

_HEADING = 4096  # bytes: a heading of ours takes some hundred, so that a longer one is not ours
_NO_ROOM = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


class Damaged(Exception):  # noqa: N818  (never leaves this package)
    """A file does not hold what was written to it."""


@dataclass(frozen=True)
class ShardFolder:
    """The rows of one set of samples, float32 (N, P, D), in files of `step` samples each.

    Attributes:
        path: The folder.
        count: N, number of samples.
        positions: P, rows of one sample.
        width: D.
        step: Samples in every file but the last.
    """

    path: Path
    count: int
    positions: int
    width: int
    step: int

    @classmethod
    def plan(cls, path: Path, *, count: int, positions: int, width: int) -> ShardFolder:
        """Chooses how many samples a file holds: about `SHARD_BYTES`, at least one."""
        return cls(path, count, positions, width, max(1, SHARD_BYTES // (4 * positions * width)))

    @property
    def shards(self) -> int:
        """Number of files."""
        return -(-self.count // self.step)

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return 4 * self.count * self.positions * self.width

    def span(self, shard: int) -> range:
        """The samples in a file."""
        return range(shard * self.step, min((shard + 1) * self.step, self.count))

    def file(self, shard: int) -> Path:
        """Where a file is, or would be."""
        return self.path / f"rows-{shard:05d}.safetensors"

    def write(self, shard: int, rows: Tensor) -> None:
        """Writes a file, whole or not at all.

        Args:
            shard: Which one.
            rows: float32 (len(span), P, D).

        Raises:
            StoreError: no room, or no permission.
        """
        rows = rows.contiguous()
        digest = _digest(rows.numpy())
        self._write(self.file(shard), save({"rows": rows}, {"sha256": digest, "format": str(FORMAT)}))

    def write_manifest(self, about: Mapping[str, Any]) -> None:
        """Says what the folder holds, for people who clean up; nothing reads it."""
        sizes = {"samples": self.count, "positions": self.positions, "width": self.width, "step": self.step}
        content = json.dumps({"format": FORMAT, **sizes, "shards": self.shards, **about}, indent=1)
        self._write(self.path / "manifest.json", content.encode())

    def check(self, shard: int) -> bool:
        """Whether a file is there; reads all of it.

        Raises:
            Damaged: it is there, but not as it was written.
        """
        if not self.file(shard).exists():
            return False
        rows, digest = self._open(shard)
        if _digest(rows) != digest:
            raise Damaged(f"{self.file(shard).name} does not hold what was written to it")
        return True

    def rows(self, shard: int) -> npt.NDArray[np.float32]:
        """The rows of a file, (len(span), P, D), mapped and not read.

        Raises:
            StoreError: the file has gone or was changed since it was checked.
        """
        try:
            return self._open(shard)[0]
        except (OSError, Damaged) as error:
            raise StoreError(
                f"{self.file(shard)} cannot be read any more ({error}). "
                "Encode again: what is missing is computed anew."
            ) from error

    def _open(self, shard: int) -> tuple[npt.NDArray[np.float32], str]:
        """Maps a file by hand, since safetensors' own reader picks rows one by one; also its digest."""
        path, shape = self.file(shard), (len(self.span(shard)), self.positions, self.width)
        try:
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                if length > _HEADING:
                    raise Damaged(f"{path.name} begins with a heading of {length} bytes")
                header = json.loads(file.read(length))
            entry, digest = header["rows"], header["__metadata__"]["sha256"]
            if (entry["dtype"], entry["shape"]) != ("F32", list(shape)):
                raise Damaged(f"{path.name} holds {entry['dtype']} {entry['shape']}, not F32 {list(shape)}")
            begin, end = entry["data_offsets"]
            if path.stat().st_size != 8 + length + end or end - begin != 4 * int(np.prod(shape)):
                raise Damaged(f"{path.name} has {path.stat().st_size} bytes, not {8 + length + end}")
        except (struct.error, ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{path.name} is no safetensors file of ours") from error
        return np.memmap(path, dtype="<f4", mode="r", offset=8 + length + begin, shape=shape), str(digest)

    def _write(self, path: Path, content: bytes) -> None:
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as error:
            raise self.refused(error) from error
        finally:
            _remove(partial)

    def refused(self, error: OSError) -> StoreError:
        """The error for a folder that cannot be written to."""
        free = free_bytes(self.path)
        room = (
            ""
            if free is None
            else f" There are {amount(free)} free, {amount(self.nbytes)} are needed in all."
        )
        why = "the disk is full" if error.errno in _NO_ROOM else error.strerror or str(error)
        return StoreError(
            f"Representations cannot be stored in {self.path}: {why}.{room} "
            "Type cache=None to keep them in memory, or cache=... with a folder that has room."
        )

    def require_room(self, samples: int) -> None:
        """Makes sure that this many samples will fit, before hours of work.

        Raises:
            StoreError: they will not.
        """
        free = free_bytes(self.path)
        if free is not None and free < samples * 4 * self.positions * self.width:
            raise self.refused(OSError(errno.ENOSPC, ""))


def free_bytes(path: Path) -> int | None:
    """Free space where a folder is or would be; None if it cannot be told."""
    for place in (path, *path.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


def amount(count: float) -> str:
    """A number of bytes in words.

    >>> amount(512), amount(3 * 2**20)
    ('512 bytes', '3.0 MiB')
    """
    if count < 1024:
        return f"{count:.0f} bytes"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"


def as_tensor(rows: npt.NDArray[np.float32]) -> Tensor:
    """A copy in memory: torch warns about arrays that cannot be written to, as mapped files."""
    return torch.from_numpy(np.array(rows, dtype=np.float32))


def _digest(rows: npt.NDArray[np.float32]) -> str:
    return hashlib.sha256(rows.reshape(-1).view(np.uint8).data).hexdigest()


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # the folder is not there or not ours: then nothing was written either
        return
