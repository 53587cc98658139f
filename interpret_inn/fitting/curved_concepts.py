"""Concepts that a layer tells, but no line does: their factors cannot be linear, and a joint flow is tried for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from interpret_inn.data.process import derived_seed
from interpret_inn.fitting.conditional_fit import fit_conditional
from interpret_inn.fitting.flow_task import FlowFit, FlowTask
from interpret_inn.fitting.heads import functions_of
from interpret_inn.fitting.joint_fit import fit_joint
from interpret_inn.fitting.told_share import told_share
from interpret_inn.types import Concept, Remark

_CURVED = 0.25
"""A concept is curved if a kernel explains this share of its variance more than a line does: from a few hundred samples
of a layer that tells it linearly, kernels explain up to .17 more."""
_GAIN = 0.1
"""What a joint flow's factors must explain more, added up: less is chance of some hundred validation samples."""
_TRIAL = 250
"""Steps after which a joint flow must have passed the conditional one to be trained on."""
_ROWS = 1024
"""Samples of each split that are looked at, at most."""
_FEWEST = 20
"""Samples with a value in either split, at least."""


def fit_either(task: FlowTask) -> FlowFit:
    """A conditional flow; or a joint one, if concepts are curved and it keeps them further apart on new samples."""
    linear = fit_conditional(task)
    curved = [concept for concept in _concepts(task) if _is_curved(task, concept)]
    if not curved:
        return linear
    told = [_apart(task, flow) for flow in (linear, _tried(task))]
    kept, words = linear, "tried for a few steps and is not kept"
    if told[1] > told[0]:
        joint = fit_joint(task)
        told[1], words = _apart(task, joint), "trained too and is not kept"
        if told[1] > told[0] + _GAIN:
            kept, words = joint, "trained too and is kept"
    names = ", ".join(concept.name for concept in curved)
    note = (
        f"The layer tells {names}, but not by lines. A joint flow, which moves all axes, was {words}: on validation "
        "samples its factors explain more of their own concepts than all other axes do, by "
        f"{told[1]:.2f}, added up over concepts; those of the conditional flow by {told[0]:.2f}."
    )
    return kept._replace(notes=(*kept.notes, Remark(note)))


def _tried(task: FlowTask) -> FlowFit:
    """A joint flow after few steps, which shows whether more are worth their time."""
    settings = dataclasses.replace(task.settings, steps=min(_TRIAL, task.settings.steps))
    return fit_joint(dataclasses.replace(task, settings=settings, checkpoint=None, observers=()))


def _concepts(task: FlowTask) -> Sequence[Concept]:
    """The concepts that have values, for all samples."""
    everything = task.data.pool.concepts_at(torch.arange(task.data.pool.rows))
    return [concept for concept in everything if concept.values is not None]


def _known(task: FlowTask, concept: Concept, split: str) -> Tensor:
    """Up to 1,024 samples of a split whose value is known."""
    generator = Generator().manual_seed(derived_seed(task.seed, "curved concepts"))
    some = task.data.pool.some(split, _ROWS, generator)
    return some[torch.from_numpy(concept.known)[some]]


def _is_curved(task: FlowTask, concept: Concept) -> bool:
    chosen = _known(task, concept, "train")
    if min(len(chosen), len(_known(task, concept, "validation"))) < _FEWEST:
        return False
    functions = functions_of(concept.at(chosen.numpy()))
    rows = task.white[chosen].mean(1)
    groups = torch.from_numpy(task.data.pool.groups_at(chosen))
    told = told_share(rows, functions, groups, Generator().manual_seed(task.seed))
    return told.kernel - max(told.line, 0.0) > _CURVED


@torch.no_grad()
def _apart(task: FlowTask, flow: FlowFit) -> float:
    """How much more a concept's own factor explains of it than all other axes do, added up over concepts.

    By kernels, on validation samples alone: other axes tell less of samples that made the flow than of others.
    """
    apart = 0.0
    for concept in _concepts(task):
        chosen = _known(task, concept, "validation")
        if len(chosen) < _FEWEST:
            continue
        own = flow.factors[concept.name].slice
        codes = flow.network.blocks(task.white[chosen].flatten(0, 1))[0]
        codes = codes.unflatten(0, (len(chosen), -1)).mean(1)
        others = torch.cat((codes[:, : own.start], codes[:, own.stop :]), 1)
        functions = functions_of(concept.at(chosen.numpy()))
        groups = torch.from_numpy(task.data.pool.groups_at(chosen))
        generator = Generator().manual_seed(task.seed)
        told = [told_share(side, functions, groups, generator).kernel for side in (codes[:, own], others)]
        apart += max(told[0], 0.0) - max(told[1], 0.0)
    return apart
