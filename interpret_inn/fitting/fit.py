"""A whole fit: encode once, whiten, size the factors, train, and keep what later work needs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Backbone
from interpret_inn.data import cache_folder
from interpret_inn.data.process import derived_seed
from interpret_inn.errors import ConceptError, FitError, warn
from interpret_inn.fitting.checkpoint import Checkpoint
from interpret_inn.fitting.notes import about_data, copies, odd_outputs, skipped_steps, unprepared
from interpret_inn.fitting.plans import planned, rotated
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.sizes import Sizes, choose_sizes, concept_scores
from interpret_inn.fitting.store import CHUNK, FitData, Storage, encode
from interpret_inn.fitting.trainer import Trainer
from interpret_inn.flows import (
    FlowShape,
    InvertibleNetwork,
    Whitening,
    aligning_matrix,
    fit_whitening,
)
from interpret_inn.translating.fitted import WIDEST_REFERENCE, Fitted, PositionMeans
from interpret_inn.translating.settings import FitSettings, Observer
from interpret_inn.types import Concept, ConceptSource, IntArray, Pairs

_WHITENING_ROWS, _WHITENING_ELEMENTS = 16384, 2**29
"""Whitening is computed from at most this many rows and numbers (2 GiB), so that time and memory have a bound."""
_WHITENING_SAMPLES = 256
"""Samples that whitening is computed from at least, however many rows (positions) each of them has."""
_SIZE_PAIRS, _ALIGN_PAIRS = 8192, 32768
"""Pairs by which sizes are estimated (a sum over all axes), and axes aligned (a whole covariance for each concept)."""
_KEY_PAIRS = 512
"""Pairs whose digest tells fits with other options of a source apart."""
_REFERENCE_ROWS = 4096
"""Reference codes that a fit keeps; see `Fitted`."""
_POSITIONS = 2**16
"""Positions that go through the flow together."""


def fit(
    backbone: Backbone,
    sources: Sequence[ConceptSource],
    *,
    seed: int,
    settings: FitSettings,
    sizes: Mapping[str, int] | None = None,
    cache: Storage = "auto",
    checkpoint: Storage = "auto",
    batch_size: int | Literal["auto"] = "auto",
    observers: Sequence[Observer] = (),
) -> tuple[Fitted, FitData]:
    """Fits a flow for a backbone to the pairs of some sources.

    Args:
        backbone: The frozen network and its site.
        sources: Concept sources; see `ConceptSource`.
        seed: Of everything that is drawn.
        settings: See `FitSettings`.
        sizes: Numbers of axes by concept. Concepts that are left out get the size that their source asks for, else an
            estimate from pairs.
        cache: Where representations are stored: `"auto"` the user's cache, a folder, or None for memory.
        checkpoint: Where the state of an interrupted fit is kept, from which the next call goes on: likewise; None:
            nowhere.
        batch_size: Inputs a forward; `"auto"` halves it when memory runs out.
        observers: Called after each validation.

    Returns:
        The fit, and the data that it was made from.

    Raises:
        InnError: of the kind that fits what went wrong; see `docs/errors.md`.
    """
    began = time.perf_counter()
    pool = Pool(sources, seed=seed)
    notes = [*odd_outputs(backbone, pool, most=batch_size), *unprepared(backbone, pool)]
    stored = tuple(
        encode(backbone, entry.source.samples, batch_size=batch_size, cache=cache) for entry in pool.unique()
    )
    encoded = time.perf_counter()
    data = FitData(pool, stored)
    whitening, said = _whiten(data, settings, seed)
    white = _project(data, whitening)
    pool.follow(planned(backbone, data, whitening, white, seed=seed))
    found = _size(pool, white, whitening, given=sizes, seed=seed)
    network = _fresh_network(whitening, settings, seed)
    inside = (*found.factors.sizes[:-1], whitening.leading - found.factors[-1].start)
    _align(network, white, pool, inside, seed)
    kept = _checkpoint(checkpoint, backbone, pool, settings, inside, seed)
    trainer = Trainer(
        network, white, pool=pool, sizes=inside, settings=settings, seed=seed, backbone=backbone,
        checkpoint=kept, observers=observers,
    )  # fmt: skip
    record = trainer.run()
    notes += [
        *said,
        *skipped_steps(trainer.skipped, record.steps),
        *copies(data),
        *about_data(pool, validates=trainer.validation is not None),
    ]
    timings = {"encode": encoded - began, "fit": time.perf_counter() - encoded}
    reference, groups, concepts, means = _collect_reference(data, network, seed)
    fitted = Fitted(
        network=network, layout=backbone.layout, z_shape=tuple(backbone.z_shape), factors=found.factors,
        raw_scores=found.raw_scores, concepts=concepts, settings=settings, seed=seed, record=record,
        split=pool.counts(), reference_codes=reference, reference_groups=groups, position_means=means,
        notes=tuple(notes), timings=timings,
    )  # fmt: skip
    return fitted, data


def unfitted_network(fitted: Fitted) -> InvertibleNetwork:
    """The flow before it saw any pair: fitted factors are compared with it."""
    return _fresh_network(fitted.network.whitening, fitted.settings, fitted.seed)


def _fresh_network(whitening: Whitening, settings: FitSettings, seed: int) -> InvertibleNetwork:
    shape = FlowShape(
        len(whitening.mean), whitening.leading, settings.blocks, settings.hidden, settings.depth
    )
    network = InvertibleNetwork(whitening, shape, Generator().manual_seed(seed))
    return cast(InvertibleNetwork, network.to(whitening.mean.device))


def _whiten(data: FitData, settings: FitSettings, seed: int) -> tuple[Whitening, list[str]]:
    """Whitening from the training split, with as many leading axes as its samples can carry."""
    train = data.pool.indices("train")
    width, positions = _common_size(data)
    notes: list[str] = []
    # variants of one image add little to the image: a flow fitted to them as if they were many images is exact on
    # the training split and useless on everything else
    apart = len(set(data.pool.groups_at(train, origins=True).tolist()))
    what = "training samples" if apart == len(train) else "groups of training samples"
    most = min(settings.axes, max(2, int(apart * positions / settings.samples_per_axis)))
    if most < min(width, settings.axes):
        note = (
            f"{apart} {what} carry at most {most} of {width} axes "
            f"(samples_per_axis={settings.samples_per_axis:g}); the other axes belong to the residual."
        )
        warn(note)
        notes.append(note)
    enough = max(_WHITENING_SAMPLES, min(_WHITENING_ROWS, _WHITENING_ELEMENTS // width) // positions)
    rows = data.rows(data.pool.some("train", enough, Generator().manual_seed(seed))).flatten(0, 1)
    return fit_whitening(rows, noise=settings.noise, explained=settings.explained, most=most), notes


def _common_size(data: FitData) -> tuple[int, int]:
    """Axes of the representation, and positions of each sample (1 without positions).

    Raises:
        FitError: they differ between sources.
    """
    widths = sorted({rows.width for rows in data.stored})
    positions = sorted({rows.positions or 1 for rows in data.stored})
    if len(widths) > 1 or len(positions) > 1:
        found = f"{widths} axes" if len(widths) > 1 else f"{positions} positions"
        raise FitError(
            f"Expected representations of one size from all sources, found {found}. "
            "Give all sources inputs of one size."
        )
    return widths[0], positions[0]


@torch.no_grad()
def _project(data: FitData, whitening: Whitening) -> Tensor:
    """The whitened leading axes of all samples, float (N, P, d), computed in chunks of samples."""
    chunks = []
    for indices in torch.arange(data.pool.rows).split(CHUNK):
        rows = data.rows(indices)
        white = whitening(rows.flatten(0, 1))[0][:, : whitening.leading]
        chunks.append(white.reshape(len(rows), -1, whitening.leading))
    return torch.cat(chunks)


def _size(
    pool: Pool, white: Tensor, whitening: Whitening, *, given: Mapping[str, int] | None, seed: int
) -> Sizes:
    """Factor sizes from pairs of the training split, in the representation's own units."""
    pairs = pool.sample(_SIZE_PAIRS, Generator().manual_seed(derived_seed(seed, "sizes")), split="train")
    used, indices = torch.cat((pairs.first, pairs.second)).unique(return_inverse=True)
    rows = white[used].mean(1) / whitening.scales[: whitening.leading]
    first, second = indices.chunk(2)
    scores = concept_scores(rows, Pairs(first, second, pairs.rho))
    width = len(whitening.mean)
    wanted = {name: size for name, size in pool.wanted_sizes().items() if name not in (given or {})}
    try:
        return choose_sizes(
            pool.names, scores, leading=whitening.leading, total=width, given={**wanted, **(given or {})}
        )
    except ConceptError as error:
        raise ConceptError(f"{error}{_requested_sizes_text(pool, wanted)}") from None


def _requested_sizes_text(pool: Pool, wanted: Mapping[str, int]) -> str:
    """Says which sources asked for sizes themselves: the caller of the fit may not know of these."""
    asked = {
        part.source.name: {name: size for name in part.plan.sizes if (size := wanted.get(name)) is not None}
        for part in pool.parts
    }
    said = [f"{sizes} by the concept source {name!r}" for name, sizes in asked.items() if sizes]
    return f" Sizes were asked for: {', '.join(said)}." if said else ""


def _align(network: InvertibleNetwork, white: Tensor, pool: Pool, sizes: tuple[int, ...], seed: int) -> None:
    """Turns the whitened axes to the best linear map for the pairs, at which the fit begins."""
    pairs = pool.sample(_ALIGN_PAIRS, Generator().manual_seed(derived_seed(seed, "alignment")), split="train")
    network.align(rotated(aligning_matrix(white.mean(1), *pairs, sizes), pool, sizes))


def _checkpoint(
    storage: Storage, backbone: Backbone, pool: Pool, settings: FitSettings, sizes: tuple[int, ...], seed: int
) -> Checkpoint | None:
    """The checkpoint of this fit; its key holds everything that the fit depends on. None: none is kept."""
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
        json.dumps([dataclasses.asdict(settings), pool.names, sizes, seed]),
    ]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    folder = cache_folder() / "fits" if storage == "auto" else Path(storage)
    return Checkpoint(folder / f"{key[:16]}.safetensors", key)


def _digest(values: Tensor) -> str:
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()


def _digest_of_values(concept: Concept) -> str:
    return hashlib.sha256(b"" if concept.values is None else concept.values.tobytes()).hexdigest()


@torch.no_grad()
def _collect_reference(
    data: FitData, network: InvertibleNetwork, seed: int
) -> tuple[Tensor, IntArray, tuple[Concept, ...], PositionMeans | None]:
    """Reference codes from the training split, with their groups and values of concepts; and means over positions."""
    network.eval().requires_grad_(False)
    generator = Generator().manual_seed(seed)
    chosen = data.pool.some("train", _REFERENCE_ROWS, generator)
    rows = data.rows(chosen)
    position = torch.randint(rows.shape[1], (len(rows),), generator=generator)
    codes = network(rows[torch.arange(len(rows)), position].to(network.whitening.mean))[0]
    kept = codes if codes.shape[1] <= WIDEST_REFERENCE else codes[:, : network.shape.leading]
    means = _position_means(rows, network, kept.shape[1]) if data.stored[0].positions is not None else None
    return kept.contiguous(), data.pool.groups_at(chosen), data.pool.concepts_at(chosen), means


def _position_means(rows: Tensor, network: InvertibleNetwork, kept: int) -> PositionMeans:
    """Means over positions of samples with rows (M, P, D): of the first `kept` axes of their codes, and whitened."""
    found: tuple[list[Tensor], list[Tensor]] = ([], [])
    leading = network.shape.leading
    for part in rows.split(max(1, _POSITIONS // rows.shape[1])):
        white = network.whitening(part.flatten(0, 1).to(network.whitening.mean))[0]
        codes = torch.cat((network.blocks(white[:, :leading])[0], white[:, leading:kept]), 1)
        for means, each in zip(found, (codes, white[:, :leading]), strict=True):
            means.append(each.unflatten(0, part.shape[:2]).mean(1))
    return PositionMeans(*(torch.cat(means) for means in found))
