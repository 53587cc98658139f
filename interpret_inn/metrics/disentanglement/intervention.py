"""The interventional robustness score: does a code stay where it is when the other factors change?"""

from __future__ import annotations

from typing import Any

import numpy as np

from interpret_inn.errors import InputError
from interpret_inn.metrics.disentanglement.inputs import Groups, read_groups, read_rows, varying
from interpret_inn.metrics.disentanglement.record import CodeScore, resampled
from interpret_inn.types import FloatArray, IntArray


def irs(
    codes: Any,
    factors: Any,
    *,
    quantile: float = 0.99,
    groups: Groups | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> CodeScore:
    """Interventional robustness score (Suter et al. 2019, "Robustly disentangled causal mechanisms", section 4).

    For a code and a factor: hold the factor at a value, and see how far the code gets from its mean there while all
    others change. The mean of this over the factor's values, as a share of the farthest that the code ever gets from
    its mean, is subtracted from 1; these are the entries of the matrix. Each code belongs to the factor of its highest
    entry. The score is the mean of these entries over codes, weighted by how far each code gets.

    Samples should cover the factors' combinations: a factor that was never seen to change cannot move a code.

    Args:
        codes: (N, D).
        factors: (N, K), a class per different value.
        quantile: How far a code gets with a held factor is this quantile of the distances; 1 is the paper's maximum,
            0.99 disentanglement_lib's, which depends less on single samples.
        groups: Dimensions that make up one code: distances are Euclidean. None: each by itself.
        resamples: For an interval: how often rows are drawn anew.
        seed: Of these draws.

    Returns:
        In [0, 1], 1 if every code answers to one factor alone; it does not ask whether all factors have a code.
        Values that few rows have look robust: a value of a single row moves nothing. Parts: `matrix` (G, K), `each`
        (G,), `factor` (G,), `deviation` (G,), the farthest. Constant codes have no weight; 0 if all are.

    Raises:
        InputError: arrays that do not go together, values that are not finite, a factor of one value or of too many,
            a quantile outside (0, 1], groups that overlap.
    """
    if not 0 < quantile <= 1:
        raise InputError(f"Expected a quantile above 0 and no higher than 1, found {quantile}.")
    rows = read_rows(codes, factors)
    dimensions = read_groups(groups, rows.codes.shape[1])
    array = np.asarray(rows.codes, np.float64)
    array[:, ~varying(rows.codes)] = 0.0  # else the mean of equal numbers differs from them in the last digit
    matrix, deviation = _robust(array, rows.labels, dimensions, quantile)

    def again(drawn: IntArray) -> float:
        return _average(*_robust(array[drawn], rows.labels[drawn], dimensions, quantile))

    score = resampled(_average(matrix, deviation), again, len(array), resamples=resamples, seed=seed)
    return CodeScore(
        score,
        parts={
            "matrix": matrix,
            "each": matrix.max(1),
            "factor": matrix.argmax(1),
            "deviation": deviation,
        },
    )


def _robust(
    codes: FloatArray, labels: IntArray, groups: list[IntArray], quantile: float
) -> tuple[FloatArray, FloatArray]:
    """The matrix (G, K), and how far each code gets from its mean (G,)."""
    farthest = _distances(codes, groups).max(0)
    matrix = np.zeros((len(groups), labels.shape[1]))
    for k, column in enumerate(labels.T):
        values = np.unique(column)
        far = [np.quantile(_distances(codes[column == value], groups), quantile, 0) for value in values]
        matrix[:, k] = np.mean(far, 0)
    shares = matrix / np.where(farthest > 0, farthest, 1)[:, None]
    return np.where(farthest[:, None] > 0, 1 - shares, 0.0), farthest


def _distances(codes: FloatArray, groups: list[IntArray]) -> FloatArray:
    """How far each code is from its mean over these rows, (n, G)."""
    squares = (codes - codes.mean(0)) ** 2
    return np.asarray(np.sqrt(np.stack([squares[:, group].sum(1) for group in groups], 1)), np.float64)


def _average(matrix: FloatArray, deviation: FloatArray) -> float:
    """The highest entry of each code, averaged with how far the codes get as weights; between 0 and 1."""
    if not deviation.sum() > 0:
        return 0.0
    return float(np.clip(matrix.max(1) @ deviation / deviation.sum(), 0, 1))
