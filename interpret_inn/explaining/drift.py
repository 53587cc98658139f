"""How far editing one factor moves what an independent probe predicts of another concept, and what `hold` saves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.explaining.evidence import Drift
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.metrics.probes import FEWEST, LinearProbe, fit_linear_probe
from interpret_inn.translating.codec import placed
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Concept, Factor, FloatArray, IntArray


def drifts(
    translator: Translator, codes: Tensor, concepts: Sequence[Concept], groups: IntArray
) -> tuple[Drift, ...]:
    """Drift of every concept with a factor of its own, for swaps of every other factor.

    `hold` works with a probe trained on the training split. The probe here is independent of it: it is trained on half
    of the groups of the test split. Factors are swapped between samples of the other half. `Concept.distance` says how
    far a prediction moves.

    Args:
        translator: Backbone and flow.
        codes: Of the test split, float (M, d): the leading axes, or all.
        concepts: With values for these samples.
        groups: int64 (M,).
    """
    named = {factor.name for factor in translator.factors.named}
    width = translator.factors.total
    codes = torch.nn.functional.pad(codes, (0, width - codes.shape[1]))
    half = np.isin(groups, np.unique(groups)[::2])
    found: list[Drift] = []
    for concept in concepts:
        if concept.name not in named or concept.values is None:
            continue
        probe = _independent_probe(translator, codes[torch.from_numpy(half)], concept.at(half), groups[half])
        if probe is None:
            continue
        found.extend(
            _drift(translator, codes[torch.from_numpy(~half)], groups[~half], factor, concept, probe)
            for factor in translator.factors.named
            if factor.name != concept.name
        )
    return tuple(found)


def _independent_probe(
    translator: Translator, codes: Tensor, concept: Concept, groups: IntArray
) -> LinearProbe | None:
    """A linear probe of the concept that `hold` does not use; None if too few values are known, or all are equal."""
    values, known = np.asarray(concept.values), concept.known
    if known.sum() < FEWEST or len(np.unique(values[known], axis=0)) < 2:
        return None
    return fit_linear_probe(_representation(translator, codes), values, kind=concept.kind, groups=groups)


def _representation(translator: Translator, codes: Tensor) -> FloatArray:
    """What the probe reads: the whitened representation, float64 (M, d)."""
    white: FloatArray = translator.white(codes.to(translator.fitted.reference_codes)).double().cpu().numpy()
    return white


def _drift(
    translator: Translator,
    codes: Tensor,
    groups: IntArray,
    factor: Factor,
    concept: Concept,
    probe: LinearProbe,
) -> Drift:
    order = torch.randperm(len(codes), generator=Generator().manual_seed(translator.fitted.seed))
    swapped = placed(codes, factor.slice, codes[order, factor.slice])
    held = translator.hold(codes, swapped, factor, [concept.name])
    before = probe.predict(_representation(translator, codes))
    moved = []
    for after in (swapped, held):
        predicted = probe.predict(_representation(translator, after))
        change = concept.distance(before, predicted)
        moved.append(bootstrap_mean(change, groups, seed=translator.fitted.seed))
    return Drift(factor.name, concept.name, without_hold=moved[0], with_hold=moved[1])
