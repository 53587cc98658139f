"""Checks of the machinery, measured on inputs: round trips, agreement, identity without edits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import primary
from interpret_inn.backbones.structures import same
from interpret_inn.explaining.evidence import Checks
from interpret_inn.explaining.redraws import output_kind
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.codec import Codec, placed

_SAME_OUTPUT = 1e-3
"""Outputs that change by a smaller share of their spread are the same: rounding in the model gives less."""


class BatchChecks(NamedTuple):
    """`Checks` of one batch, before they are joined."""

    data: float
    edited: float
    agreeing: int
    change: float
    identical: bool
    finite: bool
    inputs: int


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
    through = primary(batch.outputs_at(there))
    agreeing, change = _agreement(primary(outputs), through)
    unedited = translator.backbone.rewritten(batch.prepared, lambda z: z)
    edited, finite = _edited_round_trip(
        translator, codes.flatten(0, -2), scale, Generator().manual_seed(seed)
    )
    return BatchChecks(
        data=_largest((there - batch.z).float()) / scale,
        edited=edited,
        agreeing=agreeing,
        change=change,
        identical=same(outputs, unedited),
        finite=finite and bool(torch.isfinite(codes).all()) and bool(torch.isfinite(through).all()),
        inputs=len(batch),
    )


def join_checks(parts: Sequence[BatchChecks]) -> Checks:
    """The checks of several batches as one: the worst error, the share that agrees."""
    inputs = sum(part.inputs for part in parts)
    return Checks(
        round_trip_data=max(part.data for part in parts),
        round_trip_edited=max(part.edited for part in parts),
        agreement=sum(part.agreeing for part in parts) / inputs,
        output_change=max(part.change for part in parts),
        unedited_identical=all(part.identical for part in parts),
        finite=all(part.finite for part in parts),
        samples=inputs,
    )


def _scale(translator: Codec) -> float:
    """Root mean variance of the representation's axes: the noise floor is a share of it."""
    return float(translator.fitted.network.whitening.noise) / translator.fitted.settings.noise


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


def _agreement(before: Tensor, after: Tensor) -> tuple[int, float]:
    """How many inputs keep their output, and the largest change in units of the outputs' spread."""
    classes = output_kind(before) == "classes"
    before, after = (outputs.reshape(len(outputs), -1).float() for outputs in (before, after))
    spread = float(before.std(correction=0)) or 1.0
    change = (after - before).abs().amax(1) / spread
    kept = change < _SAME_OUTPUT
    if classes:
        kept |= before.argmax(1) == after.argmax(1)
    return int(kept.sum()), float(change.max())
