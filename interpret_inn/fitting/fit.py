"""A whole fit: encode once, whiten, size the factors, train, and keep what later work needs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Backbone
from interpret_inn.errors import FitError, warn
from interpret_inn.fitting.choosing_flow import chosen_flow
from interpret_inn.fitting.conditional_fit import fit_conditional
from interpret_inn.fitting.curved_concepts import fit_either
from interpret_inn.fitting.flow_task import FlowFit, FlowTask
from interpret_inn.fitting.joint_fit import fit_joint
from interpret_inn.fitting.notes import about_data, copies, fixed_concepts, odd_outputs, unprepared
from interpret_inn.fitting.plans import planned
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.store import CHUNK, FitData, Storage, encode
from interpret_inn.flows import (
    InvertibleNetwork,
    Whitening,
    fit_whitening,
)
from interpret_inn.translating.fitted import WIDEST_REFERENCE, Fitted, PositionMeans
from interpret_inn.translating.settings import FitSettings, Observer
from interpret_inn.types import Concept, ConceptSource, IntArray

_WHITENING_ROWS, _WHITENING_ELEMENTS = 16384, 2**29
"""Whitening is computed from at most this many rows and numbers (2 GiB), so that time and memory have a bound."""
_WHITENING_SAMPLES = 256
"""Samples that whitening is computed from at least, however many rows (positions) each of them has."""
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
    data = FitData(pool, stored, sizes or {})
    whitening, said = _whiten(data, settings, seed)
    for note in said:
        warn(note)
    white = _project(data, whitening)
    pool.follow(planned(backbone, data, whitening, white, seed=seed))
    task = FlowTask(
        backbone, data, whitening, white, settings, seed, sizes=data.sizes, checkpoint=checkpoint,
        observers=observers,
    )  # fmt: skip
    flow = _fit_flow(task)
    notes += [
        *said,
        *flow.notes,
        *copies(data),
        *about_data(pool, validates=flow.validates or not flow.record.steps),
        *fixed_concepts(pool.concepts_at(torch.arange(pool.rows))),
    ]
    timings = {"encode": encoded - began, "fit": time.perf_counter() - encoded}
    reference, groups, concepts, means = _collect_reference(data, flow.network, seed)
    fitted = Fitted(
        network=flow.network, layout=backbone.layout, z_shape=tuple(backbone.z_shape), factors=flow.factors,
        raw_scores=flow.raw_scores, concepts=concepts, settings=settings, seed=seed, record=flow.record,
        split=pool.counts(), reference_codes=reference, reference_groups=groups, position_means=means,
        notes=tuple(notes), timings=timings,
    )  # fmt: skip
    return fitted, data


def refit(backbone: Backbone, data: FitData, *, seed: int, settings: FitSettings) -> FlowFit:
    """Fits a conditional flow to the training split of data that are encoded and planned; no model is run.

    Whitening, directions and sizes that nobody gave are found anew, as samples of another split must not choose them.

    Args:
        backbone: The frozen network and its site.
        data: As `fit` returns them, with other samples in each split: see `folds`.
        seed: Of everything that is drawn.
        settings: Of the fit.

    Raises:
        ConceptError: fewer axes than concepts and the sizes that were given.
    """
    whitening, _ = _whiten(data, settings, seed)
    white = _project(data, whitening)
    return fit_conditional(FlowTask(backbone, data, whitening, white, settings, seed, sizes=data.sizes))


def _fit_flow(task: FlowTask) -> FlowFit:
    """The flow that the settings ask for; of `auto`, one that suits the concepts."""
    if chosen_flow(task) == "joint":
        return fit_joint(task)
    return fit_either(task) if task.settings.flow == "auto" else fit_conditional(task)


def _whiten(data: FitData, settings: FitSettings, seed: int) -> tuple[Whitening, list[str]]:
    """Whitening from the training split, with as many leading axes as its samples can carry."""
    train = data.pool.indices("train")
    width, positions = _common_size(data)
    notes: list[str] = []
    # variants of one image add little to the image: a flow fitted to them as if they were many images is exact on
    # the training split and useless on everything else
    apart = len(set(data.pool.groups_at(train, origins=True).tolist()))
    what = "training samples" if apart == len(train) else "groups of training samples"
    fewest = max(2, len(data.pool.names) + 1)  # every concept has an axis, and the residual too
    most = min(settings.axes, max(fewest, int(apart * positions / settings.samples_per_axis)))
    if most < min(width, settings.axes):
        notes.append(
            f"{apart} {what} carry at most {most} of {width} axes "
            f"(samples_per_axis={settings.samples_per_axis:g}); the other axes belong to the residual."
        )
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
        codes = network.coded(white[:, :kept])[0]
        for means, each in zip(found, (codes, white[:, :leading]), strict=True):
            means.append(each.unflatten(0, part.shape[:2]).mean(1))
    return PositionMeans(*(torch.cat(means) for means in found))
