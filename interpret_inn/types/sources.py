"""Samples of a concept source, pairs of them, and how strongly these are correlated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from interpret_inn.types.numbers import IntArray

SAME = 0.975
"""The correlation of a pair in the factor that it shares (σ_ab in section 3.2 of Esser, Rombach and Ommer, 2020)."""
GRADES = (1.0, 0.92, 0.72)
"""Pairs for a number are drawn at these multiples of the strongest correlation: most are equal, some only similar, so
that the factor is laid out in the order of the values. Pairs drawn for other concepts have unlike numbers."""
GRADE_SHARES = (0.6, 0.25, 0.15)
"""The shares of pairs at each of `GRADES`."""


class Pairs(NamedTuple):
    """A batch of pairs of samples.

    Attributes:
        first: int64 (n,), indices of samples.
        second: int64 (n,).
        rho: float32 (n, K + 1), the correlation with which each pair was *drawn* in each of the source's
            K factors and, last, in everything else (the residual): −1 < rho < 1.
    """

    first: Tensor
    second: Tensor
    rho: Tensor


@runtime_checkable
class Samples(Protocol):
    """Inputs of a source that can be read again and again, in one order.

    Samples may also have `origins`, int64 (N,): the image that each is a variant of, if groups hold variants of several
    images. Origins say how much data there is; splits keep groups together.
    """

    groups: IntArray | None
    """(N,); samples of one group (variants of one image, one identity) stay in one split. None: all apart."""
    names: Sequence[str] | None
    """A name for every sample (a path, say), for messages and reports."""
    skipped: Sequence[str]
    """Inputs that could not be read and were left out, each with the reason."""

    def __len__(self) -> int: ...

    def batches(self, batch_size: int) -> Iterator[Any]:
        """Yields all inputs in order, a tensor (B, ...) or a list of images at a time."""

    def take(self, indices: Sequence[int]) -> Any:
        """The inputs at these indices, as a batch in the same form as `batches` yields."""

    def fingerprint(self) -> str:
        """A digest of the contents: the same digest means the same inputs in the same order."""
