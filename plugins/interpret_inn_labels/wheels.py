"""Samples on wheels: drawing from weighted classes and ranks by one look-up, for all pairs at once.

Each concept has a wheel of circumference 1 on which every eligible sample has an arc as long as its share of
the weight. Arcs stand in the order of the values, so that a place on the wheel is a weighted rank; samples of
one value stand together (a *segment*), and in them those of one group (a *block*, never paired with itself).
All wheels lie end to end on one line, concept k from k to k + 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.types import FloatArray, IntArray


def uniform(n: int, generator: Generator) -> Tensor:
    """`n` numbers from [0, 1), float64, on the CPU wherever the generator lives."""
    return torch.rand(n, generator=generator, device=generator.device, dtype=torch.float64).cpu()


def normal(n: int, width: int, generator: Generator) -> Tensor:
    """Standard normal numbers, float64 (n, width), on the CPU wherever the generator lives."""
    return torch.randn(n, width, generator=generator, device=generator.device, dtype=torch.float64).cpu()


@dataclass(frozen=True)
class Wheel:
    """One concept's wheel as arrays over its E entries; firsts and lasts are entries.

    Attributes:
        sample: int64 (E,), the sample at each entry.
        right: float64 (E,), where its arc ends; the last is 1.
        segment: int64 (2, E), first and last entry of the same value.
        block: int64 (2, E), first and last entry of the same value and group.
    """

    sample: IntArray
    right: FloatArray
    segment: IntArray
    block: IntArray

    @classmethod
    def of(cls, samples: IntArray, values: IntArray, groups: IntArray, weights: FloatArray) -> Wheel:
        """Lays samples out by value, then group. All arrays are (E,); weights are above 0."""
        order = np.lexsort((groups, values))
        values, groups, weights = values[order], groups[order], weights[order]
        right = np.cumsum(weights / weights.sum())
        right /= right[-1]
        new_value = np.diff(values) != 0
        return cls(samples[order], right, _runs(new_value), _runs(new_value | (np.diff(groups) != 0)))


def _runs(changes: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> IntArray:
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lasts = np.append(starts[1:], len(changes) + 1) - 1
    which = np.repeat(np.arange(len(starts)), lasts - starts + 1)
    return np.stack([starts[which], lasts[which]]).astype(np.int64)


class Wheels:
    """Several concepts' wheels on one line.

    Args:
        wheels: At least one.
    """

    def __init__(self, wheels: Sequence[Wheel]) -> None:
        starts = np.cumsum([0] + [len(wheel.sample) for wheel in wheels])
        self.start = torch.from_numpy(starts[:-1].astype(np.int64))
        """Each concept's first entry, (K,)."""
        self._last = torch.from_numpy(starts[1:].astype(np.int64)) - 1
        self.sample = torch.from_numpy(np.concatenate([wheel.sample for wheel in wheels]))
        """The sample at each entry, (E,)."""
        right = np.concatenate([k + wheel.right for k, wheel in enumerate(wheels)])
        self._right = torch.from_numpy(right)
        self._left = torch.from_numpy(np.concatenate([[0.0], right[:-1]]))
        shifted = list(zip(wheels, starts, strict=False))
        self._segment = torch.from_numpy(np.concatenate([w.segment + s for w, s in shifted], axis=1))
        self._block = torch.from_numpy(np.concatenate([w.block + s for w, s in shifted], axis=1))

    def at(self, concept: Tensor, place: Tensor) -> Tensor:
        """Entries at places in [0, 1] of the wheels of these concepts, all (n,)."""
        found = torch.searchsorted(self._right, concept + place, right=True)
        return found.clamp(self.start[concept], self._last[concept])

    def same_value(self, target: Tensor, own: Tensor, generator: Generator) -> Tensor:
        """Entries of the value that `target` has, by weight, outside the block of `own`; all (n,).

        An entry of the own block comes back if the value has no other block: the caller checks.
        """
        first, last = self._segment[:, target]
        block_first, block_last = self._block[:, own]
        low, high = self._left[first], self._right[last]
        block_low, block_high = self._left[block_first], self._right[block_last]
        inside = first == self._segment[0, own]
        cut = torch.where(inside, block_high - block_low, 0.0)
        place = low + uniform(len(target), generator) * (high - low - cut)
        place = torch.where(inside & (place >= block_low), place + cut, place)
        # Clamped, because rounding at the end of a segment must not leave it.
        return torch.searchsorted(self._right, place, right=True).clamp(first, last)

    def own_share(self, entry: Tensor) -> Tensor:
        """Share of an entry's segment that its own block takes, (n,) in (0, 1]."""
        first, last = self._segment[:, entry]
        block_first, block_last = self._block[:, entry]
        block = self._right[block_last] - self._left[block_first]
        return block / (self._right[last] - self._left[first])
