"""What a concept source gives: concepts, samples, and pairs of samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy.typing as npt
from torch import Tensor

from interpret_inn.types.arrays import IntArray

SAME = 0.975
"""The correlation of a pair in the factor that it shares (IIN, section 3.2: sigma_ab)."""

ConceptKind = Literal["categorical", "numeric", "cyclic", "unlabelled"]


@dataclass(frozen=True)
class Concept:
    """A meaning that one factor is to carry, with its value for every sample where that is known.

    Attributes:
        name: Also the factor's name.
        kind: How values compare; `unlabelled` concepts have none and are not read out.
        values: `categorical`: int64 (N,), −1 where missing; `numeric`: float64 (N,) or (N, d), NaN where
            missing; `cyclic`: angles in radians, float64 (N,), NaN where missing; `unlabelled`: None.
        classes: Names of the categories, by index.
        guessed: The kind was guessed from the values and not given.
    """

    name: str
    kind: ConceptKind
    values: npt.NDArray[Any] | None = None
    classes: tuple[str, ...] = ()
    guessed: bool = False


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
