"""Some of the samples, seen as samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from interpret_inn.data.digests import joined
from interpret_inn.types import IntArray, Samples


class Part:
    """A part of other samples, which keeps their names. Implements `interpret_inn.types.Samples`.

    Args:
        whole: The samples.
        indices: Which of them, in this order.
    """

    def __init__(self, whole: Samples, indices: Sequence[int]) -> None:
        self._whole = whole
        self._indices = [int(index) for index in indices]
        self.groups: IntArray | None = None if whole.groups is None else whole.groups[self._indices]
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
        """The inputs at these places of the part, as a batch."""
        return self._whole.take([self._indices[index] for index in indices])

    def fingerprint(self) -> str:
        """A digest of the contents."""
        return joined([self._whole.fingerprint().encode(), str(self._indices).encode()], "part")
