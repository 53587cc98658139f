"""What a concept source gives: samples, pairs of them, and the concepts that they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from interpret_inn.types.numbers import IntArray

SAME = 0.975
"""The correlation of a pair in the factor that it shares (IIN, section 3.2: sigma_ab)."""
GRADES = (1.0, 0.92, 0.72)
"""Numbers are paired at these multiples of the strongest correlation: mostly as equal, some only similar, so that the
factor is laid out in the order of the values. Pairs of unlike numbers come from the turns of other concepts."""
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
    """What a source wants encoded: inputs that can be read again and again, in one order.

    Samples may also have `origins`, int64 (N,): the image that each is a variant of, where groups hold variants of
    several images together. It says how much data there is; what is split is groups.
    """

    groups: IntArray | None
    """(N,), samples of one group (variants of one image, one identity) are never split; None: all apart."""
    names: Sequence[str] | None
    """A name for every sample (a path, say), for messages and reports."""
    skipped: Sequence[str]
    """What could not be read and was left out, each with the reason."""

    def __len__(self) -> int: ...

    def batches(self, batch_size: int) -> Iterator[Any]:
        """Yields all inputs in order, a tensor (B, ...) or a list of images at a time."""

    def take(self, indices: Sequence[int]) -> Any:
        """The inputs at these places, as a batch in the same form as `batches` yields."""

    def fingerprint(self) -> str:
        """A digest of the contents: the same digest means the same inputs in the same order."""
