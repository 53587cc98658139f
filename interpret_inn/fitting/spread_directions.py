"""Directions along which a concept sets the spread of samples, and not their mean."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from interpret_inn.fitting.heads import Head
from interpret_inn.types import Concept, IntArray

_CLEAR = 1.0
"""Mean squared difference of slices' variances from the whole one, in its units, from which a direction is the
concept's own: less, and most of what changes along it is something else."""
_EACH = 2
"""Clear directions of spread for each canonical one, at most. Deep layers of classifiers have many, each of which tells
little more, and the rest needs axes too."""
_SLICES = 10
"""Slices of a number or an angle."""


def with_spread(found: Head, rows: Tensor, concept: Concept) -> Head:
    """A concept's directions, and after them those of sliced average variance estimation (Cook and Weisberg, 1991).

    Canonical directions are those along which a concept moves the mean. Along others it moves nothing, but one class
    is wide there and another narrow: no line reads it, and it is the concept's all the same. Among directions
    orthogonal to the canonical ones, these maximise `Σ_j p_j ‖(Σ_j − Σ) v‖²`, with Σ_j the covariance of slice j, one
    class or a tenth of the values, shrunk to Σ as far as the slice has few samples. They are clear if their variances
    differ by as much as the variance itself.

    Args:
        found: The canonical directions.
        rows: Samples, float64 (N, d), of mean 0.
        concept: Its values, all known. Rows of several numbers have no slices, and no such directions.

    Returns:
        Up to d directions; with η half the mean squared difference along one, its strength is `η / (1 + η)`.
    """
    slices = _slices(concept)
    others = torch.linalg.svd(found.directions, full_matrices=True)[0][:, found.directions.shape[1] :]
    if slices is None or not others.shape[1]:
        return found
    rest = rows @ others
    whole, apart = rest.T @ rest / len(rest), rest.new_zeros(others.shape[1], others.shape[1])
    for number in np.unique(slices):
        mine = rest[torch.from_numpy(slices == number).to(rest.device)]
        if len(mine) <= rest.shape[1]:
            continue
        mine = mine - mine.mean(0)
        difference = (1 - rest.shape[1] / len(mine)) * (mine.T @ mine / len(mine) - whole)
        apart += len(mine) / len(rest) * difference @ difference
    values, vectors = (part.flip(-1) for part in torch.linalg.eigh(apart))
    told = values.clamp_min(0) / 2
    extra = min(int((values > _CLEAR).sum()), _EACH * found.clear)
    return Head(
        torch.cat((found.directions, others @ vectors), 1),
        torch.cat((found.strengths, told / (1 + told))),
        found.clear + extra if found.clear == found.lines else found.clear,
        found.lines,
    )


def _slices(concept: Concept) -> IntArray | None:
    """The slice of each sample, int64 (N,); None if the concept cannot be cut into slices."""
    if concept.values is None:
        return None
    if concept.classes:
        return np.unique(concept.values, return_inverse=True)[1].astype(np.int64)
    if concept.values.ndim > 1:
        return None
    ranks = np.argsort(np.argsort(concept.values, kind="stable"), kind="stable")
    found: IntArray = ranks * _SLICES // len(ranks)
    return found
