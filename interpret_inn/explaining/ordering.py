"""Factors that nobody named, sorted by what they do to the output."""

from __future__ import annotations

import dataclasses

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import primary
from interpret_inn.explaining.bench import Bench
from interpret_inn.explaining.responses import measure, output_kind
from interpret_inn.fitting.data import FitData
from interpret_inn.fitting.fitted import Fitted
from interpret_inn.types import Factor, Factors

_INPUTS, _EDITS = 64, 4


@torch.no_grad()
def ordered_by_effect(bench: Bench, data: FitData) -> Fitted:
    """The fit with its named factors in another order: first the one that the output answers to most.

    The effect is that of redrawing a factor from the data, on samples of the fit part: the mean KL divergence
    where outputs are logits, else the change of the output. The first name goes to the strongest factor; the
    residual stays last.

    Args:
        bench: Backbone and flow; its flow is changed in place, so that the bench must not be used any more.
        data: What the flow was fitted on.
    """
    fitted = bench.fitted
    strengths = _effects(bench, data)
    named = sorted(fitted.factors.named, key=lambda factor: -strengths[factor.name])
    leading = fitted.network.shape.leading
    rest = range(fitted.factors[-1].start, leading)
    order = torch.tensor([axis for factor in named for axis in range(factor.start, factor.stop)] + list(rest))
    fitted.network.reorder(order)
    bank = fitted.bank.clone()
    bank[:, :leading] = fitted.bank[:, order]
    names = [factor.name for factor in fitted.factors.named]
    sizes = {name: factor.size for name, factor in zip(names, named, strict=True)}
    scores = {name: fitted.raw_scores[factor.name] for name, factor in zip(names, named, strict=True)}
    last = fitted.factors[-1].name
    return dataclasses.replace(
        fitted,
        bank=bank,
        factors=Factors.from_sizes(sizes, total=fitted.factors.total),
        raw_scores={**scores, last: fitted.raw_scores[last]},
    )


def _effects(bench: Bench, data: FitData) -> dict[str, float]:
    """How strongly the output answers to each named factor, on a few samples of the fit part."""
    entry = data.pool.parts[0]
    places = entry.split.fit[torch.linspace(0, len(entry.split.fit) - 1, _INPUTS).long().unique()]
    with bench.backbone.session():
        prepared = bench.backbone.prepare(entry.source.samples.take(places.tolist()))
        z = bench.backbone.represent(prepared)
        codes, carried = bench.codes(z)
        outputs = primary(bench.backbone.outputs(prepared)).detach().cpu()
        kind = output_kind(outputs)
        found = {}
        for factor in bench.factors.named:
            variants = bench.variants(prepared, z, carried, _redrawn(bench, codes, factor))
            effects = measure(outputs, variants, kind=kind)
            found[factor.name] = float((effects.kl if kind == "classes" else effects.change).mean())
    return found


def _redrawn(bench: Bench, codes: Tensor, factor: Factor) -> Tensor:
    """Codes (M, B, ..., D) with one factor drawn anew from the data; the same draws for every factor."""
    changed = codes.expand(_EDITS, *codes.shape).clone()
    drawn = bench.draw(factor, _EDITS * len(codes), Generator().manual_seed(0)).to(codes)
    changed[..., factor.slice] = drawn.reshape(_EDITS, len(codes), *[1] * (codes.ndim - 2), factor.size)
    return changed
