"""Coordinates of a factor in which its concept is loud and everything else is quiet."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from interpret_inn.types import Concept, FloatArray
from interpret_inn.types.numbers import NEGLIGIBLE, TINY

_LEAST = 8  # values that it takes to tell a concept's directions from chance
_RIDGE = 1e-3  # of the mean variance, added to that of each axis: axes without variance are not blown up


def concept_coordinates(codes: Tensor, concept: Concept | None) -> Tensor | None:
    """The linear map from a factor's centred codes to where its concept can be seen.

    A flow makes all axes of a code equally loud, those too in which the concept hardly shows. With S_b the covariance
    of what the concept tells of the code (class means; the regression on numbers, on cosine and sine of angles) and
    S_w that of the rest, the map whitens by S_w, turns to the eigenvectors of the whitened S_b, and weighs each by
    λ / (1 + λ), λ its eigenvalue: Fisher's discriminant coordinates, with those that carry noise alone faded out.

    Args:
        codes: Of the reference codes, (M, size).
        concept: With values for these rows; None or without values: there is nothing to go by.

    Returns:
        (size, r), or None where all axes are to count alike.
    """
    if concept is None or concept.values is None or len(codes) != len(concept.values):
        return None
    targets = concept.targets
    present = np.isfinite(targets).all(1)
    if int(present.sum()) < _LEAST or (np.ptp(targets[present], 0) == 0).all():
        return None
    known = codes.detach().cpu().double().numpy()[present]
    centred = np.asarray(known - known.mean(0), np.float64)
    told = _told(centred, concept.at(present))
    size = centred.shape[1]
    within = np.cov(centred - told, rowvar=False).reshape(size, size)
    values, vectors = np.linalg.eigh(within)
    whitening = vectors / np.sqrt(values + _RIDGE * max(float(centred.var(0).mean()), TINY))
    between = np.cov(told @ whitening, rowvar=False).reshape(size, size)
    strength, axes = np.linalg.eigh(between)
    kept = strength > NEGLIGIBLE * max(float(strength.max()), TINY)
    weight = strength[kept] / (1 + strength[kept])
    return torch.from_numpy(whitening @ axes[:, kept] * weight).to(codes)


def _told(codes: FloatArray, concept: Concept) -> FloatArray:
    """What the concept tells of each code, (M, size): the mean of its class, or the regression on its numbers."""
    design = concept.indicators
    if design is None:
        design = np.concatenate([concept.targets, np.ones((len(codes), 1))], 1)
    solution = np.linalg.lstsq(design, codes, rcond=None)[0]
    return np.asarray(design @ solution, np.float64)
