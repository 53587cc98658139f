"""Some of the samples, or several samples, seen as samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from interpret_inn.data.base import group_numbers
from interpret_inn.data.digests import joined
from interpret_inn.errors import DataError
from interpret_inn.types import IntArray, Samples


class Part:
    """Some of other samples, with their names. Implements `interpret_inn.types.Samples`.

    Args:
        whole: The samples.
        indices: Places in them, in the order of the part.
        groups: int64 (N,), groups of all samples in place of their own; None: their own.
    """

    def __init__(self, whole: Samples, indices: Sequence[int], *, groups: IntArray | None = None) -> None:
        self._whole = whole
        self._indices = [int(index) for index in indices]
        groups = whole.groups if groups is None else groups
        self.groups: IntArray | None = None if groups is None else groups[self._indices]
        names = whole.names
        self.names: Sequence[str] | None = [str(names[i]) if names else str(i) for i in self._indices]
        self.skipped: Sequence[str] = whole.skipped

    def __len__(self) -> int:
        return len(self._indices)

    def batches(self, batch_size: int) -> Iterator[Any]:
        """Yields the inputs in order, `batch_size` at a time."""
        for at in range(0, len(self), batch_size):
            yield self.take(range(at, min(at + batch_size, len(self))))

    def take(self, indices: Sequence[int]) -> Any:
        """The inputs at these indices of the part, as a batch."""
        return self._whole.take([self._indices[index] for index in indices])

    def fingerprint(self) -> str:
        """A digest of the contents."""
        return joined([self._whole.fingerprint().encode(), str(self._indices).encode()], "part")


class Joined:
    """Several samples one after the other. Implements `interpret_inn.types.Samples`.

    Args:
        parts: At least one; groups of different parts stay different.
    """

    def __init__(self, parts: Sequence[Samples]) -> None:
        self._parts = list(parts)
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self.groups: IntArray | None = np.concatenate(
            [
                start
                + (np.arange(len(part)) if part.groups is None else group_numbers(part.groups, len(part)))
                for start, part in zip(self._starts[:-1], parts, strict=True)
            ]
        )
        self.names: Sequence[str] | None = [
            str(part.names[i]) if part.names else str(i) for part in parts for i in range(len(part))
        ]
        self.skipped: Sequence[str] = [reason for part in parts for reason in part.skipped]

    def __len__(self) -> int:
        return int(self._starts[-1])

    def batches(self, batch_size: int) -> Iterator[Any]:
        """Yields the inputs in order, at most `batch_size` at a time, all of a batch from one part."""
        for part in self._parts:
            yield from part.batches(batch_size)

    def take(self, indices: Sequence[int]) -> Any:
        """The inputs at these indices as a batch: as their part gives them, or as a list if they are of several parts.

        Raises:
            DataError: an index outside 0 … N − 1.
        """
        owners = self._owners(indices)
        if len(set(owners)) == 1:
            return self._parts[owners[0]].take([int(i - self._starts[owners[0]]) for i in indices])
        found: list[Any] = []
        for index, part in zip(indices, owners, strict=True):
            found.extend(self._parts[part].take([int(index - self._starts[part])]))
        return found

    def apart(self, indices: Sequence[int]) -> list[list[int]]:
        """The same indices in one list for each part, so that `take` gives each list in its part's own form."""
        owners = self._owners(indices)
        pairs = list(zip(indices, owners, strict=True))
        return sorted([int(index) for index, one in pairs if one == part] for part in set(owners))

    def fingerprint(self) -> str:
        """A digest of the contents."""
        return joined([part.fingerprint().encode() for part in self._parts], "joined")

    def _owners(self, indices: Sequence[int]) -> list[int]:
        """Which part each index belongs to."""
        outside = [int(index) for index in indices if not 0 <= index < len(self)]
        if outside:
            raise DataError(f"Expected indices from 0 to {len(self) - 1}, found {outside[:5]}.")
        owners: list[int] = (
            np.searchsorted(self._starts, np.asarray(indices, int), side="right") - 1
        ).tolist()
        return owners
