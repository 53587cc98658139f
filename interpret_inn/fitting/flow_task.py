"""What is given to the fit of a flow, and what it gives back, whatever kind of flow it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from interpret_inn.backbones import Backbone
from interpret_inn.fitting.store import FitData, Storage
from interpret_inn.flows import InvertibleNetwork, Whitening
from interpret_inn.translating.settings import FitRecord, FitSettings, Observer
from interpret_inn.types import Factors


@dataclass(frozen=True)
class FlowTask:
    """What a flow is fitted to.

    Attributes:
        backbone: The frozen network and its site.
        data: The samples, their rows and pairs.
        whitening: Of the representation.
        white: The whitened leading axes of all samples, float (N, P, d): P positions, or 1.
        settings: Of the fit.
        seed: Of everything that is drawn.
        sizes: Numbers of axes that the caller gives, by concept.
        checkpoint: Where the state of an interrupted training is kept.
        observers: Called after every validation.
    """

    backbone: Backbone
    data: FitData
    whitening: Whitening
    white: Tensor
    settings: FitSettings
    seed: int
    sizes: Mapping[str, int] = field(default_factory=dict)
    checkpoint: Storage = None
    observers: Sequence[Observer] = ()


class FlowFit(NamedTuple):
    """A fitted flow.

    Attributes:
        network: The flow.
        factors: Its factors.
        raw_scores: The score that each size was estimated from, by factor (see `Fitted`); NaN: the size was given.
        record: The course of the training.
        notes: Caveats, in plain sentences.
        validates: Whether the validation split was large enough to choose by.
    """

    network: InvertibleNetwork
    factors: Factors
    raw_scores: Mapping[str, float]
    record: FitRecord
    notes: tuple[str, ...]
    validates: bool
