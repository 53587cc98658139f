"""A conditional flow in closed form: directions of concepts, then everything else made independent of them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from interpret_inn.data.process import derived_seed
from interpret_inn.fitting.balanced import balanced
from interpret_inn.fitting.conditional_steps import ROWS, Fitting, Rows, fit_outer, fit_steps, rows_of
from interpret_inn.fitting.directions import Directions, find_directions
from interpret_inn.fitting.flow_task import FlowFit, FlowTask
from interpret_inn.fitting.pool_sizes import sizes_in
from interpret_inn.flows import (
    Conditional,
    ExactWhitening,
    FlowShape,
    InvertibleNetwork,
    KernelMean,
    Whitening,
    log_likelihood,
)
from interpret_inn.translating.settings import FitRecord
from interpret_inn.types import RESIDUAL, Factors, Remark

_SAMPLES_PER_AXIS = 3
"""Samples that concepts' directions are found from, at least, for each axis; of fewer, what is white is chance."""


class Built(NamedTuple):
    """A conditional flow, and what it was built from.

    Attributes:
        network: The flow.
        directions: Where concepts lie.
        held: The validation rows before its steps.
        notes: Caveats, in plain sentences.
    """

    network: InvertibleNetwork
    directions: Directions
    held: Rows
    notes: tuple[str, ...] = ()


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
    return FlowFit(built.network, factors, scores, record, built.notes, validates=len(built.held.codes) > 0)


def _raw_scores(found: Directions, names: Sequence[str], asked: Mapping[str, int]) -> dict[str, float]:
    """What a line tells of each concept along its axes; NaN: the size was given, or it is the residual's."""
    scores = {
        name: math.nan if name in asked else score for name, score in zip(names, found.scores, strict=True)
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
    chosen = pool.some("train", ROWS, generator)
    apart, notes = _apart(task, chosen)
    exact = ExactWhitening(task.whitening.leading).to(white.device)
    exact.set(white[chosen if apart is None else apart].flatten(0, 1))
    means = exact(white.mean(1))[0].double()
    among = pool.indices("train") if apart is None else apart
    leading = task.whitening.scales[: task.whitening.leading].double()
    variances = (leading**-2 - task.whitening.noise.double() ** 2).clamp_min(0).to(means)
    found = find_directions(means, pool, among, variances, given=sizes, seed=task.seed)
    held = pool.some("validation", ROWS, generator)
    train, held_rows = (rows_of(exact, white, found.axes, pool, some, generator) for some in (chosen, held))
    first = train if apart is None else rows_of(exact, white, found.axes, pool, apart, generator)
    steps = fit_steps(Fitting(first, train, held_rows), found, pool, generator)
    outer = fit_outer(task, train, steps, found.strengths, generator)
    return Built(_assembled(task.whitening, exact, found.axes, steps, outer), found, held_rows, notes)


def _apart(task: FlowTask, chosen: Tensor) -> tuple[Tensor | None, tuple[str, ...]]:
    """Training samples among which concepts do not go together, and a note; None if all are such, or these too few."""
    apart = balanced(task.data.pool, chosen, Generator().manual_seed(derived_seed(task.seed, "balanced")))
    leading = task.whitening.leading
    if len(apart) == len(chosen):
        return None, ()
    some = f"{len(apart):,} of {len(chosen):,} training samples"
    if len(apart) < _SAMPLES_PER_AXIS * leading:
        return None, (
            f"Concepts go together in the data, and so they may in their factors: only {some} would be left among "
            f"which they do not, fewer than {_SAMPLES_PER_AXIS} for each of {leading} axes, so directions come from "
            "all. Give more images, or fewer axes (axes=…).",
        )
    drawn = f"Their directions come from {some}, drawn so that among these they do not."
    return apart, (Remark(f"Concepts go together in the data. {drawn}"),)


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
