"""A conditional flow in closed form: directions of concepts, then everything else made independent of them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from interpret_inn.data.process import derived_seed
from interpret_inn.fitting.directions import Directions, find_directions
from interpret_inn.fitting.flow_task import FlowFit, FlowTask
from interpret_inn.fitting.heads import functions_of
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.pool_sizes import sizes_in
from interpret_inn.fitting.told_share import line_share
from interpret_inn.flows import (
    Conditional,
    ConditionalShape,
    ExactWhitening,
    FlowShape,
    InvertibleNetwork,
    KernelMean,
    Step,
    StepShape,
    Whitening,
    fit_gate,
    fit_gated_scale,
    fit_kernel_mean,
    log_likelihood,
    nearest_anchors,
)
from interpret_inn.flows.kernel_mean import CENTRES
from interpret_inn.translating.settings import FitRecord
from interpret_inn.types import RESIDUAL, Concept, Factors

_ROWS = 16384
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


class _Rows(NamedTuple):
    """Rows that a conditional flow is fitted to, or judged by.

    Attributes:
        samples: Index of the sample of each, int64 (n,).
        positions: Its position, int64 (n,).
        codes: Their axes after the rotation, float64 (n, d).
    """

    samples: Tensor
    positions: Tensor
    codes: Tensor


class Built(NamedTuple):
    """A conditional flow, and what it was built from.

    Attributes:
        network: The flow.
        directions: Where concepts lie.
        held: The validation rows before its steps.
    """

    network: InvertibleNetwork
    directions: Directions
    held: _Rows


def fit_conditional(task: FlowTask) -> FlowFit:
    """Finds the directions of concepts, and makes everything else independent of them; nothing is trained."""
    began = time.perf_counter()
    pool = task.data.pool
    sizes_in(pool, torch.zeros(len(pool.names)), task.whitening, given=task.sizes)  # refuses what cannot be
    asked = {name: int(size) for name, size in {**pool.wanted_sizes(), **task.sizes}.items()}
    built = build(task, asked)
    sizes = dict(zip(pool.names, built.directions.sizes[:-1], strict=True))
    factors = Factors.from_sizes(sizes, total=len(task.whitening.mean))
    record = FitRecord(0, 0, False, time.perf_counter() - began, (), _gain(built))
    scores = _raw_scores(built.directions, pool.names, asked)
    return FlowFit(built.network, factors, scores, record, (), validates=len(built.held.codes) > 0)


def _raw_scores(found: Directions, names: Sequence[str], asked: Mapping[str, int]) -> dict[str, float]:
    """The strengths of each concept's axes, added up; NaN: the size was given, or it is the residual's."""
    told = [float(own.sum()) for own in found.strengths.split(found.sizes[:-1])]
    scores = {
        name: math.nan if name in asked else score for name, score in zip(names, told, strict=True)
    }
    return scores | {RESIDUAL: math.nan}


def build(task: FlowTask, sizes: Mapping[str, int]) -> Built:
    """Builds the flow from the training split.

    Args:
        task: What it is fitted to.
        sizes: Axes by concept; those that are left out get as many as they have clear directions.
    """
    pool, white = task.data.pool, task.white
    generator = Generator().manual_seed(derived_seed(task.seed, "conditional flow"))
    chosen = pool.some("train", _ROWS, generator)
    exact = ExactWhitening(task.whitening.leading).to(white.device)
    exact.set(white[chosen].flatten(0, 1))
    means = exact(white.mean(1))[0].double()
    found = find_directions(means, pool, given=sizes, seed=task.seed)
    held = pool.some("validation", _ROWS, generator)
    train, held_rows = (_rows(exact, white, found.axes, some, generator) for some in (chosen, held))
    steps = _fit_steps(train, held_rows, found, pool, generator)
    outer = _fit_outer(task, train, steps, found.strengths, generator)
    return Built(_assembled(task.whitening, exact, found.axes, steps, outer), found, held_rows)


def _gain(built: Built) -> float:
    """Nats per held-out row by which the steps after the rotation make it likelier; NaN if there are none."""
    rows = built.held.codes.to(built.network.whitening.mean)
    *_, steps = built.network.blocks._transforms
    before = log_likelihood(rows, rows.new_zeros(len(rows)))
    return float((log_likelihood(*steps(rows)) - before).mean())


def _assembled(
    whitening: Whitening, exact: ExactWhitening, axes: Tensor, steps: Conditional, outer: KernelMean | None
) -> InvertibleNetwork:
    """The network of these parts."""
    shape = FlowShape(
        len(whitening.mean), whitening.leading, blocks=0, conditional=steps.shape,
        outer=0 if outer is None else len(outer.centres),
    )  # fmt: skip
    network = InvertibleNetwork(whitening, shape, Generator())
    network.to(whitening.mean.device)
    first, _, last = network.blocks._transforms
    first.load_state_dict(exact.state_dict())
    network.align(axes.to(whitening.mean))
    last.load_state_dict(steps.state_dict())
    if network.outer is not None and outer is not None:
        network.outer.load_state_dict(outer.state_dict())
    network.eval().requires_grad_(False)
    return network


def _rows(exact: ExactWhitening, white: Tensor, axes: Tensor, samples: Tensor, generator: Generator) -> _Rows:
    """Rows of some samples; at positions, some random ones of each."""
    places = white.shape[1]
    each = min(places, max(1, math.ceil(_PLACES / max(len(samples), 1))))
    chosen = samples.repeat_interleave(each)
    position = torch.randint(places, (len(chosen),), generator=generator)
    return _Rows(chosen, position, exact(white[chosen, position])[0].double() @ axes)


def _fit_steps(train: _Rows, held: _Rows, found: Directions, pool: Pool, generator: Generator) -> Conditional:
    """One step after the other: concepts of few axes first, as those that follow are made independent of them."""
    concepts, sizes = pool.concepts_at(train.samples), found.sizes
    strengths = found.strengths.split(sizes[:-1])
    codes, held_codes = list(train.codes.split(sizes, 1)), list(held.codes.split(sizes, 1))
    order = sorted(range(len(sizes) - 1), key=lambda group: sizes[group])
    anchors = [_anchors(*each, generator) for each in zip(concepts, codes[:-1], strict=True)]
    steps = []
    for place, moved in enumerate([*order[1:], len(sizes) - 1], start=1):
        earlier = tuple(order[:place])
        step, rows, held_rows = _fit_step(moved, earlier, codes, held_codes, anchors, strengths, generator)
        if moved < len(concepts) and _costs_meaning(concepts[moved], codes[moved], rows):
            continue
        codes[moved], held_codes[moved] = rows, held_rows
        steps.append(step)
    whole = Conditional(ConditionalShape(sizes, tuple(step.shape for step in steps)))
    whole.steps = nn.ModuleList(steps)
    return whole


def _costs_meaning(concept: Concept, before: Tensor, after: Tensor) -> bool:
    """Whether codes of a concept's factor tell less of it after a step: what other factors tell may be its own."""
    if concept.values is None:
        return False
    known = torch.from_numpy(concept.known)
    functions = functions_of(concept.at(known.numpy()))
    told = [line_share(codes[known.to(codes.device)], functions) for codes in (before, after)]
    return told[1] < told[0] - _LOSS


def _anchors(concept: Concept, codes: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Which rows tell anchors apart, and the anchor of each of these: classes, or what k-means finds in the codes."""
    if concept.values is not None and concept.classes:
        known = torch.from_numpy(concept.known)
        _, labels = torch.from_numpy(concept.values[concept.known]).unique(return_inverse=True)
        if len(labels) >= _OF_A_CLASS * (int(labels.max()) + 1):
            return known, labels
    return torch.ones(len(codes), dtype=torch.bool), nearest_anchors(codes, generator).cpu()


def _fit_step(
    moved: int,
    earlier: tuple[int, ...],
    codes: Sequence[Tensor],
    held: Sequence[Tensor],
    anchors: Sequence[tuple[Tensor, Tensor]],
    strengths: Sequence[Tensor],
    generator: Generator,
) -> tuple[Step, Tensor, Tensor]:
    """The step of one group, and its codes after it: of training rows, each left out of its mean, and of held rows."""
    given, held_given = (torch.cat([part[group] for group in earlier], 1) for part in (codes, held))
    # what changes along an axis that hardly tells a concept is no change of the concept, and moves nothing else
    told = torch.cat([strengths[group] for group in earlier])
    mean = fit_kernel_mean(given, codes[moved], generator=generator, scales=told)
    rows, held_rows = mean.left, held[moved] - mean.mean.double()(held_given)
    gates, scales = [], []
    for group in earlier:
        known, labels = anchors[group]
        gate = fit_gate(codes[group][known.to(codes[group].device)], labels.to(codes[group].device)).double()
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


def _fit_outer(
    task: FlowTask, train: _Rows, steps: Conditional, strengths: Tensor, generator: Generator
) -> KernelMean | None:
    """The mean of the axes outside the blocks given the named factors; None if there are none, or it tells nothing."""
    whitening = task.whitening
    width = len(whitening.mean) - whitening.leading
    most = min(_ROWS, _OUTER // max(width, 1))
    if not width or most < _FEWEST:
        return None
    samples, positions = train.samples[:most], train.positions[:most]
    rows = task.data.rows(samples)[torch.arange(len(samples)), positions].to(whitening.mean)
    outer = whitening(rows)[0][:, whitening.leading :]
    codes = steps(train.codes[:most].to(whitening.mean))[0][:, : sum(steps.shape.sizes[:-1])]
    found = fit_kernel_mean(codes, outer, generator=generator, scales=strengths, most=min(CENTRES, most))
    return found.mean if found.share < 1 else None
