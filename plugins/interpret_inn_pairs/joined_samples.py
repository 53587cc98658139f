"""Images that come in several parts, read as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interpret_inn.data import Joined
from interpret_inn.data.given_form import stacked
from interpret_inn.types import Samples


class TogetherSamples(Joined):
    """Several samples one after the other, whose batches keep their form where parts meet.

    Args:
        parts: At least one.
        titles: A name for each part; images without names of their own are numbered under it.
    """

    def __init__(self, parts: Sequence[Samples], titles: Sequence[str]) -> None:
        super().__init__(parts)
        self.names: Sequence[str] | None = [
            str(part.names[i]) if part.names else f"{title} {i}"
            for part, title in zip(parts, titles, strict=True)
            for i in range(len(part))
        ]

    def take(self, indices: Sequence[int]) -> Any:
        """The inputs at these indices: a tensor or array (B, ...) if all are of one kind and shape, else a list.

        Raises:
            DataError: an index outside 0 … N − 1.
        """
        return stacked(super().take(indices))
