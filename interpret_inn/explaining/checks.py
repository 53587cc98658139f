"""Checks of the machinery, measured on inputs: round trips, agreement, identity without edits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import drop_wrong_tail, primary
from interpret_inn.backbones.structures import same
from interpret_inn.effects.changes import output_kind
from interpret_inn.explaining.evidence import Checks
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.codec import Codec, placed
from interpret_inn.types.numbers import SAME_OUTPUT


class ComparedOutputs(NamedTuple):
    """How outputs of n inputs change, before it is known how far the outputs of all inputs are apart.

    Attributes:
        kept: Whether each keeps its top class, bool (n,); False if there are no classes.
        change: The largest absolute change of each output, float (n,).
        size: Numbers in all outputs.
        mean: Their mean, before the change.
        variance: Their variance.
    """

    kept: Tensor
    change: Tensor
    size: int
    mean: float
    variance: float


class BatchChecks(NamedTuple):
    """`Checks` of one batch, before they are joined."""

    data: float
    edited: float
    outputs: ComparedOutputs
    identical: bool
    finite: bool
    inputs: int
    batch_effect: float = math.nan


@torch.no_grad()
def check_batch(batch: Batch, *, seed: int) -> BatchChecks:
    """Checks one batch.

    The round trip on edited codes resamples every factor in turn. It is measured in the code, whose axes have unit
    variance, and in the representation, in units of its scale; the larger error counts. The bare model is run anew,
    without any hook: the outputs that a batch keeps come from a forward with a hook at the site.
    """
    translator, codes = batch.translator, batch.codes
    scale = _scale(translator)
    there = translator.representation(codes, batch.carried, batch.z)
    outputs = translator.backbone.outputs(batch.prepared)
    drop_wrong_tail(translator.backbone, batch.z, primary(outputs))
    through = primary(batch.outputs_at(there))
    changes = compared_outputs(primary(outputs), through)
    unedited = translator.backbone.rewritten(batch.prepared, lambda z: z)
    edited, finite = _edited_round_trip(
        translator, codes.flatten(0, -2), scale, Generator().manual_seed(seed)
    )
    return BatchChecks(
        data=_largest((there - batch.z).float()) / scale,
        edited=edited,
        outputs=changes,
        identical=same(outputs, unedited),
        finite=finite and bool(torch.isfinite(codes).all()) and bool(torch.isfinite(through).all()),
        inputs=len(batch),
        batch_effect=_batch_effect(batch) / scale,
    )


def join_checks(parts: Sequence[BatchChecks]) -> Checks:
    """The checks of several batches as one: the worst error, the share that agrees."""
    inputs = sum(part.inputs for part in parts)
    agreeing, change = _agreement([part.outputs for part in parts])
    return Checks(
        round_trip_data=max(part.data for part in parts),
        round_trip_edited=max(part.edited for part in parts),
        agreement=agreeing / inputs,
        output_change=change,
        unedited_identical=all(part.identical for part in parts),
        finite=all(part.finite for part in parts),
        samples=inputs,
        batch_effect=max((e for p in parts if math.isfinite(e := p.batch_effect)), default=math.nan),
    )


def _scale(translator: Codec) -> float:
    """Root mean variance of the representation's axes: the noise floor is a share of it."""
    return float(translator.fitted.network.whitening.noise) / translator.fitted.settings.noise


def _batch_effect(batch: Batch) -> float:
    """How far the representation of the first input alone lies from that within its batch; NaN for a batch of one."""
    if len(batch) < 2:
        return math.nan
    alone = batch.translator.backbone.represent(batch.prepared[:1])
    return _largest((alone - batch.z[:1]).float())


def _edited_round_trip(
    translator: Codec, codes: Tensor, scale: float, generator: Generator
) -> tuple[float, bool]:
    """The largest error of codes (R, D) with one factor redrawn, for each factor; and whether all is finite."""
    network, worst, finite = translator.fitted.network, 0.0, True
    for factor in translator.factors:
        changed = placed(codes, factor.slice, translator.draw(factor, len(codes), generator))
        rows, _ = network.inverse(changed)
        again, _ = network(rows)
        back, _ = network.inverse(again)
        worst = max(worst, _largest(again - changed), _largest(back - rows) / scale)
        finite = finite and bool(torch.isfinite(rows).all())
    return worst, finite


def _largest(difference: Tensor) -> float:
    """Largest absolute value; infinite if a value is not finite."""
    largest = float(difference.abs().max())
    return largest if math.isfinite(largest) else math.inf


def compared_outputs(before: Tensor, after: Tensor) -> ComparedOutputs:
    """How outputs (n, ...) change."""
    classes = output_kind(before) == "classes"
    # on the CPU, as some devices have no float64
    before, after = (outputs.cpu().reshape(len(outputs), -1).float() for outputs in (before, after))
    kept = before.argmax(1) == after.argmax(1) if classes else torch.zeros(len(before), dtype=torch.bool)
    values = before.double()
    return ComparedOutputs(
        kept,
        (after - before).abs().amax(1),
        values.numel(),
        float(values.mean()),
        float(values.var(correction=0)),
    )


def _agreement(parts: Sequence[ComparedOutputs]) -> tuple[int, float]:
    """How many inputs keep their output, and the largest change in units of the spread of all outputs."""
    change = torch.cat([part.change for part in parts]) / _unit(parts)
    kept = torch.cat([part.kept for part in parts]) | (change < SAME_OUTPUT)
    return int(kept.sum()), float(change.max())


def _unit(parts: Sequence[ComparedOutputs]) -> float:
    """Standard deviation of all outputs together; if they are all equal, their size, and 1 if they are 0."""
    size = sum(part.size for part in parts)
    mean = sum(part.size * part.mean for part in parts) / size
    variance = sum(part.size * (part.variance + (part.mean - mean) ** 2) for part in parts) / size
    return math.sqrt(variance) or abs(mean) or 1.0
