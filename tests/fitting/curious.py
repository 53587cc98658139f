"""A source that sees the representation, and settings of a fit that is over in a moment."""

from __future__ import annotations

import torch

from interpret_inn.data import samples
from interpret_inn.translating.settings import FitSettings
from interpret_inn.types import Concept, Pairs, Plan

SMALL = FitSettings(steps=6, pairs=32, blocks=2, hidden=8, every=3, patience=100, explained=1.0, noise=0.1)


class Curious:
    """Takes as many independent factors as it is told when it sees."""

    def __init__(self, rows, count=2, *, name="curious", error=None):
        self.name, self.samples, self.count, self.error = name, samples(rows), count, error
        self.seen, self.contexts, self.plan = [], [], {}
        self._take(1)

    def _take(self, count):
        self.concepts = tuple(Concept(f"{self.name} {k + 1}", "unlabelled") for k in range(count))

    def prepare(self, context):
        self.contexts.append(context)
        self.seen.append((context.white.clone(), context.variances.clone()))
        if self.error is not None:
            raise self.error
        self._take(self.count)
        return Plan(concepts=self.concepts, **self.plan)

    def sample_pairs(self, n, generator, among):
        first = torch.randint(len(among), (n,), generator=generator)
        second = (first + 1) % len(among)
        return Pairs(among[first], among[second], torch.zeros(n, len(self.concepts) + 1))
