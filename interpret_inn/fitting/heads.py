"""Canonical directions of concepts: the linear functions of a representation that correlate most with their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import ndtri
from scipy.stats import rankdata
from torch import Tensor

from interpret_inn.types import Concept, FloatArray
from interpret_inn.types.numbers import NEGLIGIBLE, TINY

_CHANCE = 0.5
"""Directions count whose squared canonical correlation is this share of what chance brings, after that was deducted."""
_CURVES = 3
"""Polynomials of a number whose directions are looked for, if one direction does not tell all that a layer tells."""


class Head(NamedTuple):
    """Directions of one concept, the strongest first.

    Attributes:
        directions: float64 (d, j), orthonormal.
        strengths: Squared canonical correlation of each, less what chance brings, float64 (j,), in [0, 1].
        clear: How many of them are above chance; at least 1.
    """

    directions: Tensor
    strengths: Tensor
    clear: int

    def first(self, count: int) -> Head:
        """The head of the strongest directions alone."""
        return Head(self.directions[:, :count], self.strengths[:count], min(self.clear, count))


def head(white: Tensor, concept: Concept, *, curved: bool = False) -> Head:
    """The canonical directions of a concept's values (Hotelling, 1936), less what chance brings.

    With exactly white samples, these are the singular vectors of their covariance with orthonormal functions of the
    values, and the singular values are the canonical correlations. N independent samples of d axes bring d/N of a
    squared correlation by chance.

    Args:
        white: Samples, float (N, d), of mean 0; exactly white, or means of exactly white rows.
        concept: With values for the samples; those without a value are left out.
        curved: Whether a number's squares and cubes count, too: a layer may tell it by a direction for small values and
            another one for large ones.
    """
    known = torch.from_numpy(np.flatnonzero(concept.known))
    rows = white.double()[known.to(white.device)]
    rows = rows - rows.mean(0)
    functions = functions_of(concept.at(known.numpy()), curved=curved).to(rows)
    if not functions.shape[1]:  # all values are the same: there is one direction, of strength 0
        functions = rows.new_zeros(len(rows), 1)
    left, values, _ = torch.linalg.svd(rows.T @ functions / len(rows), full_matrices=False)
    chance = min(float(rows.square().mean(0).sum()) / len(rows), 1 - TINY)
    strengths = ((values.square() - chance) / (1 - chance)).clamp(0, 1)
    kept = int((values.square() > NEGLIGIBLE * values.square().max()).sum())
    clear = max(1, min(int((strengths > _CHANCE * chance).sum()), kept))
    return Head(left[:, : max(1, kept)], strengths[: max(1, kept)], clear)


def functions_of(concept: Concept, *, curved: bool = False) -> Tensor:
    """Orthonormal functions of a concept's values, of mean 0, float64 (N, k); all values are known.

    Of classes: indicators over the root of their share, so that their span holds all contrasts of classes. Of numbers:
    normal scores of each column, and with `curved` their Hermite polynomials up to the third. Of angles: cosine and
    sine.
    """
    return torch.from_numpy(_FUNCTIONS[concept.kind](concept, curved))


def _classes(concept: Concept, curved: bool) -> FloatArray:  # noqa: ARG001
    """Indicators over the root of their share, whose covariance is the projection on all contrasts of classes."""
    indicators = concept.indicators
    assert indicators is not None
    shares = indicators.mean(0)
    scaled = indicators / np.sqrt(np.maximum(shares, TINY))
    return np.asarray(scaled - scaled.mean(0))


def _numbers(concept: Concept, curved: bool) -> FloatArray:
    """Orthonormal functions of the normal scores of each column; Hermite polynomials if curves count."""
    scores = ndtri((rankdata(concept.targets, axis=0) - 0.5) / len(concept.targets))
    columns = [scores]
    if curved:
        columns += [scores**2 - 1, scores**3 - 3 * scores][: _CURVES - 1]
    return orthonormal(np.concatenate(columns, 1))


def _angles(concept: Concept, curved: bool) -> FloatArray:  # noqa: ARG001
    return orthonormal(concept.targets)


_FUNCTIONS: Mapping[str, Callable[[Concept, bool], FloatArray]] = {
    "categorical": _classes,
    "numeric": _numbers,
    "cyclic": _angles,
}


def orthonormal(columns: FloatArray) -> FloatArray:
    """Columns (N, k) as uncorrelated ones of mean 0 and variance 1, (N, r): the span is the same."""
    centred = columns - columns.mean(0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    kept = values > NEGLIGIBLE * max(float(values.max(initial=0.0)), TINY)
    return np.asarray(left[:, kept] * math.sqrt(len(columns)))
