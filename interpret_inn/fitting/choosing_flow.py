"""Which kind of flow a fit uses."""

from __future__ import annotations

import dataclasses

import torch
from torch import Generator

from interpret_inn.data.process import derived_seed
from interpret_inn.errors import FitError
from interpret_inn.fitting.flow_task import FlowTask
from interpret_inn.translating.settings import OF_TRAINING, FitSettings

_PAIRS = 256
"""Pairs that tell whether pairs share the residual."""


def chosen_flow(task: FlowTask) -> str:
    """The kind of flow: the one that the settings name; for `auto` the conditional one wherever it can be fitted.

    Settings of training (`steps`, `blocks` …) that are not the default ask for a joint flow, as some sources do, and
    concepts without values, whose number of directions pairs tell less well.

    Raises:
        FitError: a conditional flow is named, and a source needs a joint one.
    """
    asked, reason = task.settings.flow, _needs_joint(task)
    if asked == "conditional" and reason:
        raise FitError(
            f"Expected sources that a conditional flow can be fitted to, found {reason} Type flow='joint'."
        )
    if asked != "auto":
        return asked
    default = dataclasses.asdict(FitSettings())
    trained = any(getattr(task.settings, name) != default[name] for name in OF_TRAINING)
    valued = all(concept.values is not None for concept in task.data.pool.concepts)
    return "joint" if reason or trained or not valued else "conditional"


def _needs_joint(task: FlowTask) -> str:
    """Why a conditional flow cannot be fitted, or nothing."""
    pool = task.data.pool
    for part in pool.parts:
        if part.plan.rotation is not None or part.plan.loss is not None or part.source.ordered:
            return f"{part.source.name!r}, which turns axes or adds a loss."
        if all(concept.values is not None for concept in part.concepts):
            continue
        generator = Generator().manual_seed(derived_seed(task.seed, "kind of flow"))
        if bool(torch.any(pool.sample(_PAIRS, generator, split="train").rho[:, -1] != 0)):
            return f"{part.source.name!r}, whose pairs share all but one concept."
    return ""
