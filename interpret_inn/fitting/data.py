"""What a fit was made of."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from interpret_inn.data import Joined, Part
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.store import StoredRows
from interpret_inn.types import Samples

CHUNK = 1024
"""Samples whose rows are read from the store at once."""


class FitData(NamedTuple):
    """What a fit was made of, at hand until the process ends; nothing of it is saved.

    Attributes:
        pool: The sources as one.
        stored: Rows of each distinct set of samples, in the order of the pool's rows.
    """

    pool: Pool
    stored: tuple[StoredRows, ...]

    def rows(self, indices: Tensor) -> Tensor:
        """Rows of the representation, float (n, P, D), P = 1 without positions; indices int64 (n,)."""
        parts: list[Tensor] = []
        places: list[Tensor] = []
        for entry, stored in zip(self.pool.unique(), self.stored, strict=True):
            mine = torch.nonzero((indices >= entry.offset) & (indices < entry.offset + len(stored))).flatten()
            rows = stored.rows(indices[mine] - entry.offset)
            parts.append(rows[:, None] if rows.ndim == 2 else rows)
            places.append(mine)
        return torch.cat(parts)[torch.cat(places).argsort()]

    def test_inputs(self) -> Samples:
        """The inputs of the test split, those of all sources one after the other."""
        parts = [Part(e.source.samples, e.split.test.tolist()) for e in self.pool.unique()]
        return parts[0] if len(parts) == 1 else Joined(parts)
