"""The factors of `ordered` sources, sorted by their effect on the output."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Generator

from interpret_inn.effects.changes import measure, output_kind
from interpret_inn.fitting.pool import PooledSource
from interpret_inn.fitting.store import FitData
from interpret_inn.translating.codec import placed
from interpret_inn.translating.fitted import Fitted
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Factor, Factors

_INPUTS, _EDITS = 64, 4  # inputs and redraws of each: means over 256 outputs, enough to rank by


@torch.no_grad()
def ordered_by_effect(translator: Translator, data: FitData) -> Fitted:
    """The fit with the factors of its `ordered` sources sorted: the one with the strongest effect on the output first.

    The effect is that of redrawing a factor from the data, on samples of the training split: the mean KL divergence
    if outputs are logits, else the change of the output. The source's first name goes to its strongest
    factor; factors of other sources keep their names and their order, and the residual stays last. A size that was
    asked for by name stays with its name: such factors change places only with those for which the same was asked.

    Args:
        translator: Backbone and flow. Sorting changes the flow in place; the translator must not be used afterwards.
        data: What the flow was fitted on.
    """
    indices = list(range(len(translator.factors.named)))
    for entry in data.pool.parts:
        if entry.source.ordered:
            own = entry.columns.tolist()
            strengths = _effects(translator, entry, [translator.factors[index] for index in own])
            by_index = dict(zip(own, strengths, strict=True))
            for alike in _interchangeable(translator.fitted, own):
                ranked = sorted(alike, key=lambda index: -by_index[index])
                for index, chosen in zip(alike, ranked, strict=True):
                    indices[index] = chosen
    return translator.fitted if indices == sorted(indices) else _moved(translator.fitted, indices)


def _interchangeable(fitted: Fitted, indices: Sequence[int]) -> list[list[int]]:
    """Indices of factors that may take each other's names: all whose sizes were estimated, and all given one size."""
    alike: dict[int | None, list[int]] = {}
    for index in indices:
        factor = fitted.factors.named[index]
        was_given = math.isnan(fitted.raw_scores[factor.name])
        alike.setdefault(factor.size if was_given else None, []).append(index)
    return list(alike.values())


def _moved(fitted: Fitted, indices: Sequence[int]) -> Fitted:
    """The fit with the factor at `indices[i]` moved to index i, whose name it takes."""
    named = [fitted.factors.named[index] for index in indices]
    leading = fitted.network.shape.leading
    rest = range(fitted.factors[-1].start, leading)
    order = torch.tensor([axis for factor in named for axis in range(factor.start, factor.stop)] + list(rest))
    fitted.network.reorder(order)
    reference = placed(fitted.reference_codes, slice(0, leading), fitted.reference_codes[:, order])
    means = fitted.position_means
    if means is not None:
        means = means._replace(codes=placed(means.codes, slice(0, leading), means.codes[:, order]))
    names = [factor.name for factor in fitted.factors.named]
    sizes = {name: factor.size for name, factor in zip(names, named, strict=True)}
    scores = {name: fitted.raw_scores[factor.name] for name, factor in zip(names, named, strict=True)}
    last = fitted.factors[-1].name
    return dataclasses.replace(
        fitted,
        reference_codes=reference,
        position_means=means,
        factors=Factors.from_sizes(sizes, total=fitted.factors.total),
        raw_scores={**scores, last: fitted.raw_scores[last]},
    )


def _effects(translator: Translator, entry: PooledSource, factors: Sequence[Factor]) -> list[float]:
    """How much redraws of each factor change the output, on a few samples of their source's training split."""
    indices = entry.training_samples(_INPUTS)
    with translator.backbone.session():
        prepared = translator.backbone.prepare(entry.source.samples.take(indices.tolist()))
        batch = translator.batch(prepared, outputs=True)
        outputs = batch.primary_outputs()
        kind = output_kind(outputs)
        found = []
        for factor in factors:
            same_draws = Generator().manual_seed(0)  # of the stored samples, for every factor
            redrawn = batch.redrawn(factor, _EDITS, same_draws)
            effects = measure(outputs, redrawn.outputs(), kind=kind)
            found.append(float((effects.kl if kind == "classes" else effects.change).mean()))
    return found
