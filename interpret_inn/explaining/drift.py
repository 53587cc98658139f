"""How far editing one factor moves what an independent probe predicts of another concept, and what `hold` saves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.explaining.evidence import Drift
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.metrics.probe_coordinates import UNIFORM
from interpret_inn.metrics.probe_folds import FEWEST
from interpret_inn.metrics.probe_task import LinearProbe
from interpret_inn.metrics.probes import fit_linear_probe
from interpret_inn.translating.codec import placed
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Concept, Factor, FloatArray, IntArray
from interpret_inn.types.numbers import BoolArray

_POSITIONS, _FEWEST = 2**14, 32
"""Positions of the samples that are edited, at positions: `hold` costs gradients through the flow for each. Samples at
least, however many positions each of them has."""
_TOGETHER = 2**11
"""Positions that go through `hold` together, at positions."""


def drifts(
    translator: Translator, codes: Tensor, concepts: Sequence[Concept], groups: IntArray
) -> tuple[Drift, ...]:
    """Drift of every concept with a factor of its own, for swaps of every other factor.

    `hold` works with a probe trained on the training split. The probe here is independent of it: it is trained on half
    of the groups of the test split. Factors are swapped between samples of the other half; at positions of up to 16,384
    positions, each with the same position of the other sample. `Concept.distance` says how far a prediction moves.

    Args:
        translator: Backbone and flow.
        codes: Of the test split, float (M, d), or (M, P, d) at positions: the leading axes, or all.
        concepts: With values for these samples.
        groups: int64 (M,).
    """
    named = {factor.name for factor in translator.factors.named}
    watched = [concept for concept in concepts if concept.name in named and concept.values is not None]
    if not watched:
        return ()
    half = np.isin(groups, np.unique(groups)[::2])
    read = _read(translator, codes[torch.from_numpy(half)])
    edited = _edited_samples(~half, codes, seed=translator.fitted.seed)
    swapped = codes[torch.from_numpy(edited)]
    swapped = torch.nn.functional.pad(swapped, (0, translator.factors.total - codes.shape[-1]))
    found: list[Drift] = []
    for concept in watched:
        probe = _independent_probe(read, concept.at(half), groups[half])
        if probe is None:
            continue
        found.extend(
            _drift(translator, swapped, groups[edited], factor, concept, probe)
            for factor in translator.factors.named
            if factor.name != concept.name
        )
    return tuple(found)


def _edited_samples(half: BoolArray, codes: Tensor, *, seed: int) -> IntArray:
    """Indices of the samples of this half that are edited, int64, ascending."""
    samples = np.flatnonzero(half)
    if codes.ndim == 2:
        return samples
    most = max(_FEWEST, _POSITIONS // codes.shape[1])
    return np.sort(np.random.default_rng(seed).permutation(samples)[:most])


def _independent_probe(read: FloatArray, concept: Concept, groups: IntArray) -> LinearProbe | None:
    """A linear probe of the concept that `hold` does not use; None if too few values are known, or all are equal."""
    values, known = np.asarray(concept.values), concept.known
    if known.sum() < FEWEST or len(np.unique(values[known], axis=0)) < 2:
        return None
    return fit_linear_probe(read, values, kind=concept.kind, groups=groups, systems=UNIFORM)


def _read(translator: Translator, codes: Tensor) -> FloatArray:
    """What probes read, float64 (M, d): the whitened representation, at positions its mean over positions."""
    parts = _parts(codes, _POSITIONS)
    read = [translator.probe_input(part.to(translator.fitted.reference_codes)) for part in parts]
    found: FloatArray = torch.cat(read).cpu().double().numpy()
    return found


def _parts(codes: Tensor, positions: int) -> Sequence[Tensor]:
    """Codes of some samples at a time, so that these have up to so many positions; all together without positions."""
    return (codes,) if codes.ndim == 2 else codes.split(max(1, positions // codes.shape[1]))


def _drift(
    translator: Translator,
    codes: Tensor,
    groups: IntArray,
    factor: Factor,
    concept: Concept,
    probe: LinearProbe,
) -> Drift:
    order = torch.randperm(len(codes), generator=Generator().manual_seed(translator.fitted.seed))
    swapped = placed(codes, factor.slice, codes[order][..., factor.slice])
    parts = zip(_parts(codes, _TOGETHER), _parts(swapped, _TOGETHER), strict=True)
    held = torch.cat([translator.hold(own, after, factor, [concept.name]) for own, after in parts])
    before = probe.predict(_read(translator, codes))
    moved = []
    for after in (swapped, held):
        predicted = probe.predict(_read(translator, after))
        change = concept.distance(before, predicted)
        moved.append(bootstrap_mean(change, groups, seed=translator.fitted.seed))
    return Drift(factor.name, concept.name, without_hold=moved[0], with_hold=moved[1])
