"""Scores of matrices (codes, factors): how far each row, or each column, is taken by one entry alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import InputError
from interpret_inn.types import FloatArray

_ADDED = 1e-11
"""Added to every importance, as in disentanglement_lib, so that rows without any are even rows."""


def disentanglement_of(importance: npt.ArrayLike) -> tuple[float, FloatArray]:
    """Whether each code matters to one factor alone (Eastwood & Williams 2018, section 2).

    1 − H(p) per code, with p the code's importances as shares and H their entropy to the base K; the score is their
    mean, weighted by each code's share of all importance.

    Args:
        importance: (G, K), 0 or more.

    Returns:
        The score in [0, 1], and each code's (G,). A code without importance has 0 and no weight; with a single
        factor all scores are 1.

    Raises:
        InputError: not a matrix, or values that are below 0 or not finite.
    """
    matrix = _matrix(importance)
    each = _concentration(matrix)
    return float(each @ _shares(matrix.sum(1))), each


def completeness_of(importance: npt.ArrayLike) -> tuple[float, FloatArray]:
    """Whether each factor lies in one code alone: `disentanglement_of` of the columns, entropies to the base G.

    Args:
        importance: (G, K), 0 or more.

    Returns:
        The score in [0, 1], and each factor's (K,); with a single code all are 1.

    Raises:
        InputError: as in `disentanglement_of`.
    """
    return disentanglement_of(_matrix(importance).T)


def modularity_of(information: npt.ArrayLike) -> tuple[float, FloatArray]:
    """Whether each code tells of one factor alone (Ridgeway & Mozer 2018, section 3).

    1 − Σ_{k ≠ best} I²_k / (I²_best (K − 1)) per code; the score is their plain mean, so that codes that tell of
    nothing (0 each) count against it.

    Args:
        information: (G, K), mutual information of codes and factors, 0 or more.

    Returns:
        The score in [0, 1], and each code's (G,): with a single factor 1 for all that tell of it.

    Raises:
        InputError: as in `disentanglement_of`.
    """
    squares = _matrix(information) ** 2
    best = squares.max(1)
    rest = (squares.sum(1) - best) / max(squares.shape[1] - 1, 1)
    each = np.where(best > 0, 1 - rest / np.where(best > 0, best, 1), 0.0)
    return float(each.mean()), each


def _matrix(values: npt.ArrayLike) -> FloatArray:
    matrix = np.asarray(values, np.float64)
    if matrix.ndim != 2 or not matrix.size or not (np.isfinite(matrix).all() and (matrix >= 0).all()):
        raise InputError(
            f"Expected a matrix (codes, factors) of numbers from 0 up, found shape {matrix.shape}"
            f"{'' if matrix.ndim != 2 else ' with values below 0 or not finite, or none'}."
        )
    return matrix


def _concentration(matrix: FloatArray) -> FloatArray:
    """1 − the entropy of each row as shares, to the base of its length, (rows,)."""
    if matrix.shape[1] == 1:
        return np.ones(len(matrix))
    from scipy.stats import entropy

    each: FloatArray = 1 - entropy(matrix + _ADDED, base=matrix.shape[1], axis=1)
    return each


def _shares(sums: FloatArray) -> FloatArray:
    """Weights that sum to 1; equal ones if all are 0."""
    return sums / sums.sum() if sums.sum() > 0 else np.full(len(sums), 1 / len(sums))
