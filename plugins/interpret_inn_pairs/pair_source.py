"""Draws the pairs that were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor

from interpret_inn.data.per_split import PerSplit
from interpret_inn.errors import ConceptError, warn
from interpret_inn.types import SAME, Concept, ConceptSource, Gallery, IntArray, Pairs, Samples
from interpret_inn_pairs.illustrations import gallery


class NamedPairs(NamedTuple):
    """The pairs of one concept.

    Attributes:
        name: What they share, or all but which they share.
        ends: int64 (n, 2), numbers of samples.
        correlation: How strongly they agree in what they share, in (0, 1).
        differs: They share all but the concept.
    """

    name: str
    ends: IntArray
    correlation: float = SAME
    differs: bool = False


class _Plan(NamedTuple):
    """The pairs that can be drawn: those of concept `numbers[i]` are `counts[i]` rows of `ends` from `starts[i]` on."""

    ends: Tensor
    numbers: Tensor
    starts: Tensor
    counts: Tensor


class PairSource(ConceptSource):
    """Pairs that were given: each concept's as often as another's, drawn with replacement, either end first.

    What a pair shares has ρ = `correlation`; everything else counts as drawn independently, ρ = 0. Pairs that share all
    but their concept have it the other way round.

    Args:
        samples: N samples, grouped so that no pair is split.
        named: Pairs of at least one concept.
        notes: What is already known to be worth saying.

    Attributes:
        name: "pairs".
        concepts: Unlabelled: no values are known.
    """

    name = "pairs"

    def __init__(self, samples: Samples, named: Sequence[NamedPairs], *, notes: Sequence[str] = ()) -> None:
        self.samples = samples
        self.concepts = tuple(Concept(one.name, "unlabelled") for one in named)
        self.notes = tuple(notes)
        self._named = tuple(named)
        self._rho = torch.zeros(len(named), len(named) + 1)
        for number, one in enumerate(named):
            self._rho[number] = one.correlation if one.differs else 0.0
            self._rho[number, number] = 0.0 if one.differs else one.correlation
        self._plan = PerSplit(self._planned)

    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        """Draws `n` of the pairs whose two ends stand in `among`, int64 (M,); only `generator` is drawn from.

        Raises:
            ConceptError: no pair has both ends there.

        Warns:
            InnWarning: the first time for this `among`, for concepts that have no pair there.
        """
        plan = self._plan(among)
        chosen = torch.randint(len(plan.numbers), (n,), generator=generator)
        place = (torch.rand(n, generator=generator, dtype=torch.float64) * plan.counts[chosen]).long()
        ends = plan.ends[plan.starts[chosen] + place]
        turned = torch.rand(n, generator=generator) < 0.5
        first, second = torch.where(turned[:, None], ends.flip(1), ends).unbind(1)
        return Pairs(first, second, self._rho[plan.numbers[chosen]])

    def counterfactual_pairs(self, among: Tensor) -> Mapping[str, IntArray]:
        """The pairs with both ends in `among`, int64 (M,), of concepts whose pairs share all else: they `differ`."""
        inside = self._inside(among)
        return {one.name: one.ends[inside[one.ends].all(1)] for one in self._named if one.differs}

    def illustrations(self) -> Sequence[Gallery]:
        """Some pairs of each concept, if the inputs are pictures."""
        found = [gallery(self.samples, one.name, one.ends, differs=one.differs) for one in self._named]
        return tuple(one for one in found if one is not None)

    def _planned(self, among: Tensor) -> _Plan:
        inside = self._inside(among)
        ends = [one.ends[inside[one.ends].all(1)] for one in self._named]
        counts = torch.tensor([len(some) for some in ends])
        numbers = torch.nonzero(counts).flatten()
        if not len(numbers):
            raise ConceptError(
                f"Expected pairs with both images among {len(among)} samples, found none. Give more pairs."
            )
        without = [one.name for one, some in zip(self._named, ends, strict=True) if not len(some)]
        if without:
            warn(
                f"No pair of {without} has both images among {len(among)} samples, so others are drawn instead."
            )
        starts = counts.cumsum(0) - counts
        return _Plan(torch.from_numpy(np.concatenate(ends)), numbers, starts[numbers], counts[numbers])

    def _inside(self, among: Tensor) -> npt.NDArray[np.bool_]:
        """Which samples stand in `among`, bool (N,)."""
        inside = np.zeros(len(self.samples), bool)
        inside[among.numpy()] = True
        return inside
