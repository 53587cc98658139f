"""Two descriptions of the same samples, laid into the same axes: no linear map between them makes a difference.

Probes of few samples read a code better in some coordinates than in others, so that a rotation alone may look like a
gain or a loss. What is whitened and then turned onto another code (orthogonal Procrustes, Schönemann, 1966) is the same
whatever linear map it went through.
"""

from __future__ import annotations

import numpy as np

from interpret_inn.types import FloatArray

_FLAT = 1e-10
"""Of the largest variance: less carries rounding."""


def whitening(rows: FloatArray) -> FloatArray:
    """The symmetric root of the inverse covariance of rows (n, d), (d, d); directions that do not vary become 0."""
    centred = rows - rows.mean(0)
    values, axes = np.linalg.eigh(centred.T @ centred / len(rows))
    kept = values > _FLAT * values.max(initial=0.0)
    found: FloatArray = (axes[:, kept] / np.sqrt(values[kept])) @ axes[:, kept].T
    return found


def turned_onto(rows: FloatArray, target: FloatArray) -> FloatArray:
    """The map (d, e) that whitens rows (n, d) and turns them to lie as near as they can to the target's, (n, e).

    Nothing of the rows is lost if e ≥ d.

    >>> random = np.random.default_rng(0)
    >>> white = random.normal(size=(50, 3))
    >>> white = white @ whitening(white)
    >>> mixed = white @ random.normal(size=(3, 3))
    >>> bool(np.allclose(mixed @ turned_onto(mixed, white), white))
    True
    """
    white = whitening(rows)
    left, _, right = np.linalg.svd(
        white @ (rows - rows.mean(0)).T @ (target - target.mean(0)), full_matrices=False
    )
    found: FloatArray = white @ left @ right
    return found
