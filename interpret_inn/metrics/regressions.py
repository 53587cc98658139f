"""Ridge and logistic regression on standardised codes, the penalty chosen among a few by some of the rows."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from interpret_inn.types import FloatArray, IntArray
from interpret_inn.types.numbers import SMALLEST

_INVERSE_PENALTIES = (0.003, 0.03, 0.3, 3.0)
_PENALTIES = np.logspace(-4, 2, 13)


def ridge(x: FloatArray, targets: FloatArray, chosen: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Ridge regression on standardised x; penalty (per row) by the chosen rows."""
    best = _PENALTIES[len(_PENALTIES) // 2]
    if chosen.any():
        weights, biases = ridge_path(x[~chosen], targets[~chosen], _PENALTIES)
        guesses = np.einsum("nd,akd->ank", x[chosen], weights) + biases[:, None]
        scale = targets.var(0) + SMALLEST
        best = _PENALTIES[(((guesses - targets[chosen]) ** 2).mean(1) / scale).mean(1).argmin()]
    weights, biases = ridge_path(x, targets, np.array([best]))
    return weights[0], biases[0]


def ridge_path(x: FloatArray, targets: FloatArray, penalties: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights (a, k, d) and biases (a, k) for each penalty: (XᵀX/n + a I)⁻¹ Xᵀy/n of centred data."""
    mean, target_mean = x.mean(0), targets.mean(0)
    centred = x - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    moment = vectors.T @ (centred.T @ (targets - target_mean)) / len(x)
    shrunk = moment / (np.maximum(values, 0.0)[None, :, None] + penalties[:, None, None])
    weights = np.einsum("de,aek->akd", vectors, shrunk)
    return weights, target_mean - weights @ mean


def logistic(
    x: FloatArray, labels: IntArray, count: int, chosen: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Multinomial logistic regression on standardised x; inverse penalty (per row) by the chosen rows."""
    from scipy.special import logsumexp

    if count < 2:
        return np.zeros((1, x.shape[1])), np.zeros(1)
    best = 0.3
    if chosen.any() and len(np.unique(labels[~chosen])) == count:
        losses = []
        for inverse in _INVERSE_PENALTIES:
            weight, bias = _logistic_once(x[~chosen], labels[~chosen], inverse)
            logits = x[chosen] @ weight.T + bias
            own = np.take_along_axis(logits, labels[chosen][:, None], 1)[:, 0]
            losses.append(float((logsumexp(logits, 1) - own).mean()))
        best = _INVERSE_PENALTIES[int(np.argmin(losses))]
    return _logistic_once(x, labels, best)


def _logistic_once(x: FloatArray, labels: IntArray, inverse: float) -> tuple[FloatArray, FloatArray]:
    """Weights (C, d) and biases (C,) for one inverse penalty; two classes get two opposite rows."""
    from sklearn.linear_model import LogisticRegression  # slow to import, and not needed to wrap a model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "did not converge": the number of iterations is fixed on purpose
        model = LogisticRegression(C=inverse, max_iter=150, tol=1e-3).fit(x, labels)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias
