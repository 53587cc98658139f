"""Pairs of samples that share a label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.data.base import group_numbers
from interpret_inn.data.per_split import PerSplit
from interpret_inn.errors import ConceptError, warn
from interpret_inn.types import SAME, Concept, ConceptSource, Pairs, Samples
from interpret_inn_labels.kinds import pairing_kind
from interpret_inn_labels.plan import PairingPlan


class LabelSource(ConceptSource):
    """Pairs by labels: each pair shares one concept, chosen at random, and is independent in all others.

    Categories: the partner has the same, ρ = `strength`. Numbers: ρ is drawn from three high grades and the
    partner by normal scores. Angles: any distance Δ, ρ = `strength` · cos Δ. Rows of several numbers: a
    sample near a point drawn as for numbers, and the correlation that this reaches. Samples of one group are
    never paired, nor is a sample by a concept for which its label is missing.

    Args:
        samples: N samples.
        concepts: At least one, each with N values.
        balance: Draw by weights that make the concepts independent of each other (see `balance`).
        strength: The correlation told for pairs of the same, in (0, 1).
        notes: What is already known to be worth saying.

    Raises:
        ConceptError: a strength outside (0, 1), no concepts, or concepts without N values.
        DataError: the samples have groups, but not one for each.
    """

    name = "labels"

    def __init__(
        self,
        samples: Samples,
        concepts: Sequence[Concept],
        *,
        balance: bool = True,
        strength: float = SAME,
        notes: Sequence[str] = (),
    ) -> None:
        if not 0 < strength < 1:
            raise ConceptError(
                f"Expected a strength between 0 and 1, both excluded, found {strength:g}. Try {SAME}."
            )
        if not concepts:
            raise ConceptError("Expected at least one concept, found none.")
        for concept in concepts:
            if concept.values is None or len(concept.values) != len(samples):
                found = "none" if concept.values is None else str(len(concept.values))
                raise ConceptError(f"Expected {len(samples)} values of {concept.name!r}, found {found}.")
        self.samples = samples
        self.concepts: Sequence[Concept] = tuple(concepts)
        self._balance, self._strength, self._notes = balance, strength, tuple(notes)
        self._groups = (
            np.arange(len(samples)) if samples.groups is None else group_numbers(samples.groups, len(samples))
        )
        self._plan = PerSplit(self._planned)
        self._largest: tuple[int, Sequence[str]] = (0, ())

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]  # computed, as draws add to it
        """What was guessed, left out or reweighted, in sentences.

        What pairs are drawn from is known when they are: after the first `sample_pairs`, this also tells the
        effective number of samples and the associations, of the largest set that was drawn from.
        """
        return self._notes + tuple(self._largest[1])

    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        """Draws `n` pairs from the samples `among`, int64 (M,); only `generator` is drawn from.

        Raises:
            ConceptError: `among` is empty or names samples that there are not, or no concept can be paired.

        Warns:
            InnWarning: the first time for this `among`, for each class that has no two samples in it; and for classes
                that have none in the largest `among`, but elsewhere.
        """
        if n < 0:
            raise ConceptError(f"Expected a number of pairs of 0 or more, found {n}.")
        return self._plan(among).draw(n, generator)

    def sample_weights(self, among: Tensor) -> Tensor:
        """By what weight each of the samples `among` is drawn, float64 (M,), mean 1."""
        return torch.from_numpy(self._plan(among).weights.copy())

    def _planned(self, among: Tensor) -> PairingPlan:
        if among.dtype.is_floating_point or among.dtype == torch.bool or among.ndim != 1 or not len(among):
            raise ConceptError(
                "Expected the indices of samples to draw from, int64 (M,) with M of at least 1, "
                f"found {among.dtype} of shape {tuple(among.shape)}."
            )
        if int(among.min()) < 0 or int(among.max()) >= len(self.samples):
            raise ConceptError(
                f"Expected indices of samples from 0 to {len(self.samples) - 1}, "
                f"found {int(among.min())} to {int(among.max())}."
            )
        plan = PairingPlan(
            self.concepts,
            groups=self._groups,
            among=among.long().numpy().copy(),
            balance=self._balance,
            strength=self._strength,
        )
        if len(among) > self._largest[0]:
            self._largest = (len(among), (*self._absent(among), *plan.notes))
        return plan

    def _absent(self, among: Tensor) -> list[str]:
        """Classes that the largest set of samples, the training split, has none of; warned of, too."""
        indices = among.long().numpy()
        found = [pairing_kind(concept).absent(concept, indices) for concept in self.concepts]
        told = [sentence for sentence in found if sentence]
        for sentence in told:
            warn(sentence)
        return told
