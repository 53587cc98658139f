"""Rows of stored representations, in memory or on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interpret_inn.errors import DataError, StoreError
from interpret_inn.fitting.shards import ShardFolder, amount, as_tensor

KEEP_BYTES = 2**30
"""Bytes of stored rows up to which they are read into memory when first asked for; larger ones stay on disk."""
_SHARE_OF_FREE = 0.8  # of free memory that all rows may take, so that work with them still fits


class StoredRows:
    """The representations of all samples, as rows, in the order of the samples.

    Attributes:
        width: D, the length of a row.
        positions: P, how many rows a sample has in the layout `positions`; None in all others.
    """

    def __init__(self, rows: Tensor | ShardFolder, *, positions: int | None) -> None:
        self._folder = rows if isinstance(rows, ShardFolder) else None
        self._rows = rows if isinstance(rows, Tensor) else None
        self._maps: dict[int, Any] = {}
        self._count, self.width = (
            (rows.count, rows.width) if isinstance(rows, ShardFolder) else (rows.shape[0], rows.shape[2])
        )
        self.positions = positions

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        places = f" × {self.positions} positions" if self.positions is not None else ""
        return f"StoredRows({len(self)} samples{places} × {self.width} axes, {self.folder or 'in memory'})"

    @property
    def folder(self) -> Path | None:
        """Where the rows are stored; None: in memory only."""
        return self._folder.path if self._folder else None

    def rows(self, indices: Tensor | Sequence[int]) -> Tensor:
        """Rows of these samples, float32 (n, D), or (n, P, D) in the layout `positions`.

        Args:
            indices: int64 (n,), in any order, also repeated.

        Raises:
            DataError: an index outside 0 … N − 1.
            StoreError: a stored file has gone or was changed, or memory does not suffice.
        """
        chosen = torch.as_tensor(indices, dtype=torch.int64).cpu().reshape(-1)
        if len(chosen) and (int(chosen.min()) < 0 or int(chosen.max()) >= len(self)):
            raise DataError(
                f"Expected indices from 0 to {len(self) - 1}, "
                f"found {int(chosen.min())} to {int(chosen.max())}."
            )
        if self._folder and self._rows is None:
            if self._folder.nbytes > KEEP_BYTES:
                return self._shaped(self._gathered(self._folder, chosen))
            self._rows = self._loaded(self._folder)
        assert self._rows is not None
        return self._shaped(self._rows[chosen])

    def all(self) -> Tensor:
        """All rows, float32 (N, D) or (N, P, D); they must not be changed in place.

        Raises:
            StoreError: they do not fit in memory, or a stored file has gone or was changed.
        """
        if self._rows is None:
            assert self._folder is not None
            free = available_memory()
            if free is not None and self._folder.nbytes > _SHARE_OF_FREE * free:
                raise StoreError(
                    f"All rows take {amount(self._folder.nbytes)}, but {amount(free)} of memory are free. "
                    "Read some at a time: `.rows(indices)`."
                )
            self._rows = self._loaded(self._folder)
        return self._shaped(self._rows)

    def _shaped(self, rows: Tensor) -> Tensor:
        return rows if self.positions is not None else rows[:, 0]

    def _loaded(self, folder: ShardFolder) -> Tensor:
        rows = allocated(folder.count, folder.positions, folder.width)
        for shard in range(folder.shards):
            span = folder.span(shard)
            rows[span.start : span.stop] = as_tensor(folder.rows(shard))
        return rows

    def _gathered(self, folder: ShardFolder, chosen: Tensor) -> Tensor:
        """Picks rows from the mapped files, file by file."""
        rows = allocated(len(chosen), folder.positions, folder.width)
        shards = chosen // folder.step
        for shard in shards.unique().tolist():
            if shard not in self._maps:
                self._maps[shard] = folder.rows(shard)
            mine = torch.nonzero(shards == shard).flatten()
            rows[mine] = as_tensor(self._maps[shard][(chosen[mine] - shard * folder.step).numpy()])
        return rows


def available_memory() -> int | None:
    """Free memory of this machine in bytes; None if it cannot be told."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def allocated(*shape: int) -> Tensor:
    """Room for rows, float32.

    Raises:
        StoreError: there is not enough.
    """
    try:
        return torch.empty(shape)
    except (RuntimeError, MemoryError) as error:
        wanted = amount(4 * float(np.prod(shape, dtype=np.float64)))
        raise StoreError(
            f"The rows take {wanted} of memory, which is more than there is. "
            'Type cache="auto" to keep them on disk, or choose a smaller site or layout.'
        ) from error
