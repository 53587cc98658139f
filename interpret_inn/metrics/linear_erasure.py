"""Linear erasure of a concept: the directions that tell it, and the rows without all that is linear in it.

Belrose et al., "LEACE: Perfect linear concept erasure in closed form" (2023), Theorem 4.2: of all affine maps after
which no linear probe reads z from x, r(x) = x − W⁺ P W (x − μ) changes x least, with W = (Σ_xx^½)⁺ and P the orthogonal
projection on the range of W Σ_xz. With the regression weights B = Σ_xx⁺ Σ_xz, the same map is
r(x) = x − Σ_xz (Bᵀ Σ_xz)⁺ Bᵀ (x − μ): no root of a matrix is needed. Its read-out Bᵀ (x − μ) spans the canonical
variates of x and z (Hotelling, 1936), which are all that is linear in the concept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from interpret_inn.types import FloatArray

_FLAT = 1e-10
"""Of the largest variance, and of the largest squared canonical correlation: less carries rounding."""


class LinearErasure(NamedTuple):
    """What erases one concept from rows (n, D).

    Attributes:
        mean: Float64 (D,), μ.
        filters: Float64 (D, r), the canonical directions, strongest first; the variates (x − μ) @ filters are
            uncorrelated, with variance 1.
        patterns: Float64 (D, r), what is taken from a row for each unit of a variate.
    """

    mean: FloatArray
    filters: FloatArray
    patterns: FloatArray

    def own(self, rows: FloatArray, most: int | None = None) -> FloatArray:
        """Canonical variates of rows (n, D): the `most` strongest, or all, (n, min(most, r))."""
        return (rows - self.mean) @ self.filters[:, :most]

    def rest(self, rows: FloatArray) -> FloatArray:
        """Rows (n, D) without all that is linear in the concept, (n, D)."""
        return rows - self.own(rows) @ self.patterns.T


def fit_linear_erasure(rows: FloatArray, targets: FloatArray, *, leading: int | None = None) -> LinearErasure:
    """Linear erasure of what these targets tell, exact on these rows: their covariance with the rest is 0.

    Rows without targets tell of the covariance of the rows alone.

    Args:
        rows: Float64 (n, D).
        targets: Float64 (n, k): numbers, cosine and sine, or indicators of classes; NaN in rows without a value.
        leading: Columns that variates are read from, the first ones, as rows may be too few for more; all others lose
            what they tell linearly, too. None: all columns, which is LEACE.
    """
    known = np.isfinite(targets).all(1)
    mean, centred = rows.mean(0), rows - rows.mean(0)
    covariance = centred[known].T @ _orthonormal(targets[known]) / max(int(known.sum()), 1)
    read = centred[:, :leading]
    values, axes = np.linalg.eigh(read.T @ read / len(read))
    kept = values > _FLAT * values[-1]
    weights = (axes[:, kept] / values[kept]) @ (axes[:, kept].T @ covariance[: read.shape[1]])
    strengths, turn = np.linalg.eigh(
        weights.T @ covariance[: read.shape[1]]
    )  # squared canonical correlations
    told = np.flatnonzero(strengths > _FLAT * max(float(strengths.max(initial=0.0)), _FLAT))[::-1]
    turn = turn[:, told] / np.sqrt(strengths[told])
    filters = np.zeros((rows.shape[1], len(told)))
    filters[: read.shape[1]] = weights @ turn
    return LinearErasure(mean, filters, covariance @ turn)


def _orthonormal(targets: FloatArray) -> FloatArray:
    """Targets (n, k) as uncorrelated ones of mean 0 and variance 1, (n, r): their span is the same."""
    centred = targets - targets.mean(0) if len(targets) else targets
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    kept = values > _FLAT * values.max(initial=0.0)
    found: FloatArray = left[:, kept] * len(targets) ** 0.5
    return found
