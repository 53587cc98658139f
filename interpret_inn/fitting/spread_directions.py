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
_TAIL = 3.0
"""Standard deviations beyond which rows count no more: a few far ones would make up a slice's variance."""
_EXCHANGES = 5
"""Draws of slices that are exchanged among groups."""
_SLICES = 10
"""Slices of a number or an angle."""


def with_spread(found: Head, rows: Tensor, concept: Concept, groups: IntArray) -> Head:
    """A concept's directions, and after them those of sliced average variance estimation (Cook and Weisberg, 1991).

    Canonical directions are those along which a concept moves the mean. Along others it moves nothing, but one class
    is wide there and another narrow: no line reads it, and it is the concept's all the same. Among directions
    orthogonal to the canonical ones, these maximise `Σ_j p_j ‖(Σ_j − Σ) v‖²`, with Σ_j the covariance of slice j, one
    class or a tenth of the values; slices of no more groups than axes tell nothing. What slices reach that are
    exchanged among groups is deducted. They are clear if variances still differ by as much as the variance itself.

    Args:
        found: The canonical directions.
        rows: Samples, float64 (N, d), of mean 0.
        concept: Its values, all known. Rows of several numbers have no slices, and no such directions.
        groups: Of the samples, int64 (N,): those of one group are variants of one thing.

    Returns:
        Up to d directions; with η half the mean squared difference along one, its strength is `η / (1 + η)`.
    """
    slices = None if concept.values is None else concept.slices(_SLICES)
    others = torch.linalg.svd(found.directions, full_matrices=True)[0][:, found.directions.shape[1] :]
    if slices is None or not others.shape[1]:
        return found
    rest = rows @ others
    rest = (rest - rest.mean(0)).clamp(-_TAIL, _TAIL)
    names = np.unique(groups, return_inverse=True)[1]
    values, vectors = (part.flip(-1) for part in torch.linalg.eigh(_apart(rest, slices, names)))
    random = np.random.default_rng(0)
    draws = _EXCHANGES if float(values[0]) > _CLEAR else 0
    chance = max(
        (
            float(torch.linalg.eigvalsh(_apart(rest, _exchanged(slices, names, random), names))[-1])
            for _ in range(draws)
        ),
        default=0.0,
    )
    values = (values - chance).clamp_min(0)
    extra, told = min(int((values > _CLEAR).sum()), _EACH * found.clear), values / 2
    return Head(
        torch.cat((found.directions, others @ vectors), 1),
        torch.cat((found.strengths, told / (1 + told))),
        found.clear + extra if found.clear == found.lines else found.clear,
        found.lines,
    )


def _apart(rest: Tensor, slices: IntArray, names: IntArray) -> Tensor:
    """How much covariances (r, r) of slices differ from that of all rows (N, r): their squared differences' mean."""
    whole, apart = rest.T @ rest / len(rest), rest.new_zeros(rest.shape[1], rest.shape[1])
    for number in np.unique(slices):
        mine = slices == number
        if len(np.unique(names[mine])) <= rest.shape[1]:
            continue
        some = rest[torch.from_numpy(mine).to(rest.device)]
        some = some - some.mean(0)
        difference = some.T @ some / len(some) - whole
        apart += len(some) / len(rest) * difference @ difference
    return apart


def _exchanged(slices: IntArray, names: IntArray, random: np.random.Generator) -> IntArray:
    """The slices of other samples: of other groups as wholes, if no group lies in several slices."""
    first = np.unique(names, return_index=True)[1]
    found: IntArray = (
        random.permutation(slices[first])[names]
        if np.array_equal(slices[first][names], slices)
        else random.permutation(slices)
    )
    return found
