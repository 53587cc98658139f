"""The joint flow: coupling blocks over all leading axes, fitted to pairs (Esser, Rombach and Ommer, 2020)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Generator, Tensor

from interpret_inn.data import cache_folder
from interpret_inn.data.process import derived_seed
from interpret_inn.fitting.checkpoint import Checkpoint
from interpret_inn.fitting.flow_task import FlowFit, FlowTask
from interpret_inn.fitting.notes import skipped_steps
from interpret_inn.fitting.plans import rotated
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.pool_sizes import sizes_in
from interpret_inn.fitting.sizes import Sizes, concept_scores
from interpret_inn.fitting.trainer import Trainer
from interpret_inn.flows import FlowShape, InvertibleNetwork, Whitening, aligning_matrix
from interpret_inn.translating.fitted import Fitted
from interpret_inn.translating.settings import FitSettings
from interpret_inn.types import Concept, Pairs

_SIZE_PAIRS, _ALIGN_PAIRS = 8192, 32768
"""Pairs by which sizes are estimated (a sum over all axes), and axes aligned (a whole covariance for each concept)."""
_KEY_PAIRS = 512
"""Pairs whose digest tells fits with other options of a source apart."""


def fit_joint(task: FlowTask) -> FlowFit:
    """Turns the whitened axes to the best linear map for the pairs, and trains coupling blocks from there.

    Sizes of factors that nobody gives are estimated from pairs.
    """
    pool, whitening, white = task.data.pool, task.whitening, task.white
    found = _size(pool, white, whitening, given=task.sizes, seed=task.seed)
    network = _fresh_network(whitening, task.settings, task.seed)
    inside = (*found.factors.sizes[:-1], whitening.leading - found.factors[-1].start)
    _align(network, white, pool, inside, task.seed)
    trainer = Trainer(
        network, white, pool=pool, sizes=inside, settings=task.settings, seed=task.seed, backbone=task.backbone,
        checkpoint=_checkpoint(task, inside), observers=task.observers,
    )  # fmt: skip
    record = trainer.run()
    notes = tuple(skipped_steps(trainer.skipped, record.steps))
    return FlowFit(
        network, found.factors, found.raw_scores, record, notes, validates=trainer.validation is not None
    )


def unfitted_network(fitted: Fitted) -> InvertibleNetwork:
    """The flow before it saw any pair: fitted factors are compared with it."""
    return _fresh_network(fitted.network.whitening, fitted.settings, fitted.seed)


def _fresh_network(whitening: Whitening, settings: FitSettings, seed: int) -> InvertibleNetwork:
    shape = FlowShape(
        len(whitening.mean), whitening.leading, settings.blocks, settings.hidden, settings.depth
    )
    network = InvertibleNetwork(whitening, shape, Generator().manual_seed(seed))
    return cast(InvertibleNetwork, network.to(whitening.mean.device))


def _size(
    pool: Pool, white: Tensor, whitening: Whitening, *, given: Mapping[str, int] | None, seed: int
) -> Sizes:
    """Factor sizes from pairs of the training split, in the representation's own units."""
    pairs = pool.sample(_SIZE_PAIRS, Generator().manual_seed(derived_seed(seed, "sizes")), split="train")
    used, indices = torch.cat((pairs.first, pairs.second)).unique(return_inverse=True)
    rows = white[used].mean(1) / whitening.scales[: whitening.leading]
    first, second = indices.chunk(2)
    scores = concept_scores(rows, Pairs(first, second, pairs.rho))
    return sizes_in(pool, scores, whitening, given=given or {})


def _align(network: InvertibleNetwork, white: Tensor, pool: Pool, sizes: tuple[int, ...], seed: int) -> None:
    """Turns the whitened axes to the best linear map for the pairs, at which the fit begins."""
    pairs = pool.sample(_ALIGN_PAIRS, Generator().manual_seed(derived_seed(seed, "alignment")), split="train")
    network.align(rotated(aligning_matrix(white.mean(1), *pairs, sizes), pool, sizes))


def _checkpoint(task: FlowTask, sizes: tuple[int, ...]) -> Checkpoint | None:
    """The checkpoint of this fit; its key holds everything that the fit depends on. None: none is kept."""
    storage, backbone, pool, seed = task.checkpoint, task.backbone, task.data.pool, task.seed
    if storage is None:
        return None
    parts = [
        backbone.fingerprint(),
        str(backbone.address),
        str(backbone.layout),
        json.dumps(backbone.preprocess.to_dict(), sort_keys=True, default=str),
        *(entry.source.samples.fingerprint() for entry in pool.parts),
        *(_digest_of_values(concept) for concept in pool.concepts),
        *(f"{entry.source.key} {entry.plan.key}" for entry in pool.parts),
        # all other options of a source show in its pairs, and nowhere else
        *(
            _digest(column)
            for column in pool.sample(_KEY_PAIRS, Generator().manual_seed(seed), split="train")
        ),
        json.dumps([dataclasses.asdict(task.settings), pool.names, sizes, seed]),
    ]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    folder = cache_folder() / "fits" if storage == "auto" else Path(storage)
    return Checkpoint(folder / f"{key[:16]}.safetensors", key)


def _digest(values: Tensor) -> str:
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()


def _digest_of_values(concept: Concept) -> str:
    return hashlib.sha256(b"" if concept.values is None else concept.values.tobytes()).hexdigest()
