"""Canonical directions of concepts: the linear functions of a representation that correlate most with their values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interpret_inn.fitting.axis_trust import agreement, trusted
from interpret_inn.fitting.clear_directions import clear_directions
from interpret_inn.types import Concept, IntArray
from interpret_inn.types.numbers import NEGLIGIBLE


class Head(NamedTuple):
    """Directions of one concept, the strongest first.

    Attributes:
        directions: float64 (d, j), orthonormal.
        strengths: Squared correlation of each with its function of the values, on samples left out, float64 (j,), in
            [0, 1].
        clear: How many of them are above chance; at least 1.
        lines: How many of them, from the first on, tell the concept by a line. Those after them tell it by spread.
    """

    directions: Tensor
    strengths: Tensor
    clear: int
    lines: int

    def first(self, count: int) -> Head:
        """The head of the strongest directions alone."""
        return Head(
            self.directions[:, :count], self.strengths[:count], min(self.clear, count), min(self.lines, count)
        )


def head(white: Tensor, concept: Concept, groups: IntArray, variances: Tensor) -> Head:
    """The canonical directions of a concept's values (Hotelling, 1936), as far as samples left out bear them out.

    With exactly white samples and axes of equal variance, these are the singular vectors of their covariance with
    orthonormal functions of the values, and the singular values are the canonical correlations. Axes of small variance
    are trusted less if samples are few (`axis_trust`). What correlates by chance alone does not on samples left out.

    Args:
        white: Samples, float (N, d), of mean 0; exactly white, or means of exactly white rows.
        concept: With values for the samples; those without a value are left out.
        groups: Of the samples, int64 (N,): those of one group are variants of one thing.
        variances: Of the axes in the layer, float64 (d,).
    """
    known = np.flatnonzero(concept.known)
    rows = white.double()[torch.from_numpy(known).to(white.device)]
    functions = functions_of(concept.at(known)).to(rows) if len(known) else rows.new_zeros(0, 0)
    if not functions.shape[1]:  # nothing is known, or all values are the same
        return Head(torch.eye(white.shape[1], 1).to(rows), rows.new_zeros(1), 1, 1)
    ridge = trusted(rows - rows.mean(0), functions, variances.to(rows), groups[known])
    left, values, right = torch.linalg.svd(ridge.maps @ functions, full_matrices=False)
    kept = max(1, int((values.square() > NEGLIGIBLE * values.square().max()).sum()))
    strengths = agreement(ridge.predicted @ right.T, functions @ right.T)[:kept]
    clear = clear_directions(ridge.maps, functions, groups[known])
    return Head(left[:, :kept], strengths, max(1, min(clear, kept)), kept)


def functions_of(concept: Concept) -> Tensor:
    """`Concept.functions` of a concept all of whose values are known, float64 (N, k)."""
    return torch.from_numpy(concept.functions)
