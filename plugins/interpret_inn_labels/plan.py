"""All that is worked out once for a set of samples; a batch of pairs is then a few look-ups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.errors import ConceptError, warn
from interpret_inn.types import Concept, FloatArray, IntArray, Note, Pairs, Remark
from interpret_inn_labels.association import association
from interpret_inn_labels.balance import bins_of, effective_size, rake
from interpret_inn_labels.kinds import PairingKind, pairing_kind
from interpret_inn_labels.partners import NearPoint, Partner
from interpret_inn_labels.wheels import Wheel, Wheels, uniform

_HARDLY_LESS = 0.9  # of the samples: weights that cost less are not worth a word
_ROUNDS = 16  # of drawing another partner, if the one drawn is of the same group
_STRONG = 0.3  # an association that a reader should know of
_SAME = 0.98  # an association that no weights loosen: the concepts have no sample to tell them apart
_FAR = 0.8  # a correlation reached between "nearest" rows that a reader should know of


class Usable(NamedTuple):
    """A concept that can be paired here: its number, its wheel, and the samples given to the wheel."""

    number: int
    wheel: Wheel
    indices: IntArray


class PairingPlan:
    """Draws pairs among some samples.

    Args:
        concepts: K concepts with values for all N samples.
        groups: int64 (N,); samples of one group are never paired.
        among: int64 (M,), the samples to draw from.
        balance: Whether to draw by weights that make the concepts independent.
        strength: The correlation of a pair that shares a concept, in (0, 1).

    Attributes:
        weights: float64 (M,), mean 1.
        notes: What a reader should know, in sentences.

    Raises:
        ConceptError: no concept has two samples to pair.

    Warns:
        InnWarning: a class, or a whole concept, cannot be paired and is left out.
    """

    def __init__(
        self,
        concepts: Sequence[Concept],
        *,
        groups: IntArray,
        among: IntArray,
        balance: bool,
        strength: float,
    ) -> None:
        self._concepts, self._among, self._strength = tuple(concepts), among, strength
        self._group = groups[among]
        self.weights: FloatArray = np.ones(len(among))
        if balance and len(concepts) > 1:
            self.weights = rake([bins_of(concept, among) for concept in concepts], len(among))
        self.notes: list[str] = []
        usable = self._usable()
        self._number = torch.tensor([found.number for found in usable])
        self._wheels = Wheels([found.wheel for found in usable])
        self._anyone = Wheels(
            [Wheel.of(np.arange(len(among)), np.zeros(len(among), np.int64), self._group, self.weights)]
        )
        self._entry_of_sample = torch.empty(len(among), dtype=torch.int64)
        self._entry_of_sample[self._anyone.sample] = torch.arange(len(among))
        self._groups = torch.from_numpy(self._group)
        self._samples = torch.from_numpy(among)
        self._rules, self._rule = self._make_rules(usable)
        if balance and len(concepts) > 1:
            self.notes.extend(self._balance_notes())

    def draw(self, n: int, generator: Generator) -> Pairs:
        """Draws `n` pairs, each sharing one of the concepts at random."""
        turn = (uniform(n, generator) * len(self._number)).long()
        place = uniform(n, generator)
        entry = self._wheels.at(turn, place)
        first = self._wheels.sample[entry]
        second, rho = torch.empty_like(first), torch.empty(n, dtype=torch.float64)
        open_pairs = torch.arange(n)
        for _ in range(_ROUNDS):
            found, found_rho = self._partners(
                turn[open_pairs], place[open_pairs], entry[open_pairs], generator
            )
            second[open_pairs], rho[open_pairs] = found, found_rho
            alike = self._groups[found] == self._groups[first[open_pairs]]
            if not alike.any():
                break
            open_pairs = open_pairs[alike]
        else:
            # No other sample has a value near it: the pair is independent, with ρ of 0.
            own = self._entry_of_sample[first[open_pairs]]
            second[open_pairs] = self._anyone.sample[self._anyone.same_value(own, own, generator)]
            rho[open_pairs] = 0.0
        table = torch.zeros(n, len(self._concepts) + 1, dtype=torch.float32)
        table[torch.arange(n), self._number[turn]] = rho.float()
        return Pairs(self._samples[first], self._samples[second], table)

    def _partners(
        self, turn: Tensor, place: Tensor, entry: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        if len(self._rules) == 1:
            target, rho = self._rules[0](turn, place, entry, generator)
        else:
            target, rho = torch.empty_like(entry), torch.empty_like(place)
            which = self._rule[turn]
            for number, rule in enumerate(self._rules):
                mine = torch.nonzero(which == number)[:, 0]
                if len(mine):
                    target[mine], rho[mine] = rule(turn[mine], place[mine], entry[mine], generator)
        return self._wheels.sample[self._wheels.same_value(target, entry, generator)], rho

    def _usable(self) -> list[Usable]:
        reasons, usable = [], []
        for number, concept in enumerate(self._concepts):
            indices = np.flatnonzero(concept.known[self._among])
            values = np.asarray(concept.values)[self._among[indices]]
            kind = pairing_kind(concept)
            keep, reason = kind.pairable(concept, values, self._group[indices], among=len(self._among))
            indices, values = indices[keep], values[keep]
            if reason:
                reasons.append(reason)
                self._warn(reason)
            if len(indices):
                wheel = Wheel.of(indices, kind.keys(values), self._group[indices], self.weights[indices])
                usable.append(Usable(number, wheel, indices))
        if not usable:
            raise ConceptError(
                f"Expected at least two samples to pair in at least one concept, found none among "
                f"{len(self._among)} samples. {' '.join(reasons)} "
                "Give more data, or coarser groups or classes."
            )
        return usable

    def _warn(self, reason: str) -> None:
        self.notes.append(reason)
        warn(reason)

    def _make_rules(self, usable: Sequence[Usable]) -> tuple[list[Partner], Tensor]:
        shared: dict[PairingKind, Partner] = {}  # pairs of all concepts of one kind are drawn at once
        rules: list[Partner] = []
        of_concept = []
        for index, found in enumerate(usable):
            concept = self._concepts[found.number]
            kind = pairing_kind(concept)
            if np.ndim(np.asarray(concept.values)) == 2:
                rule: Partner = self._near_point(index, found)
            else:
                rule = shared.setdefault(kind, kind.partner(self._wheels, self._strength))
            if rule not in rules:
                rules.append(rule)
            of_concept.append(rules.index(rule))
        return rules, torch.tensor(of_concept)

    def _near_point(self, index: int, found: Usable) -> NearPoint:
        concept = self._concepts[found.number]
        rule = NearPoint(
            np.asarray(concept.values)[self._among[found.indices]],
            wheel=found.wheel,
            wheels=self._wheels,
            number=index,
            weights=self.weights[found.indices],
            strength=self._strength,
        )
        reached = float(rule.reached[0])
        if reached < _FAR * self._strength:
            self.notes.append(
                f"{concept.name}: among {len(found.indices)} samples the nearest partners reach a "
                f"correlation of {reached:.2f} only (wanted: {self._strength:g}). More samples, or fewer "
                "numbers in a row, would bring them closer."
            )
        return rule

    def _balance_notes(self) -> list[str]:
        count, effective = len(self._among), effective_size(self.weights)
        notes: list[str] = []
        if effective < _HARDLY_LESS * count:
            notes.append(
                f"Weights that make the concepts independent leave an effective {effective:.0f} of {count} samples "
                f"({effective / count:.0%})."
            )
        here = {concept.name: concept.at(self._among) for concept in self._concepts}
        before, after = association([*here.values()]), association([*here.values()], weights=self.weights)
        for one, others in before.items():
            for other, value in others.items():
                if one < other and value > _STRONG:
                    notes.extend(_together(here[one], here[other], value, after[one][other]))
        return notes


def _together(one: Concept, other: Concept, before: float, after: float) -> list[str]:
    """A note on two concepts that go together; none if one is a function of the other, which each fit notes itself."""
    if one.is_fixed_by(other) or other.is_fixed_by(one):
        return []
    both = f"{one.name} and {other.name}"
    if after >= _SAME:
        said = f"{both} say the same: no method can tell them apart (association {after:.2f} by weight). Leave one out."
        return [Note(said, "same", (one.name, other.name))]
    return [Remark(f"{both} go together in the data (association {before:.2f}); {after:.2f} by weight.")]
