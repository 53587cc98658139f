"""Concepts that a layer tells, but no line does: their factors cannot be linear, and a joint flow is tried for them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from interpret_inn.data.process import derived_seed
from interpret_inn.fitting.conditional_fit import fit_conditional
from interpret_inn.fitting.flow_task import FlowFit, FlowTask
from interpret_inn.fitting.heads import functions_of
from interpret_inn.fitting.joint_fit import fit_joint
from interpret_inn.fitting.told_share import held_share, told_share
from interpret_inn.types import Concept, Remark

_CURVED = 0.25
"""A concept is curved if a kernel explains this share of its variance more than a line does: from a few hundred samples
of a layer that tells it linearly, kernels explain up to .17 more."""
_GAIN = 0.05
"""Share that a joint flow's factor must explain more: less is chance of a validation split of some hundred samples."""
_ROWS = 2048
"""Samples of each split that are looked at, at most."""
_FEWEST = 20
"""Samples with a value in either split, at least."""


def fit_either(task: FlowTask) -> FlowFit:
    """A conditional flow; or a joint one, if concepts are curved and its factors tell more of them on new samples."""
    linear = fit_conditional(task)
    curved = [concept for concept in _concepts(task) if _is_curved(task, concept)]
    if not curved:
        return linear
    joint = fit_joint(task)
    told = [sum(_told(task, flow, concept) for concept in curved) / len(curved) for flow in (linear, joint)]
    kept, words = (joint, "is kept") if told[1] > told[0] + _GAIN else (linear, "is not kept")
    names = ", ".join(concept.name for concept in curved)
    note = (
        f"The layer tells {names}, but not by lines. A joint flow, which moves all axes, was trained too and {words}: "
        f"on validation samples its own factor explains a share of {max(told[1], 0):.2f}, that of the conditional flow "
        f"{max(told[0], 0):.2f}."
    )
    return kept._replace(notes=(*kept.notes, Remark(note)))


def _concepts(task: FlowTask) -> Sequence[Concept]:
    """The concepts that have values, for all samples."""
    everything = task.data.pool.concepts_at(torch.arange(task.data.pool.rows))
    return [concept for concept in everything if concept.values is not None]


def _known(task: FlowTask, concept: Concept, split: str) -> Tensor:
    """Up to 2,048 samples of a split whose value is known."""
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
def _told(task: FlowTask, flow: FlowFit, concept: Concept) -> float:
    """What the concept's own factor explains on validation samples, by a kernel that learns from training samples."""
    own = flow.factors[concept.name].slice
    chosen = [_known(task, concept, split) for split in ("train", "validation")]
    codes = [
        flow.network.blocks(task.white[some].flatten(0, 1))[0][:, own].unflatten(0, (len(some), -1)).mean(1)
        for some in chosen
    ]
    together = functions_of(concept.at(torch.cat(chosen).numpy()))
    functions, held = together.split([len(some) for some in chosen])
    return held_share(codes[0], codes[1], functions, held, Generator().manual_seed(task.seed))
