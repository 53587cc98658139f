"""The steps of a conditional flow: what each moves, and by which rows it is fitted."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor, nn

from interpret_inn.fitting.directions import Directions
from interpret_inn.fitting.flow_task import FlowTask
from interpret_inn.fitting.heads import functions_of
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.told_share import line_share
from interpret_inn.flows import (
    Conditional,
    ConditionalShape,
    ExactWhitening,
    KernelMean,
    Step,
    StepShape,
    fit_gate,
    fit_gated_scale,
    fit_kernel_mean,
    nearest_anchors,
)
from interpret_inn.flows.kernel_mean import CENTRES
from interpret_inn.types import Concept

ROWS = 16384
"""Rows that means and scales are fitted to, at most."""
_PLACES = 4096
"""Rows wanted at least: at positions, several of each sample are taken if samples are fewer."""
_OF_A_CLASS = 20
"""Training rows that each class must have on average for its own anchor; else anchors are found by k-means."""
_OUTER = 2**24
"""Numbers of the outer axes' rows, at most: rows and centres are fewer at wide sites."""
_LOSS = 0.01
"""Share of a concept's functions that its factor may lose by being made independent of other factors."""
_FEWEST = 64
"""Rows that the outer axes' mean is fitted to, at least: wider sites keep their outer axes as they are."""


class Rows(NamedTuple):
    """Rows that a conditional flow is fitted to, or judged by.

    Attributes:
        samples: Index of the sample of each, int64 (n,).
        positions: Its position, int64 (n,).
        codes: Their axes after the rotation, float64 (n, d).
        groups: Of each, int64 (n,): rows of one group are variants of one thing, or positions of one sample.
    """

    samples: Tensor
    positions: Tensor
    codes: Tensor
    groups: Tensor


class Fitting(NamedTuple):
    """What steps are fitted to.

    Attributes:
        apart: Rows among which concepts do not go together: factors are made independent of each other by these.
        all: All training rows: the residual is made independent by these. The same rows, if concepts do not go
            together.
        held: The validation rows.
    """

    apart: Rows
    all: Rows
    held: Rows


def rows_of(
    exact: ExactWhitening, white: Tensor, axes: Tensor, pool: Pool, samples: Tensor, generator: Generator
) -> Rows:
    """Rows of some samples; at positions, some random ones of each."""
    places = white.shape[1]
    each = min(places, max(1, math.ceil(_PLACES / max(len(samples), 1))))
    chosen = samples.repeat_interleave(each)
    position = torch.randint(places, (len(chosen),), generator=generator)
    codes = exact(white[chosen, position])[0].double() @ axes
    return Rows(chosen, position, codes, torch.from_numpy(pool.groups_at(chosen)))


def _weights_of(strengths: Tensor) -> Tensor:
    """How much axes count for what others are expected to be.

    What changes along an axis that hardly tells a concept is mostly no change of the concept, and should move nothing
    else. The square was chosen among powers by what layers carry of scenes that were drawn again with one factor
    changed, and by what is left of concepts in other axes.
    """
    return strengths.square()


def fit_steps(rows: Fitting, found: Directions, pool: Pool, generator: Generator) -> Conditional:
    """One step after the other: concepts of few axes first, as those that follow are made independent of them.

    What a residual tells of a concept is a matter of the layer, and is learnt from all rows. What the factor of one
    concept tells of another may be a matter of the data: if the concepts go together there, taking it away would take
    their own meaning from the factors.
    """
    sizes = found.sizes
    steps = _Steps(rows.apart, rows.held, found, pool, generator)
    order = sorted(range(len(sizes) - 1), key=lambda group: sizes[group])
    for place, moved in enumerate(order[1:], start=1):
        steps.add(moved, tuple(order[:place]))
    if rows.all is not rows.apart:
        steps = steps.for_rows(rows.all, pool, generator)
    steps.add(len(sizes) - 1, tuple(order))
    return steps.whole()


class _Steps:
    """The steps so far, and codes of training and of held rows after them.

    Args:
        train: Rows to fit to.
        held: Rows to choose by.
        found: Where concepts lie.
        pool: The sources.
        generator: Draws centres and anchors.
    """

    def __init__(self, train: Rows, held: Rows, found: Directions, pool: Pool, generator: Generator) -> None:
        self._found, self._held, self._generator, self._groups = found, held, generator, train.groups
        self._concepts = pool.concepts_at(train.samples)
        self._strengths = found.strengths.split(found.sizes[:-1])
        self._codes = list(train.codes.split(found.sizes, 1))
        self._held_codes = list(held.codes.split(found.sizes, 1))
        self._steps: list[Step] = []
        self._anchors = [
            _anchors(*each, generator) for each in zip(self._concepts, self._codes[:-1], strict=True)
        ]

    def add(self, moved: int, earlier: tuple[int, ...]) -> None:
        """Fits the step that makes a group of axes independent of the earlier ones, and takes it."""
        step, rows, held_rows = self._fitted(moved, earlier)
        if moved < len(self._concepts) and self._costs_meaning(moved, rows):
            return
        self._codes[moved], self._held_codes[moved] = rows, held_rows
        self._steps.append(step)

    def for_rows(self, train: Rows, pool: Pool, generator: Generator) -> _Steps:
        """The same steps, to go on from with other rows to fit to."""
        other = _Steps(train, self._held, self._found, pool, generator)
        other._steps, other._held_codes = list(self._steps), list(self._held_codes)
        done = self.whole().to(train.codes.device)
        codes = done(train.codes)[0] if self._steps else train.codes
        other._codes = list(codes.split(self._found.sizes, 1))
        return other

    def whole(self) -> Conditional:
        """The steps as one transform."""
        shapes = tuple(step.shape for step in self._steps)
        whole = Conditional(ConditionalShape(self._found.sizes, shapes))
        whole.steps = nn.ModuleList(self._steps)
        return whole

    def _fitted(self, moved: int, earlier: tuple[int, ...]) -> tuple[Step, Tensor, Tensor]:
        """A step, and its group's codes after it: of training rows, each left out of its mean, and of held rows."""
        codes, held, generator = self._codes, self._held_codes, self._generator
        given, held_given = (torch.cat([part[group] for group in earlier], 1) for part in (codes, held))
        told = _weights_of(torch.cat([self._strengths[group] for group in earlier]))
        mean = fit_kernel_mean(given, codes[moved], generator=generator, groups=self._groups, scales=told)
        rows, held_rows = mean.left, held[moved] - mean.mean.double()(held_given)
        gates, scales = [], []
        for group in earlier:
            known, labels = self._anchors[group]
            device = codes[group].device
            gate = fit_gate(codes[group][known.to(device)], labels.to(device)).double()
            scale = fit_gated_scale(gate, codes[group], rows, held_given=held[group], held_rows=held_rows)
            if scale is None:
                continue
            rows, held_rows = scale(rows, codes[group])[0], scale(held_rows, held[group])[0]
            gates.append((group, len(gate.offsets)))
            scales.append(scale)
        sizes = tuple(part.shape[1] for part in codes)
        step = Step(StepShape(moved, earlier, len(mean.mean.centres), tuple(gates)), sizes)
        step.mean = mean.mean.float()
        step.scales = nn.ModuleList(scale.float() for scale in scales)
        return step, rows, held_rows

    def _costs_meaning(self, moved: int, after: Tensor) -> bool:
        """Whether a concept's factor tells less of it after a step: what other factors tell may be its own meaning."""
        concept = self._concepts[moved]
        if concept.values is None:
            return False
        known = np.flatnonzero(concept.known)
        functions, rows = functions_of(concept.at(known)), torch.from_numpy(known)
        told = [
            line_share(codes[rows.to(codes.device)], functions, self._groups[rows])
            for codes in (self._codes[moved], after)
        ]
        return told[1] < told[0] - _LOSS


def _anchors(concept: Concept, codes: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Which rows tell anchors apart, and the anchor of each of these: classes, or what k-means finds in the codes."""
    if concept.values is not None and concept.indicators is not None and concept.known.any():
        known = torch.from_numpy(concept.known)
        _, labels = torch.from_numpy(concept.values[concept.known]).unique(return_inverse=True)
        if len(labels) >= _OF_A_CLASS * (int(labels.max()) + 1):
            return known, labels
    return torch.ones(len(codes), dtype=torch.bool), nearest_anchors(codes, generator).cpu()


def fit_outer(
    task: FlowTask, train: Rows, steps: Conditional, strengths: Tensor, generator: Generator
) -> KernelMean | None:
    """The mean of the axes outside the blocks given the named factors; None if there are none, or it tells nothing."""
    whitening = task.whitening
    width = len(whitening.mean) - whitening.leading
    most = min(ROWS, _OUTER // max(width, 1))
    if not width or most < _FEWEST:
        return None
    samples, positions = train.samples[:most], train.positions[:most]
    rows = task.data.rows(samples)[torch.arange(len(samples)), positions].to(whitening.mean)
    outer = whitening(rows)[0][:, whitening.leading :]
    codes = steps(train.codes[:most].to(whitening.mean))[0][:, : sum(steps.shape.sizes[:-1])]
    found = fit_kernel_mean(
        codes,
        outer,
        generator=generator,
        groups=train.groups[:most],
        scales=_weights_of(strengths),
        most=min(CENTRES, most),
    )
    return found.mean if found.share < 1 else None
