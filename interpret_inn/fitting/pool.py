"""The sources of one fit, pooled: one list of samples, one list of concepts, one stream of pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.errors import ConceptError, InnError, PluginError, warnings_from
from interpret_inn.fitting.refused_concepts import refuse_concepts, refuse_groups
from interpret_inn.fitting.splitting import SampleSet, Split, merged_groups, picture_digests, split_together
from interpret_inn.types import SAME, Concept, ConceptSource, IntArray, Pairs, Plan, as_source
from interpret_inn.types.completing import wrong_members

_NO_PLAN = Plan()


@dataclass(frozen=True)
class PooledSource:
    """One source in the pool.

    Attributes:
        source: The source.
        offset: Where its samples begin among all rows.
        columns: The columns of its concepts among all concepts.
        split: The indices of its own samples in each split, counted from its own first sample.
        groups: The groups by which its samples were split: what any of the sources that share them keeps together.
        concepts: Its concepts in this fit; its plan may have replaced its own.
        plan: Its plan for this fit.
    """

    source: ConceptSource
    offset: int
    columns: Tensor
    split: Split
    groups: IntArray | None
    concepts: tuple[Concept, ...]
    plan: Plan = _NO_PLAN

    def training_samples(self, most: int) -> Tensor:
        """Indices of up to `most` samples of its training split, spread evenly over it, int64, ascending."""
        places = torch.linspace(0, len(self.split.train) - 1, most).long().unique()
        return self.split.train[places]


class Pool:
    """Draws batches of pairs from several sources, evenly, and says where every row belongs.

    Concepts of other sources are part of a source's residual: in its pairs they have the residual's correlation.

    Args:
        sources: At least one; sources over the same samples (by fingerprint) share their rows. A picture in the
            samples of two sources is on the same side of the split in both.
        seed: Of the splits.

    Attributes:
        parts: The sources, each with its rows and columns.
        notes: Sentences on pictures that could not be kept on one side of the split.
        digests: A digest of each sample's picture, by the fingerprint of the samples; empty for one set of samples.
        rows: Number of samples of all sources together.

    Raises:
        ConceptError: no source, or two sources name the same concept.
        PluginError: names, kinds, values or groups that cannot be used, an order of concepts that have values, or
            optional members of a wrong type.
        DataError: two sources group the same samples too differently, or there are fewer than 10 groups.
    """

    def __init__(self, sources: Sequence[ConceptSource], *, seed: int) -> None:
        if not sources:
            raise ConceptError('Expected at least one concept source, found none. Try fit("labels", data=…).')
        entered = [as_source(source) for source in sources]
        for sentence in (line for source in entered for line in wrong_members(source)):
            raise PluginError(sentence)
        for source in entered:
            refuse_groups(source)
        chosen = [tuple(source.concepts) for source in entered]
        refuse_concepts(entered, chosen)
        sets = _sets(entered)
        several = len(sets) > 1  # one set has no other to share a picture with, and is not read
        self.digests = {key: picture_digests(one.samples) for key, one in sets.items() if several}
        splits, self.notes = split_together(list(sets.values()), seed=seed, digests=self.digests)
        split_of = dict(zip(sets, splits, strict=True))
        starts, self.rows = {}, 0
        for key, one in sets.items():
            starts[key] = self.rows
            self.rows += len(one.samples)
        self.parts: list[PooledSource] = []
        for source, concepts in zip(entered, chosen, strict=True):
            key = source.samples.fingerprint()
            entry = PooledSource(
                source, starts[key], torch.arange(0), split_of[key], sets[key].groups, concepts
            )
            self.parts.append(entry)
        self._number()

    @property
    def concepts(self) -> list[Concept]:
        """Of all sources, in their order."""
        return [concept for part in self.parts for concept in part.concepts]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all concepts, in their order."""
        return tuple(concept.name for concept in self.concepts)

    def follow(self, plans: Sequence[Plan]) -> None:
        """Takes over the plans of the sources for this fit; rows and splits stay the same.

        Raises:
            ConceptError: two sources name the same concept now, or there is none left.
            PluginError: names, kinds or values that cannot be used, or an order of concepts that have values.
        """
        chosen = [
            part.concepts if plan.concepts is None else tuple(plan.concepts)
            for part, plan in zip(self.parts, plans, strict=True)
        ]
        refuse_concepts([part.source for part in self.parts], chosen)
        self.parts = [
            dataclasses.replace(part, plan=plan, concepts=concepts)
            for part, plan, concepts in zip(self.parts, plans, chosen, strict=True)
        ]
        self._number()

    def _number(self) -> None:
        """Gives every concept its column among those of all sources."""
        ends = np.cumsum([len(part.concepts) for part in self.parts]).tolist()
        self.parts = [
            dataclasses.replace(part, columns=torch.arange(end - len(part.concepts), end))
            for part, end in zip(self.parts, ends, strict=True)
        ]

    def unique(self) -> list[PooledSource]:
        """One entry for each distinct set of samples, in the order of their rows."""
        first = {part.offset: part for part in reversed(self.parts)}
        return [first[offset] for offset in sorted(first)]

    def indices(self, split: str) -> Tensor:
        """Rows of one split, `train`, `validation` or `test`, int64, ascending."""
        return torch.cat([entry.offset + getattr(entry.split, split) for entry in self.unique()])

    def some(self, split: str, most: int, generator: Generator) -> Tensor:
        """Up to `most` rows of one split, drawn at random without replacement, int64, ascending."""
        rows = self.indices(split)
        return rows[torch.randperm(len(rows), generator=generator)[:most].sort().values]

    def counts(self) -> tuple[int, int, int]:
        """Numbers of training, validation and test rows."""
        return len(self.indices("train")), len(self.indices("validation")), len(self.indices("test"))

    def concepts_at(self, rows: Tensor) -> tuple[Concept, ...]:
        """All concepts with their values for some rows, int64 (n,); missing for rows of other sources."""
        found: list[Concept] = []
        for entry in self.parts:
            indices = (rows - entry.offset).numpy()
            inside = (indices >= 0) & (indices < len(entry.source.samples))
            found.extend(
                concept.at(np.where(inside, indices, 0)).without(~inside) for concept in entry.concepts
            )
        return tuple(found)

    def groups_at(self, rows: Tensor, *, origins: bool = False) -> IntArray:
        """The groups of some rows, int64 (n,): rows of one group are variants of one thing.

        Args:
            rows: int64 (n,).
            origins: Group by what samples are variants of (`samples.origins`), if the samples say so: groups may hold
                several of these together.
        """
        groups = np.arange(self.rows, dtype=np.int64)
        for entry in self.unique():
            finer = getattr(entry.source.samples, "origins", None) if origins else None
            members = entry.groups if finer is None else finer
            if members is not None:
                # numbered from the first row on, so that groups of different sources never meet
                names = np.unique(members, return_inverse=True)[1]
                groups[entry.offset : entry.offset + len(names)] = names + entry.offset
        chosen: IntArray = groups[rows.numpy()]
        return chosen

    def wanted_sizes(self) -> dict[str, int]:
        """Numbers of axes that the sources themselves ask for, by concept."""
        return {name: int(size) for part in self.parts for name, size in part.plan.sizes.items()}

    def sample(self, n: int, generator: Generator, *, split: str) -> Pairs:
        """Draws `n` pairs of rows of a split, evenly from all sources; `rho` is (n, K + 1) over all concepts."""
        shares = [n // len(self.parts) + (i < n % len(self.parts)) for i in range(len(self.parts))]
        drawn = [
            self._draw(entry, share, generator, split)
            for entry, share in zip(self.parts, shares, strict=True)
            if share
        ]
        return Pairs(*(torch.cat(column) for column in zip(*drawn, strict=True)))

    def _draw(self, entry: PooledSource, n: int, generator: Generator, split: str) -> Pairs:
        among = getattr(entry.split, split)
        where = "training split" if split == "train" else f"{split} split"
        task = f"to draw {n} pairs among {len(among)} samples of the {where}"
        with named_failure(entry.source, task), warnings_from(f"In the {where}"):
            pairs = entry.source.sample_pairs(n, generator, among)
        if not isinstance(pairs, Pairs) or not all(isinstance(column, Tensor) for column in pairs):
            raise PluginError(
                f"The concept source {entry.source.name!r} gave pairs that are no `Pairs` of three tensors, "
                f"but {type(pairs).__name__}. Return interpret_inn.types.Pairs(first, second, rho)."
            )
        expected = (n, len(entry.columns) + 1)
        if tuple(pairs.rho.shape) != expected or len(pairs.first) != n or len(pairs.second) != n:
            raise PluginError(
                f"The concept source {entry.source.name!r} gave pairs with rho of shape "
                f"{tuple(pairs.rho.shape)}; expected {expected}: {n} pairs, a column for each of its "
                f"{len(entry.columns)} concepts and one for the residual."
            )
        if not bool((pairs.rho.abs() < 1).all()):
            raise PluginError(
                f"The concept source {entry.source.name!r} gave a rho of {float(pairs.rho.abs().max()):g}; "
                f"expected values between −1 and 1, both excluded ({SAME} stands for the same)."
            )
        drawn = torch.cat((pairs.first, pairs.second))
        if not bool((among[torch.searchsorted(among, drawn).clamp_max(len(among) - 1)] == drawn).all()):
            raise PluginError(
                f"The concept source {entry.source.name!r} gave pairs of samples that it was not asked for; "
                "expected indices that stand in `among`, so that no other part of the data is fitted on."
            )
        rho = pairs.rho[:, -1:].expand(-1, len(self.concepts) + 1).clone()
        rho[:, entry.columns] = pairs.rho[:, :-1]
        return Pairs(pairs.first + entry.offset, pairs.second + entry.offset, rho.float())


@contextmanager
def named_failure(source: ConceptSource, task: str) -> Iterator[None]:
    """Says which source failed at what; errors of this library pass unchanged.

    Raises:
        PluginError: anything else was raised inside; it is chained.
    """
    try:
        yield
    except InnError:
        raise
    except Exception as error:
        raise PluginError(
            f"The concept source {source.name!r} failed {task}: {type(error).__name__}: {error}"
        ) from error


def _sets(sources: Sequence[ConceptSource]) -> dict[str, SampleSet]:
    """The distinct sets of samples by their fingerprint, in the order in which they come, with all their groups."""
    found: dict[str, SampleSet] = {}
    for source in sources:
        key, groups = source.samples.fingerprint(), source.samples.groups
        one = found.setdefault(key, SampleSet(source.name, source.samples, groups))
        merged = merged_groups(one.groups, groups, names=(one.name, source.name))
        found[key] = one._replace(groups=merged)
    return found
