"""The samples of a fit that effects are estimated from: their layer, all their values, and the layers behind."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Backbone, Carried, primary
from interpret_inn.backbones.state import device_and_dtype
from interpret_inn.data.process import derived_seed
from interpret_inn.effects.labelled_layer import Labelled, Tail, complete
from interpret_inn.fitting.store import FitData
from interpret_inn.types import Concept, FloatArray

MOST_SAMPLES = 1000
"""Samples of each concept that are used, at most, drawn from all splits: no part of the flow is."""
FEWEST = 20
"""Samples with a value, or pairs, below which nothing is estimated."""
_LACKING = 0.1
"""Share of samples without a value of another concept that is worth a note."""
_WORK = 1e11
"""Multiplications of the layers behind the site that the draws of one concept may take; of dear ones fewer are made."""
_A_NUMBER = 500
"""Multiplications for each number of an output, at least, as images are made by layers that use a weight many times."""
_AT_ONCE = 512


def can_estimate(backbone: Backbone) -> bool:
    """Whether effects can be estimated at the site of a model that has run.

    Only where the layers behind the site make the outputs by themselves, from rows that hold the whole representation
    (the layouts `vector` and `flat`): a mean over positions cannot carry what changes at one of them.
    """
    whole = backbone.layout.name in ("vector", "flat")
    return whole and backbone.has_tail and not backbone.draws_random_numbers


def labelled_samples(data: FitData, name: str, *, seed: int) -> Labelled | None:
    """The layer of samples in which a concept is known, with their other concepts; None if they are too few."""
    rows = _chosen(data, name, seed)
    if len(rows) < FEWEST:
        return None
    every = data.pool.concepts_at(rows)
    own = next(concept for concept in every if concept.name == name)
    others = tuple(c for c in every if c.name != name and c.values is not None and c.known.any())
    layer = data.rows(rows)[:, 0].cpu().double().numpy()
    return complete(Labelled(layer, own, others, data.pool.groups_at(rows), rows.numpy()))


def _chosen(data: FitData, name: str, seed: int) -> Tensor:
    """Rows of the pool in which a concept is known, at most `MOST_SAMPLES` of them, int64 (n,)."""
    known = torch.cat([data.pool.indices(split) for split in ("train", "validation", "test")])
    values: Concept = next(c for c in data.pool.concepts_at(known) if c.name == name)
    known = known[torch.from_numpy(values.known)]
    order = torch.randperm(len(known), generator=Generator().manual_seed(derived_seed(seed, name)))
    return known[order[:MOST_SAMPLES]]


def lacking(data: Labelled) -> list[str]:
    """Says for which concepts an effect is adjusted in part only, and whether there are too few groups to test it."""
    notes = [
        f"{1 - other.known.mean():.0%} of the samples have no {other.name}, so it is adjusted for only in part."
        for other in data.others
        if 1 - other.known.mean() > _LACKING
    ]
    groups = len(np.unique(data.groups))
    if groups < FEWEST:
        notes.append(f"Only {groups} groups of samples are there: too few to test an effect.")
    return notes


def tail_of(backbone: Backbone) -> Tail:
    """The layers behind the site, from rows of the representation."""
    device, dtype = device_and_dtype(backbone.model)
    carried = Carried(tuple(backbone.z_shape), dtype)

    def tail(rows: FloatArray) -> Tensor:
        parts = torch.from_numpy(rows).float().split(_AT_ONCE)
        outputs = [
            primary(backbone.tail(backbone.layout.from_rows(part, carried).to(device))).detach().cpu()
            for part in parts
        ]
        return torch.cat(outputs)

    return tail


def affordable(backbone: Backbone, tail: Tail, layer: FloatArray, *, forms: int, draws: int) -> float:
    """The share of some draws, each with a few forms, that the layers behind the site allow; roughly, 1 at most."""
    module = backbone.model.get_submodule(backbone.address.path)
    weights = sum(parameter.numel() for parameter in module.parameters())
    each = max(weights, _A_NUMBER * tail(layer[:1]).numel()) * len(layer) * forms
    return min(1.0, _WORK / each / draws)
