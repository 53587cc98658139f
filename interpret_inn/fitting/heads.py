"""Canonical directions of concepts: the linear functions of a representation that correlate most with their values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interpret_inn.types import Concept
from interpret_inn.types.numbers import NEGLIGIBLE, TINY

_CHANCE = 0.5
"""Directions count whose squared canonical correlation is this share of what chance brings, after that was deducted."""


class Head(NamedTuple):
    """Directions of one concept, the strongest first.

    Attributes:
        directions: float64 (d, j), orthonormal.
        strengths: Squared canonical correlation of each, less what chance brings, float64 (j,), in [0, 1].
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


def head(white: Tensor, concept: Concept) -> Head:
    """The canonical directions of a concept's values (Hotelling, 1936), less what chance brings.

    With exactly white samples, these are the singular vectors of their covariance with orthonormal functions of the
    values, and the singular values are the canonical correlations. N independent samples of d axes bring d/N of a
    squared correlation by chance.

    Args:
        white: Samples, float (N, d), of mean 0; exactly white, or means of exactly white rows.
        concept: With values for the samples; those without a value are left out.
    """
    known = torch.from_numpy(np.flatnonzero(concept.known))
    rows = white.double()[known.to(white.device)]
    rows = rows - rows.mean(0)
    functions = functions_of(concept.at(known.numpy())).to(rows)
    if not functions.shape[1]:  # all values are the same: there is one direction, of strength 0
        functions = rows.new_zeros(len(rows), 1)
    left, values, _ = torch.linalg.svd(rows.T @ functions / len(rows), full_matrices=False)
    chance = min(float(rows.square().mean(0).sum()) / len(rows), 1 - TINY)
    strengths = ((values.square() - chance) / (1 - chance)).clamp(0, 1)
    kept = int((values.square() > NEGLIGIBLE * values.square().max()).sum())
    clear = max(1, min(int((strengths > _CHANCE * chance).sum()), kept))
    return Head(left[:, : max(1, kept)], strengths[: max(1, kept)], clear, max(1, kept))


def functions_of(concept: Concept) -> Tensor:
    """`Concept.functions` of a concept all of whose values are known, float64 (N, k)."""
    return torch.from_numpy(concept.functions)
