"""Linear probes: ridge and logistic regression, whose coordinates and penalty are chosen on rows not fitted to."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from interpret_inn.metrics.probe_coordinates import SYSTEMS, Coordinates, Fold, Systems, least
from interpret_inn.metrics.probe_folds import MOST_FITTED
from interpret_inn.types import FloatArray, IntArray

_PENALTIES = np.logspace(-8, 4, 25)
"""Of ridge regression, in units of the mean variance of the coordinates."""
_USUAL_PENALTY = 0.1
"""Taken if there are no rows to choose by, with standardised columns."""
_INVERSE_PENALTIES, _USUAL_INVERSE = (3e-5, 3e-4, 0.003, 0.03, 0.3, 3.0, 30.0), 0.3
"""Of logistic regression, all rows together; and the one that is taken if there are no rows to choose by."""
_ITERATIONS, _TOLERANCE = 150, 1e-3
"""Of logistic regression: it stops early, as a probe's accuracy hardly changes after that."""
_WORSE = 2
"""Penalties in a row, from the strongest on, that do worse than the best so far: weaker ones are not tried."""

Weights = tuple[FloatArray, FloatArray]
"""Weight (out, d) and bias (out,), in units of the code."""


def fit_linear(
    x: FloatArray,
    targets: FloatArray,
    folds: Sequence[Fold],
    *,
    classes: bool,
    systems: Sequence[str] = SYSTEMS,
) -> tuple[FloatArray, FloatArray, str]:
    """Ridge regression, or multinomial logistic regression.

    Ridge regression chooses the coordinates for both. Its penalty goes by squared error, logistic regression's by
    cross-entropy.

    Args:
        x: Codes, float64 (n, d).
        targets: Float64 (n, k): numbers in like units, or a column for each class.
        folds: Choose the system of coordinates and the penalty; without any these are the usual ones.
        classes: Whether the columns stand for classes.
        systems: Of coordinates, to choose from; the first is the usual one.

    Returns:
        Weight (k, d) and bias (k,) in units of the code, and the system that was chosen.
    """
    name, penalty = choose(x, targets, folds, systems)
    coordinates = Systems(x, targets)[name]
    if classes:
        return *logistic(x, targets, folds, name), name
    weight = ridge_path(coordinates.of(x), targets, coordinates, np.array([penalty]))[0]
    return *in_codes(coordinates, weight, targets.mean(0)), name


def choose(
    x: FloatArray, targets: FloatArray, folds: Sequence[Fold], systems: Sequence[str] = SYSTEMS
) -> tuple[str, float]:
    """The system of coordinates and the penalty of ridge regression that err least on the folds' rows.

    Args:
        x: Codes, float64 (n, d).
        targets: Float64 (n, k), in like units.
        folds: Of these rows; without any, the answer is the usual one.
        systems: To choose from.
    """
    if not folds:
        return systems[0], _USUAL_PENALTY
    errors = {(name, penalty): 0.0 for name in systems for penalty in _PENALTIES}
    for fold in folds:
        own, wanted = targets[~fold.chosen], targets[fold.chosen]
        for name in systems:
            coordinates = fold.systems[name]
            path = ridge_path(coordinates.of(x[~fold.chosen]), own, coordinates, _PENALTIES)
            read = coordinates.of(x[fold.chosen])
            for penalty, weight in zip(_PENALTIES, path, strict=True):
                errors[name, penalty] += float(((read @ weight.T + own.mean(0) - wanted) ** 2).sum())
    return least(errors)


def ridge_path(
    u: FloatArray, targets: FloatArray, coordinates: Coordinates, penalties: FloatArray
) -> FloatArray:
    """Weights (a, k, r) for each penalty, (UᵀU/n + a I)⁻¹ Uᵀy/n, of uncorrelated coordinates u (n, r)."""
    moment = u.T @ (targets - targets.mean(0)) / max(len(u), 1)
    found: FloatArray = moment.T / (coordinates.variances + penalties[:, None])[:, None]
    return found


def in_codes(coordinates: Coordinates, weight: FloatArray, bias: FloatArray) -> Weights:
    """Weight (out, d) and bias in units of the code, from weights (out, r) of coordinates."""
    turned = weight @ coordinates.axes.T
    return turned, bias - turned @ coordinates.mean


def logistic(x: FloatArray, onehot: FloatArray, folds: Sequence[Fold], name: str) -> Weights:
    """Multinomial logistic regression in a system of coordinates: weights (C, d) and biases (C,) in units of the code.

    Args:
        x: Codes, float64 (n, d).
        onehot: Float64 (n, C), a column for each class that occurs.
        folds: Choose the penalty; without any, and if all lack a class, it is the usual one.
        name: The system.
    """
    labels, count = onehot.argmax(1), onehot.shape[1]
    if count < 2:
        return np.zeros((1, x.shape[1])), np.zeros(1)
    coordinates = Systems(x, onehot)[name]
    inverse = _least_surprised(x, labels, count, folds, name)
    (found,) = _logistic_path(coordinates.of(x), labels, count, (inverse,))
    return in_codes(coordinates, *found)


def _least_surprised(x: FloatArray, labels: IntArray, count: int, folds: Sequence[Fold], name: str) -> float:
    """The inverse penalty of least cross-entropy on the rows of folds whose other rows hold every class."""
    complete = [fold for fold in folds if len(np.unique(labels[~fold.chosen])) == count][:MOST_FITTED]
    if not complete:
        return _USUAL_INVERSE
    losses: list[float] = []
    for each in zip(*(_surprises(x, labels, count, fold, name) for fold in complete), strict=True):
        losses.append(sum(each))
        best = int(np.argmin(losses))
        if len(losses) - 1 - best >= _WORSE:
            break
    return _INVERSE_PENALTIES[best]


def _surprises(x: FloatArray, labels: IntArray, count: int, fold: Fold, name: str) -> Iterator[float]:
    """Summed cross-entropy of a fold's rows, by what the others teach, for each inverse penalty."""
    from scipy.special import logsumexp

    coordinates, own = fold.systems[name], ~fold.chosen
    read, wanted = coordinates.of(x[fold.chosen]), labels[fold.chosen][:, None]
    for weight, bias in _logistic_path(coordinates.of(x[own]), labels[own], count, _INVERSE_PENALTIES):
        logits = read @ weight.T + bias
        told = np.take_along_axis(logits, wanted, 1)[:, 0]
        yield float((logsumexp(logits, 1) - told).sum())


def _logistic_path(
    u: FloatArray, labels: IntArray, count: int, inverses: Sequence[float]
) -> Iterator[Weights]:
    """Weights (C, r) and biases (C,) for each inverse penalty; two classes get two opposite rows."""
    from sklearn.linear_model import LogisticRegression  # slow to import, and not needed to wrap a model

    if not u.shape[1]:  # nothing varies: only how frequent the classes are
        yield from [(np.zeros((count, 0)), np.log(np.bincount(labels, minlength=count)))] * len(inverses)
        return
    model = LogisticRegression(max_iter=_ITERATIONS, tol=_TOLERANCE, warm_start=True)
    for inverse in inverses:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "did not converge"
            model.set_params(C=inverse).fit(u, labels)
        weight, bias = model.coef_, model.intercept_
        if len(weight) == 1:
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        yield weight, bias
