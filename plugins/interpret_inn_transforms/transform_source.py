"""Concepts from transforms: pairs of variants of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.data.per_split import PerSplit
from interpret_inn.errors import ConceptError
from interpret_inn.types import Concept, ConceptKind, ConceptSource, Gallery, IntArray, Pairs
from interpret_inn_transforms.illustrations import gallery
from interpret_inn_transforms.known_transforms import Transform
from interpret_inn_transforms.turns import Drawn, Turns, turns_of
from interpret_inn_transforms.variants import TransformedSamples


class TransformSource(ConceptSource):
    """Pairs of variants of pictures, each for one transform drawn at random; see `turns.Turns`.

    Args:
        samples: The pictures and their variants.
        transforms: K transforms by name, each of them a concept.
        strength: Of the transforms.
        across: Share of the pairs that are of different pictures, in [0, 1].
    """

    name = "transforms"

    def __init__(
        self,
        samples: TransformedSamples,
        transforms: Mapping[str, Transform],
        *,
        strength: float,
        across: float,
    ) -> None:
        self.samples: TransformedSamples = samples
        self.transforms = dict(transforms)
        self.concepts = tuple(
            _concept(name, transform, samples, strength) for name, transform in transforms.items()
        )
        self._across = across
        self._plan = PerSplit(self._planned)

    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        """Draws `n` pairs from the samples `among`, int64 (M,); only `generator` is drawn from.

        Raises:
            ConceptError: there are no two variants to pair among these.
        """
        plan = self._plan(among)
        turn = torch.randint(len(plan), (n,), generator=generator)
        chance = torch.rand(n, generator=generator)
        drawn: list[tuple[int, Drawn]] = []
        for place, (number, turns) in enumerate(plan):
            mine = chance[turn == place]
            across = len(mine) if not len(turns.within) else int((mine < self._across).sum())
            across = across if turns.across else 0
            if across:
                drawn.append((number, turns.draw_across(across, generator)))
            if across < len(mine):
                drawn.append((number, turns.draw_within(len(mine) - across, generator)))
        rho = torch.cat([part.others for _, part in drawn])[:, None].repeat(1, len(self.concepts) + 1)
        columns = torch.cat([torch.full((len(part.first),), number) for number, part in drawn])
        rho[torch.arange(len(rho)), columns] = torch.cat([part.concept for _, part in drawn])
        first, second = (torch.cat([part[side] for _, part in drawn]) for side in (0, 1))
        return Pairs(first, second, rho.float())

    def counterfactual_pairs(self, among: Tensor) -> Mapping[str, IntArray]:
        """Two variants of one picture through one transform, for all of these among the samples, int64 (M,).

        The picture itself is in no pair: it has no amount, so that it has no value to go from.
        """
        chosen = np.sort(among.numpy())
        found = {}
        for number, concept in enumerate(self.concepts):
            mine = chosen[self.samples.transform[chosen] == number]
            pictures = self.samples.source[mine]
            steps = [np.empty((0, 2), np.int64)]
            for step in range(1, self.samples.per_picture):  # variants of a picture stand side by side
                alike = pictures[step:] == pictures[:-step]
                steps.append(np.stack([mine[:-step][alike], mine[step:][alike]], 1))
            ends = np.concatenate(steps)
            ends = ends[np.lexsort(ends.T[::-1])]
            values = np.asarray(concept.values)
            found[concept.name] = ends[concept.distance(values[ends[:, 0]], values[ends[:, 1]]) > 0]
        return found

    def illustrations(self) -> Sequence[Gallery]:
        """What the transforms do to a few pictures."""
        return (gallery(self.samples, self.transforms),)

    def _planned(self, among: Tensor) -> list[tuple[int, Turns]]:
        """Each transform that can be paired among these samples, by its number."""
        chosen = np.sort(among.numpy())
        plan = []
        for number, concept in enumerate(self.concepts):
            mine = chosen[self.samples.transform[chosen] == number]
            groups = np.asarray(self.samples.groups)
            turns = turns_of(concept, mine, source=self.samples.source[mine], groups=groups[mine])
            if len(turns.within) or turns.across:
                plan.append((number, turns))
        if not plan:
            raise ConceptError(
                f"Expected variants to pair, found none among {len(among)} samples. Give more pictures."
            )
        return plan


def _concept(name: str, transform: Transform, samples: TransformedSamples, strength: float) -> Concept:
    amounts = samples.amounts[name]
    if transform.kind == "categorical":
        classes = transform.classes or ("as it is", "done")
        return Concept(
            name, "categorical", np.where(np.isnan(amounts), -1, amounts).astype(np.int64), classes
        )
    # the two ends of a part of the circle are not alike, so that angles from it are numbers
    kind: ConceptKind = "cyclic" if transform.kind == "cyclic" and strength == 1 else "numeric"
    return Concept(name, kind, amounts)
