"""The kernel probe: ridge regression with a Gaussian kernel, which finds curved relations from few samples."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from interpret_inn.metrics.probe_coordinates import NATURAL, STANDARD, Coordinates, Fold, Systems, least
from interpret_inn.metrics.probe_folds import MOST_FITTED
from interpret_inn.types import FloatArray, IntArray
from interpret_inn.types.numbers import TINY

KERNEL_SYSTEMS = (NATURAL, STANDARD)
"""Systems of coordinates that a kernel probe always tries; the linear probe's is tried beside them."""
CENTRES = 1000
"""Training rows at whose codes kernels stand, at most; beyond that many rows, as many drawn ones (Nyström's method)."""
_CHOOSING = 200
"""Rows of a fold that are trained on, and that are predicted, at most, to choose coordinates and width."""
_WIDTHS = (1.0, 0.5, 2.0, 4.0)
"""Widths of the kernel, in units of the median distance between rows; the first one chooses the coordinates."""
_PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Of ridge regression, per row; the kernel is 1 at distance 0."""
_USUAL_PENALTY = 1e-2
"""Taken if there are no rows to choose by, with the first width."""
_JITTER = 1e-10
"""Added to the diagonal of a kernel of centres, relative to its 1: rounding could make it singular."""

Read = Callable[[FloatArray], FloatArray]


def train_kernel(
    x: FloatArray, targets: FloatArray, *, folds: Sequence[Fold], names: Sequence[str], seed: int
) -> tuple[Read, str]:
    """Kernel ridge regression with k(u, v) = exp(−|u − v|² / 2w²); Schölkopf & Smola, "Learning with Kernels" (2002).

    Rows of the folds choose coordinates, width w and penalty by squared error. Everything is in float64.

    Args:
        x: Codes, float64 (n, d).
        targets: Float64 (n, k), in like units.
        folds: Of these rows; without any, width and penalty are the usual ones.
        names: Systems of coordinates to choose from.
        seed: Of the centres, and of the rows that choose if there are many.

    Returns:
        A function from codes (m, d) to predictions (m, k), and the system that was chosen.
    """
    name, multiple, penalty = _choose(x, targets, folds, names, seed)
    coordinates = Systems(x, targets)[name]
    u = coordinates.of(x)
    width = multiple * _median_distance(u, seed)
    centres = u[_some(len(u), CENTRES, seed)]
    if len(u) <= CENTRES:
        weights = _solved(_kernel(u, u, width), targets - targets.mean(0), penalty)
    else:
        weights = _nystroem(u, centres, width, targets - targets.mean(0), penalty)
    mean = targets.mean(0)
    return lambda codes: _kernel(coordinates.of(codes), centres, width) @ weights + mean, name


def _choose(
    x: FloatArray, targets: FloatArray, folds: Sequence[Fold], names: Sequence[str], seed: int
) -> tuple[str, float, float]:
    """Coordinates, width in median distances, and penalty of least squared error on the folds' rows."""
    if not folds:
        return names[0], _WIDTHS[0], _USUAL_PENALTY
    trials = [_Trial(x, targets, fold, seed) for fold in folds[:MOST_FITTED]]
    errors: dict[tuple[str, float], float] = {}
    penalties: dict[tuple[str, float], float] = {}

    def compare(name: str, multiple: float) -> None:
        found = np.sum([trial.errors(name, multiple) for trial in trials], 0)
        errors[name, multiple] = float(found.min())
        # of equally good ones the strongest
        penalties[name, multiple] = _PENALTIES[len(found) - 1 - int(found[::-1].argmin())]

    for name in names:
        compare(name, _WIDTHS[0])
    best, _ = least(errors)
    for multiple in _WIDTHS[1:]:
        compare(best, multiple)
    chosen = least(errors)
    return *chosen, penalties[chosen]


class _Trial:
    """One fold: at most 200 of its other rows to train on, and at most 200 of its own to predict."""

    def __init__(self, x: FloatArray, targets: FloatArray, fold: Fold, seed: int) -> None:
        own, apart = np.flatnonzero(~fold.chosen), np.flatnonzero(fold.chosen)
        own, apart = (rows[_some(len(rows), _CHOOSING, seed)] for rows in (own, apart))
        self._systems, self._seed = fold.systems, seed
        self._x, self._read = x[own], x[apart]
        self._mean = targets[own].mean(0)
        self._targets, self._wanted = targets[own] - self._mean, targets[apart] - self._mean
        self._distances = functools.cache(self._squared_distances)

    def errors(self, name: str, multiple: float) -> FloatArray:
        """Summed squared error (a,) for each penalty."""
        squares, across, median = self._distances(name)
        between, across = (np.exp(each / (-2 * (multiple * median) ** 2)) for each in (squares, across))
        found = [
            ((across @ _solved(between, self._targets, penalty) - self._wanted) ** 2).sum()
            for penalty in _PENALTIES
        ]
        return np.array(found)

    def _squared_distances(self, name: str) -> tuple[FloatArray, FloatArray, float]:
        """Squared distances between the rows to train on, from the others to them, and the median distance."""
        coordinates: Coordinates = self._systems[name]
        u, read = coordinates.of(self._x), coordinates.of(self._read)
        return _squares(u, u), _squares(read, u), _median_distance(u, self._seed)


def _solved(kernel: FloatArray, targets: FloatArray, penalty: float) -> FloatArray:
    """(K + n a I)⁻¹ y, (n, k)."""
    from scipy.linalg import cho_factor, cho_solve

    square = kernel.copy(order="F")
    square[np.diag_indices(len(square))] += len(kernel) * penalty
    factor = cho_factor(square, overwrite_a=True, check_finite=False)
    found: FloatArray = cho_solve(factor, targets)
    return found


def _nystroem(
    u: FloatArray, centres: FloatArray, width: float, targets: FloatArray, penalty: float
) -> FloatArray:
    """Weights (m, k) of the kernels at m centres: (KᵀK + n a K_m)⁻¹ Kᵀy, by features K L⁻ᵀ with K_m = L Lᵀ.

    Williams & Seeger, "Using the Nyström method to speed up kernel machines" (2001).
    """
    from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular

    lower = cholesky(_kernel(centres, centres, width) + _JITTER * np.eye(len(centres)), lower=True)
    features = solve_triangular(lower, _kernel(centres, u, width), lower=True)
    square = features @ features.T
    square[np.diag_indices(len(square))] += len(u) * penalty
    inner = cho_solve(cho_factor(square, overwrite_a=True), features @ targets)
    found: FloatArray = solve_triangular(lower, inner, lower=True, trans="T")
    return found


def _kernel(first: FloatArray, second: FloatArray, width: float) -> FloatArray:
    """exp(−|u − v|² / 2w²), (n, m)."""
    found: FloatArray = np.exp(-_squares(first, second) / (2 * width**2))
    return found


def _squares(first: FloatArray, second: FloatArray) -> FloatArray:
    """Squared distances (n, m)."""
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    found: FloatArray = np.maximum(squares, 0.0)
    return found


def _median_distance(u: FloatArray, seed: int) -> float:
    """The median distance between two rows, of at most 200; 1 if most are alike."""
    some = u[_some(len(u), _CHOOSING, seed)]
    squares = _squares(some, some)[np.triu_indices(len(some), 1)]
    found = float(np.sqrt(np.median(squares))) if len(squares) else 0.0
    return found if found > TINY else 1.0


def _some(length: int, most: int, seed: int) -> IntArray:
    """At most so many of this many rows, ascending."""
    if length <= most:
        return np.arange(length)
    return np.sort(np.random.default_rng(seed).permutation(length)[:most])
