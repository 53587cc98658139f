"""The evaluation of a fit on its test split, which the fit never saw; computed once and saved with it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.data.process import derived_seed
from interpret_inn.effects.from_labels import estimated_effects
from interpret_inn.effects.records import Effect
from interpret_inn.explaining.beside_erasure import ErasureRows, beside_erasure
from interpret_inn.explaining.drift import drifts
from interpret_inn.explaining.evidence import BesideErasure, Drift, FactorSummary, Leakage, Refits, Verdict
from interpret_inn.explaining.factor_maps import factor_map
from interpret_inn.explaining.leakage import FactorReadings, read_factors, summaries
from interpret_inn.explaining.probed_splits import EncodedSplit, ProbedSplits
from interpret_inn.explaining.records import FactorMap
from interpret_inn.explaining.verdicts import verdicts
from interpret_inn.fitting.folds import separable_groups
from interpret_inn.fitting.joint_fit import unfitted_network
from interpret_inn.fitting.store import FitData
from interpret_inn.flows import InvertibleNetwork
from interpret_inn.metrics.probe_folds import FEWEST
from interpret_inn.translating.axes import as_rows
from interpret_inn.translating.fitted import WIDEST_REFERENCE
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Scores

MOST_SAMPLES = 4000
"""Samples of each split that are used at most, so that probes are trained, and scores computed, in seconds."""
ERASURE_SAMPLES = 16384
"""Training samples that linear erasure is fitted to at most, as many as a conditional flow."""
ERASURE_NUMBERS = 2**24
"""Numbers in them at most: fewer samples of wide sites."""
CHUNK = 512
"""Samples that go through the flow together."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Scores from the test split.

    Attributes:
        leakage: Which factor predicts which concept.
        summaries: The size of every factor.
        maps: Test samples in the plane of each factor.
        drifts: How far swapping one factor moves the prediction of another concept.
        scores: Of the factors' codes against the values of concepts; None: not measured.
        refits: Scores of fits of the same size to other samples; None: not measured.
        erasure: Linear erasure beside the flow, by concept; None: not measured.
        effects: What the output does when a concept takes another value, by what labels tell; None: not estimated.
    """

    leakage: Leakage
    summaries: tuple[FactorSummary, ...]
    maps: Mapping[str, FactorMap]
    drifts: tuple[Drift, ...]
    scores: Scores | None = None
    refits: Refits | None = None
    erasure: Mapping[str, BesideErasure] | None = None
    effects: Mapping[str, Effect] | None = None

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """Whether each concept that has values is carried by its factor, confined to it, and gained by the fit."""
        return verdicts(self.leakage, self.refits)


class Probed(NamedTuple):
    """A fit whose factors were probed.

    Attributes:
        splits: Training samples that probes learnt from, and test samples that they were scored on.
        fresh: Samples that the flow was never fitted to, to train probes on and to score them on.
        indices: Rows of the test samples in the pool, int64 (m,).
        found: What the probes read.
    """

    splits: ProbedSplits
    fresh: tuple[ProbedSplits, ...]
    indices: Tensor
    found: FactorReadings

    @property
    def leakage(self) -> Leakage:
        """The scores."""
        return self.found.leakage


@torch.no_grad()
def probed(translator: Translator, data: FitData, *, networks: bool = True) -> Probed:
    """Probes the factors of a fit: on its test split, with probes that are trained on its training split.

    A flow in closed form is exact on its own training samples: what its factors tell of other concepts on new samples,
    they do not tell there. So where a conditional flow is read for concepts of other factors, probes learn from samples
    that it was never fitted to (`_fresh`); those of the validation split chose its scales' shrinkage alone, and which
    flow is kept. Of the comparison with linear erasure, which has a closed form too, both sides are.

    Of each split at most 4,000 samples are used. If the representation has more than 4,096 axes, probes read only those
    that enter the blocks.

    Args:
        translator: Backbone and flow.
        data: What the flow was fitted on.
        networks: Whether networks are among the probes.
    """
    fitted = translator.fitted
    before = unfitted_network(fitted)
    chosen = [
        data.pool.some(split, MOST_SAMPLES, Generator().manual_seed(fitted.seed))
        for split in ("train", "test")
    ]
    train, test = (_encode(data, fitted.network, before, indices) for indices in chosen)
    splits = ProbedSplits(train, test, seed=fitted.seed, networks=networks)
    pairs = _fresh(translator, data, before, chosen[1]) if splits.kinds else ()
    fresh = tuple(ProbedSplits(*pair, seed=fitted.seed, networks=networks) for pair in pairs)
    closed_form = fitted.network.shape.conditional is not None
    found = read_factors(splits, fitted.factors, fresh=fresh if closed_form else ())
    return Probed(splits, fresh, chosen[1], found)


@torch.no_grad()
def evaluate(translator: Translator, data: FitData) -> Evaluation:
    """Scores a fit on its test split, beside linear erasure; see `probed`."""
    fitted = translator.fitted
    splits, fresh, indices, found = probed(translator, data)
    train, test = splits.splits
    erasure: Mapping[str, BesideErasure] = {}
    if splits.kinds:
        rows = _erasure_rows(data, unfitted_network(fitted), train)
        erasure = beside_erasure(rows, fitted.factors, found, splits, fresh)
    maps = {}
    for factor in fitted.factors:
        own = [next((c for c in split.concepts if c.name == factor.name), None) for split in (test, train)]
        maps[factor.name] = factor_map(
            test.codes[..., factor.slice],
            own[0],
            train_codes=train.codes[..., factor.slice],
            train_concept=own[1],
            seed=fitted.seed,
        )
    lines = summaries(fitted.factors, raw_scores=fitted.raw_scores)
    codes, groups = torch.as_tensor(test.codes), data.pool.groups_at(indices)
    moved = drifts(translator, codes[:, 0] if codes.shape[1] == 1 else codes, test.concepts, groups)
    names = [concept.name for concept in fitted.concepts]
    effects = estimated_effects(translator.backbone, data, names, seed=fitted.seed)
    return Evaluation(found.leakage, lines, maps, moved, erasure=erasure, effects=effects)


def _fresh(
    translator: Translator, data: FitData, before: InvertibleNetwork, test: Tensor
) -> tuple[tuple[EncodedSplit, EncodedSplit], ...]:
    """Samples that the flow was never fitted to, to train probes on and to score them on; none if there are too few.

    Probes learn from the validation split and one half of the test split, and are scored on the other half; then the
    halves change places. The validation split chose the scales' shrinkage; no probe is scored on it.
    """
    network, seed = translator.fitted.network, translator.fitted.seed
    groups = separable_groups(data.pool)[test.numpy()]  # a picture of two sources is in one half
    names = np.unique(groups)
    if len(names) < 2 * FEWEST:
        return ()
    chosen = np.random.default_rng(derived_seed(seed, "halves of the test split")).permutation(names)
    first = torch.from_numpy(np.isin(groups, chosen[::2]))
    validation = data.pool.some("validation", MOST_SAMPLES, Generator().manual_seed(seed))
    return tuple(
        (
            _encode(data, network, before, torch.cat((validation, test[half]))),
            _encode(data, network, before, test[~half]),
        )
        for half in (first, ~first)
    )


def _erasure_rows(data: FitData, before: InvertibleNetwork, train: EncodedSplit) -> ErasureRows:
    """What linear erasure is fitted to: the training samples that are encoded already, or more of them."""
    leading, kept = before.shape.leading, train.codes.shape[-1]
    most = min(ERASURE_SAMPLES, ERASURE_NUMBERS // math.prod(train.codes.shape[1:]))
    if min(most, data.pool.counts()[0]) <= len(train.codes):
        return ErasureRows(as_rows(train.unfitted), train.concepts, leading)
    indices = data.pool.some("train", most, Generator().manual_seed(derived_seed(0, "linear erasure")))
    rows = []
    for chunk in indices.split(CHUNK):
        part = data.rows(chunk).to(before.whitening.mean)
        rows.append(as_rows(before(part.flatten(0, 1))[0][:, :kept].unflatten(0, part.shape[:2])))
    return ErasureRows(np.concatenate(rows), data.pool.concepts_at(indices), leading)


def _encode(
    data: FitData, network: InvertibleNetwork, before: InvertibleNetwork, indices: Tensor
) -> EncodedSplit:
    """Some samples through a fitted flow, through the flow before the fit, and as they are."""
    kept = network.shape.width if network.shape.width <= WIDEST_REFERENCE else network.shape.leading
    found: list[list[Tensor]] = [[], [], []]
    whole = kept == network.shape.width
    flows: tuple[Callable[[Tensor], tuple[Tensor, Tensor]], ...] = (
        network,
        before,
        _unchanged if whole else network.whitening,
    )
    for chunk in indices.split(CHUNK):
        rows = data.rows(chunk).to(network.whitening.mean)
        flat = rows.flatten(0, 1)
        for results, flow in zip(found, flows, strict=True):
            codes = flow(flat)[0][:, :kept]
            results.append(codes.reshape(len(rows), -1, kept).cpu())
    codes, unfitted, representation = (torch.cat(results) for results in found)
    if not whole:  # its leading axes, up to a rotation, in its own units
        representation = representation / network.whitening.scales[:kept].cpu()
    return EncodedSplit(
        codes, representation, unfitted, data.pool.concepts_at(indices), data.pool.groups_at(indices)
    )


def _unchanged(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The representation itself, whose single units may tell a concept."""
    return rows, rows.new_zeros(len(rows))
