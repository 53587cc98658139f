"""Bootstrap intervals: how far a score could be from its value on other inputs.

Whole groups are drawn (variants of one image, one identity), because samples of one group say the same
thing twice. All intervals are at 95 %. Percentile intervals of few groups are too short, so the percentiles
are taken further out: Hesterberg, "What teachers should know about the bootstrap" (2015), section 5.3.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import InputError
from interpret_inn.types import FloatArray, IntArray, Score
from interpret_inn.types.numbers import ROUNDING

RESAMPLES = 1000
CONFIDENCE = 0.95


def bootstrap_mean(
    values: npt.ArrayLike,
    groups: IntArray | None = None,
    *,
    seed: int = 0,
    share: bool = False,
    resamples: int = RESAMPLES,
) -> Score:
    """The mean of `values` with its interval.

    Args:
        values: Shape (n,). One value that is not finite makes the whole score NaN.
        groups: Shape (n,), samples of one group are drawn together; None: every sample by itself.
        seed: Of the draws.
        share: The values lie in [0, 1] and their mean is a share. The interval then also covers Wilson's
            (1927): five right answers out of five do not prove that all would be right.
        resamples: Number of draws.

    Returns:
        The score; NaN throughout for no values, NaN ends for a single group.

    Raises:
        InputError: `groups` and `values` differ in length.
    """
    array = np.asarray(values, np.float64)
    codes, count = _grouped(groups, len(array))
    if not len(array) or not np.isfinite(array).all():
        return Score(math.nan)
    mean = float(array.mean())
    if count < 2:
        return Score(mean)
    sums = np.bincount(codes, array - mean, count)
    sizes = np.bincount(codes, minlength=count)
    weights = resampling_weights(count, seed=seed, resamples=resamples)
    # a mean lies between the values: rounding must not take that of what is never negative below 0
    drawn = (mean + (weights @ sums) / (weights @ sizes)).clip(array.min(), array.max())
    low, high = percentile_interval(drawn, count)
    if share:
        wilson = _wilson(mean, float(drawn.var()), count)
        low, high = max(0.0, min(low, wilson[0])), min(1.0, max(high, wilson[1]))
    return Score(mean, low, high)


def bootstrap_r2(
    truth: FloatArray,
    predicted: FloatArray,
    groups: IntArray | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Score:
    """R² of predictions with its interval, averaged over columns.

    The baseline is the mean of `truth` itself, on every draw anew: a constant answer, however well chosen,
    reaches 0 at most. (The mean of the data that were fitted on would flatter every predictor a little.)

    Args:
        truth: Shape (n, k). Columns that do not vary are left out of the average.
        predicted: Shape (n, k).
        groups: Shape (n,) or None, as in `bootstrap_mean`.
        seed: Of the draws.
        resamples: Number of draws.

    Returns:
        The score; NaN if nothing varies or something is not finite, NaN ends for a single group.

    Raises:
        InputError: Shapes differ.
    """
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if truth.shape != predicted.shape or truth.ndim != 2:
        raise InputError(
            f"Expected two arrays of one shape (n, k), found {truth.shape} and {predicted.shape}."
        )
    codes, count = _grouped(groups, len(truth))
    if not len(truth) or not (np.isfinite(truth).all() and np.isfinite(predicted).all()):
        return Score(math.nan)
    varies = np.ptp(truth, 0) > ROUNDING * np.abs(truth).max(initial=0.0)
    if not varies.any():
        return Score(math.nan)
    truth, predicted = truth[:, varies], predicted[:, varies]
    centred = truth - truth.mean(0)
    error, square = (truth - predicted) ** 2, centred**2
    value = float((1 - error.sum(0) / square.sum(0)).mean())
    if count < 2:
        return Score(value)
    weights = resampling_weights(count, seed=seed, resamples=resamples)
    sizes = weights @ np.bincount(codes, minlength=count)
    total = weights @ _group_sums(square, codes, count)
    total -= (weights @ _group_sums(centred, codes, count)) ** 2 / sizes[:, None]
    constant = total <= ROUNDING * square.sum(0)  # a draw in which nothing varies has no R²
    ratio = (weights @ _group_sums(error, codes, count)) / np.where(constant, np.inf, total)
    drawn = (1 - ratio).mean(1)[~constant.any(1)]
    low, high = percentile_interval(drawn, count) if len(drawn) > 1 else (math.nan, math.nan)
    return Score(value, low, high)


def resampling_weights(count: int, *, seed: int, resamples: int = RESAMPLES) -> FloatArray:
    """How often each of `count` groups is drawn in each resample: (resamples, count), rows sum to `count`."""
    drawn = np.random.default_rng(seed).integers(0, count, (resamples, count))
    drawn += np.arange(resamples)[:, None] * count
    return (
        np.bincount(drawn.ravel(), minlength=resamples * count).reshape(resamples, count).astype(np.float64)
    )


def _grouped(groups: IntArray | None, length: int) -> tuple[IntArray, int]:
    """Group numbers 0 to G − 1 of each sample, and G."""
    if groups is None:
        return np.arange(length), length
    groups = np.asarray(groups)
    if groups.shape != (length,):
        raise InputError(f"Expected one group for each of {length} values, found an array {groups.shape}.")
    unique, codes = np.unique(groups, return_inverse=True)
    return codes.reshape(-1), len(unique)


def _group_sums(values: FloatArray, codes: IntArray, count: int) -> FloatArray:
    """Sums (G, k) of the rows of each group."""
    return np.stack([np.bincount(codes, column, count) for column in values.T], 1)


def percentile_interval(drawn: FloatArray, count: int) -> tuple[float, float]:
    """Expanded percentile interval of drawn scores, of `count` groups that were drawn from."""
    tail = NormalDist().cdf(-math.sqrt(count / (count - 1)) * student_quantile(count - 1))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _wilson(mean: float, variance: float, count: int) -> tuple[float, float]:
    """Wilson's interval of a share, for as many independent answers as the drawn variance is worth."""
    answers = max(count, mean * (1 - mean) / variance) if variance > 0 else count
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    centre = (mean + z * z / (2 * answers)) / (1 + z * z / answers)
    spread = math.sqrt(mean * (1 - mean) / answers + (z / (2 * answers)) ** 2)
    half = z * spread / (1 + z * z / answers)
    return centre - half, centre + half


def student_quantile(degrees: int) -> float:
    """Upper end of Student's t at 95 %, two-sided, for that many degrees of freedom.

    >>> round(student_quantile(4), 2), round(student_quantile(1000), 2)
    (2.78, 1.96)
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + CONFIDENCE / 2))
