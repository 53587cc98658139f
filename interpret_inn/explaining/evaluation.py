"""What held-out data say of a fit: computed once, from rows that the fit never saw, and saved with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.explaining.drift import drifts
from interpret_inn.explaining.evidence import Drift, FactorSummary, Leakage
from interpret_inn.explaining.factor_maps import factor_map
from interpret_inn.explaining.leakage import leakage, summaries
from interpret_inn.explaining.records import FactorMap
from interpret_inn.fitting.data import FitData
from interpret_inn.fitting.fit import unfitted_network
from interpret_inn.flows import InvertibleNetwork
from interpret_inn.translating.fitted import WIDEST_REFERENCE, Fitted
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Concept, IntArray, Scores

_ROWS = 4000


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Scores from the test split.

    Attributes:
        leakage: Which factor predicts which concept.
        summaries: One line for every factor.
        maps: Judge samples in the plane of each factor.
        drifts: How much swapping one factor moves the probe of another concept.
        scores: Of the factors' codes against the values of concepts; None: not measured.
    """

    leakage: Leakage
    summaries: tuple[FactorSummary, ...]
    maps: Mapping[str, FactorMap]
    drifts: tuple[Drift, ...]
    scores: Scores | None = None


class _Part(NamedTuple):
    """Codes of one part, float (n, P, d): fitted, unfitted, and the representation, turned but not scaled."""

    codes: Tensor
    unfitted: Tensor
    turned: Tensor
    concepts: tuple[Concept, ...]
    groups: IntArray


@torch.no_grad()
def judge(translator: Translator, data: FitData) -> Evaluation:
    """Scores a fit on its test split; probes are trained on its training split.

    Of more than 4,000 samples a part, 4,000 are used. Where the representation has more than 4,096 axes,
    only those that enter the blocks are read out.
    """
    fitted = translator.fitted
    before = unfitted_network(fitted)
    train_part = _encode(data, fitted, before, _some(data.pool.indices("train"), fitted.seed))
    test_part = _encode(data, fitted, before, _some(data.pool.indices("test"), fitted.seed))
    count = len(train_part.codes)
    concepts = [_joined(a, b) for a, b in zip(train_part.concepts, test_part.concepts, strict=True)]
    table = leakage(
        train_part.codes, test_part.codes,
        z_train=train_part.turned, z_test=test_part.turned,
        unfitted_train=train_part.unfitted, unfitted_test=test_part.unfitted,
        factors=fitted.factors, concepts=concepts,
        train_index=np.arange(count), test_index=count + np.arange(len(test_part.codes)),
        groups=np.concatenate((train_part.groups, test_part.groups)), seed=fitted.seed, rows=_ROWS,
    )  # fmt: skip
    maps = {}
    for factor in fitted.factors:
        own = [
            next((c for c in part.concepts if c.name == factor.name), None)
            for part in (test_part, train_part)
        ]
        maps[factor.name] = factor_map(
            test_part.codes[..., factor.slice],
            own[0],
            train_codes=train_part.codes[..., factor.slice],
            train_concept=own[1],
            seed=fitted.seed,
        )
    lines = summaries(table, fitted.factors, raw_scores=fitted.raw_scores)
    moved = drifts(translator, test_part.codes.mean(1), test_part.concepts, test_part.groups)
    return Evaluation(table, lines, maps, moved)


def _some(indices: Tensor, seed: int) -> Tensor:
    order = torch.randperm(len(indices), generator=Generator().manual_seed(seed))
    return indices[order[:_ROWS].sort().values]


def _encode(data: FitData, fitted: Fitted, before: InvertibleNetwork, indices: Tensor) -> _Part:
    network = fitted.network
    kept = network.shape.width if network.shape.width <= WIDEST_REFERENCE else network.shape.leading
    found: list[list[Tensor]] = [[], [], []]
    flows: tuple[Callable[[Tensor], tuple[Tensor, Tensor]], ...] = (network, before, network.whitening)
    for chunk in indices.split(512):
        rows = data.rows(chunk).to(network.whitening.mean)
        flat = rows.flatten(0, 1)
        for results, flow in zip(found, flows, strict=True):
            codes = flow(flat)[0][:, :kept]
            results.append(codes.reshape(len(rows), -1, kept).cpu())
    codes, unfitted, white = (torch.cat(results) for results in found)
    turned = white / network.whitening.scales[:kept].cpu()
    return _Part(codes, unfitted, turned, data.pool.concepts_at(indices), data.pool.groups_at(indices))


def _joined(first: Concept, second: Concept) -> Concept:
    if first.values is None or second.values is None:
        return first
    return dataclasses.replace(first, values=np.concatenate((first.values, second.values)))
