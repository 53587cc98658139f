"""The result of a fit: everything that edits and explanations need, and all that is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Layout
from interpret_inn.errors import EditError, suggest
from interpret_inn.flows import InvertibleNetwork
from interpret_inn.renamed import with_old_names
from interpret_inn.translating.settings import FitRecord, FitSettings
from interpret_inn.types import Concept, Factor, Factors, IntArray

WIDEST_REFERENCE = 4096
"""Axes of reference codes that are kept, at most: the leading ones."""


class PositionMeans(NamedTuple):
    """Means over positions of the samples whose codes are the reference codes, in the same order.

    Attributes:
        codes: Of their codes, float (M, w), the axes of the reference codes.
        white: Of their whitened leading axes, float (M, d): the representation's mean up to a fixed linear map.
    """

    codes: Tensor
    white: Tensor


@with_old_names
@dataclass
class Fitted:
    """A fitted flow with its factors, and codes and concepts of the data that it was fitted to.

    Attributes:
        network: The flow.
        layout: How representations become rows.
        z_shape: Shape of one input's representation.
        factors: Its factors.
        raw_scores: What each size was estimated from, by factor; NaN: the size was given. Of a joint flow, the share of
            the layer's variance that the concept's pairs have in common (`concept_scores`), and 1 for the residual. Of
            a conditional flow, the squared canonical correlations of the concept with each axis of its factor, less
            what chance brings, added up: at most its size, which it reaches if a line tells the concept exactly along
            each axis; NaN for the residual, which has the axes that are left.
        concepts: In the order of the factors, with the values of the reference codes.
        settings: Of the fit.
        seed: Of the fit.
        record: The course of the fit.
        split: Numbers of training, validation and test samples.
        reference_codes: Codes of up to 4,096 training samples, float (M, w): all axes, at most the leading 4,096. At
            positions, each row is one random position of one sample.
        reference_groups: int64 (M,), the group of each row of the reference codes.
        position_means: What the samples of the reference codes are as a whole, at positions. None in all other layouts,
            whose reference codes are of whole samples, and for an artefact that was written without it.
        notes: Caveats of the fit, in plain sentences.
        timings: Seconds: `encode`, `fit`.
    """

    network: InvertibleNetwork
    layout: Layout
    z_shape: tuple[int, ...]
    factors: Factors
    raw_scores: Mapping[str, float]
    concepts: tuple[Concept, ...]
    settings: FitSettings
    seed: int
    record: FitRecord
    split: tuple[int, int, int]
    reference_codes: Tensor
    reference_groups: IntArray
    position_means: PositionMeans | None = None
    notes: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)

    def concept(self, factor: Factor) -> Concept | None:
        """The concept that the factor stands for; None for the residual."""
        return next((concept for concept in self.concepts if concept.name == factor.name), None)

    def draw(self, factor: Factor, n: int, generator: Generator) -> Tensor:
        """`n` codes of the factor, drawn from the reference codes, float (n, size); axes that these lack are 0."""
        chosen = torch.randint(len(self.reference_codes), (n,), generator=generator)
        drawn = self.reference_codes[chosen, factor.slice]
        return torch.nn.functional.pad(drawn, (0, factor.size - drawn.shape[1]))

    def class_code(self, factor: Factor, name: str) -> Tensor:
        """Mean code of a class of the factor's concept, float (size,).

        Raises:
            EditError: the factor has no classes, or none of that name.
        """
        concept = self.concept(factor)
        if concept is None or not concept.classes or concept.values is None:
            raise EditError(
                f"Expected numbers for the factor {factor.name!r}, found the name {name!r}: "
                "only factors of categorical concepts have classes."
            )
        if name not in concept.classes:
            raise EditError(
                f"The concept {factor.name!r} has no class {name!r}. {suggest(name, concept.classes)}"
            )
        members = np.flatnonzero(concept.values == concept.classes.index(name))
        if not len(members):
            stored = [each for number, each in enumerate(concept.classes) if (concept.values == number).any()]
            shown = ", ".join(map(repr, stored[:5])) + (
                f" and {len(stored) - 5} more" if len(stored) > 5 else ""
            )
            raise EditError(
                f"No stored sample of {factor.name!r} is {name!r}, so it has no mean code. Classes that have one: "
                f"{shown or 'none'}."
            )
        return self.reference_codes[torch.from_numpy(members), factor.slice].mean(0)
