"""The settings of a fit, and its record."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

from interpret_inn.errors import FitError, PluginError, suggest
from interpret_inn.types import ConceptSource, FitStep

FLOWS = ("auto", "conditional", "joint")
"""Kinds of flow that a fit may be asked for."""
OF_TRAINING = (
    "steps", "pairs", "blocks", "hidden", "depth", "learning_rate", "weight_decay", "warm_up", "clip", "every",
    "patience",
)  # fmt: skip
"""Settings that say how a joint flow is trained."""
LARGEST_SEED = 2**63 - 1
"""Largest seed that generators of torch take whatever their sign."""
MOST_NOISE = 1000
"""Largest noise floor: beneath a larger one nothing of the representation is left."""
MOST_REFITS = 100
"""Most refits: each takes as long as a fit, and beyond that many the intervals hardly change."""


@dataclass(frozen=True)
class FitSettings:
    """Everything about a fit but its sources and its seed.

    Attributes:
        flow: `conditional`: linear factors in closed form, and everything else made independent of them. `joint`:
            coupling blocks over all axes, trained on pairs. `auto`: conditional, but joint where a source trains,
            turns or orders axes of its own, where a concept has pairs alone, or where settings of training are given;
            for concepts that no line tells, the better of both.
        steps: Number of optimiser steps planned; early stopping may end sooner.
        pairs: Pairs in a step.
        blocks: Coupling blocks of the flow; 0: it only rotates, and the fit ends with the rotation it begins with.
        hidden: Width of the conditioners' hidden layers.
        depth: Number of their hidden layers.
        learning_rate: The highest; the rate rises over the first `warm_up` steps and then falls as a cosine.
        weight_decay: Of AdamW.
        warm_up: Steps over which the learning rate rises.
        clip: Largest norm of the gradient.
        noise: The noise floor, in units of the representation's root mean variance per axis.
        explained: Share of the variance that the axes in the blocks must hold.
        axes: Largest number of axes in the blocks.
        samples_per_axis: Training samples for every axis in the blocks: fewer samples cap the axes.
        every: Steps between validations (and between checkpoints).
        patience: Validations without improvement before the fit stops.
        refits: Fits of the same size to other samples, each judged on a fifth of all samples that it never saw; they
            say how far scores would differ. They change nothing of the fit, and are made of a conditional flow alone.
            None: five if there are at least 25 samples, fewer than 500 in the training split, and at most three
            concepts have values, else none; a group of samples counts as one.
    """

    flow: str = "auto"
    steps: int = 1000
    pairs: int = 256
    blocks: int = 4
    hidden: int = 128
    depth: int = 1
    learning_rate: float = 5e-3
    weight_decay: float = 1e-2
    warm_up: int = 30
    clip: float = 1.0
    noise: float = 0.1
    explained: float = 0.99
    axes: int = 256
    samples_per_axis: float = 3.0
    every: int = 50
    patience: int = 10
    refits: int | None = None

    def __post_init__(self) -> None:
        if self.flow not in FLOWS:
            raise FitError(f"There is no flow {self.flow!r}. {suggest(str(self.flow), FLOWS)}")
        for each in fields(self):
            found = getattr(self, each.name)
            if each.name == "flow" or (each.name == "refits" and found is None):
                continue
            kind, words = (Real, "a number") if each.type == "float" else (Integral, "a whole number")
            if isinstance(found, bool) or not isinstance(found, kind):
                raise FitError(f"Expected {each.name} to be {words}, found {found!r:.60}.")
            if each.type == "float" and not _is_finite(found):
                raise FitError(f"Expected {each.name} to be a finite number, found {found!r:.60}.")
        for name in ("steps", "pairs", "hidden", "depth", "axes", "every", "patience"):
            if getattr(self, name) < 1:
                raise FitError(f"Expected {name} of at least 1, found {getattr(self, name)}.")
        for name in ("learning_rate", "clip", "noise", "samples_per_axis"):
            if not getattr(self, name) > 0:
                raise FitError(f"Expected {name} above 0, found {getattr(self, name)}.")
        for name in ("weight_decay", "warm_up", "blocks"):
            if not getattr(self, name) >= 0:
                raise FitError(f"Expected {name} of at least 0, found {getattr(self, name)}.")
        if self.refits is not None and self.refits != 0 and self.refits < 2:
            raise FitError(
                f"Expected refits of 0, or at least 2 to tell how far they differ, found {self.refits}."
            )
        for name, most in (("noise", MOST_NOISE), ("refits", MOST_REFITS)):
            if (getattr(self, name) or 0) > most:
                raise FitError(f"Expected {name} of at most {most}, found {getattr(self, name)!r:.60}.")
        if not 0 < self.explained <= 1:
            raise FitError(f"Expected explained in (0, 1], found {self.explained}.")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all settings."""
        return tuple(field.name for field in fields(cls))


def checked_seed(seed: Any) -> int:
    """The seed of a fit as a plain whole number.

    Raises:
        FitError: it is none from 0 to 2⁶³ − 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= int(seed) <= LARGEST_SEED:
        raise FitError(f"Expected seed to be a whole number from 0 to 2**63 - 1, found {seed!r:.60}.")
    return int(seed)


def _is_finite(value: Any) -> bool:
    """Whether a real number is finite as a float; fractions and whole numbers may be too large for one."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def requested_settings(sources: Sequence[ConceptSource]) -> dict[str, Any]:
    """The `settings` of sources together; of several sources the first that names a setting counts.

    `blocks` is an exception: the largest number counts, and a source that does not name it needs the default. A source
    that learns from pairs keeps its blocks beside one that only rotates.

    Raises:
        PluginError: a source names a setting that does not exist, or a value that it cannot have.
    """
    found: dict[str, Any] = {}
    blocks = []
    for source in reversed(sources):
        requested = _checked_settings(source)
        found |= requested
        blocks.append(requested.get("blocks", FitSettings.blocks))
    return found | ({"blocks": max(blocks)} if "blocks" in found else {})


def _checked_settings(source: ConceptSource) -> Mapping[str, Any]:
    requested = source.settings
    if not isinstance(requested, Mapping):
        raise PluginError(
            f"Expected settings of the concept source {source.name!r} to be a mapping from settings of the fit to "
            f"values, found {requested!r:.80}."
        )
    strange = sorted((name for name in requested if name not in FitSettings.names()), key=str)
    if strange:
        raise PluginError(
            f"The concept source {source.name!r} asks for settings of the fit that there are not: {strange}. "
            f"{suggest(str(strange[0]), FitSettings.names())}"
        )
    try:
        FitSettings(**requested)
    except FitError as error:
        raise PluginError(
            f"The settings of the concept source {source.name!r} cannot be used. {error}"
        ) from None
    return requested


Observer = Callable[[FitStep], None]


@dataclass(frozen=True)
class FitRecord:
    """The course of a fit.

    Attributes:
        steps: Steps taken.
        best_step: The step whose weights were kept.
        stopped_early: The validation split no longer improved.
        seconds: Time in steps and validations, of all processes that worked on the fit; of a conditional flow, which
            has neither, that of the whole fit after whitening.
        history: (step, training loss, validation loss) at every validation, in nats per pair and axis; the validation
            loss includes what the losses of sources add to it.
        gain: Nats per validation sample (at positions: per position) by which the flow is likelier than the rotation
            that it begins with, over the axes in the blocks. Of a conditional flow, of single samples by N(0, I); of a
            joint one, half of what pairs gain. Both chose by the same samples, so that it is an upper bound. NaN: not
            measured, as without validation samples, or where a source adds a loss.
    """

    steps: int
    best_step: int
    stopped_early: bool
    seconds: float
    history: tuple[tuple[int, float, float], ...]
    gain: float = math.nan
