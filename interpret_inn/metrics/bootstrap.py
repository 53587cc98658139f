"""Bootstrap intervals: how far a score could be from its value on other inputs.

Whole groups are drawn (variants of one image, one identity), because samples of one group say the same
thing twice. All intervals are at 95 %. Percentile intervals of few groups are too short, so the percentiles
are taken further out: Hesterberg, "What teachers should know about the bootstrap" (2015), section 5.3.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import InputError
from interpret_inn.types import FloatArray, IntArray, Score
from interpret_inn.types.numbers import ROUNDING, BoolArray

RESAMPLES = 1000
"""Draws of an interval: its ends then waver by a few hundredths of its width."""
CONFIDENCE = 0.95
"""Of all intervals."""


def bootstrap_mean(
    values: npt.ArrayLike,
    groups: IntArray | None = None,
    *,
    weights: FloatArray | None = None,
    seed: int = 0,
    share: bool = False,
    resamples: int = RESAMPLES,
) -> Score:
    """The mean of `values` with its interval.

    Args:
        values: Shape (n,). One value that is not finite makes the whole score NaN.
        groups: Shape (n,), samples of one group are drawn together; None: every sample by itself.
        weights: Shape (n,), above 0: by how much each value counts; None: all alike. They are taken as known, and
            the fewer the groups that most of the weight lies on, the wider the interval (Kish, 1965).
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
    members, count = group_indices(groups, len(array))
    if not len(array) or not np.isfinite(array).all():
        return Score(math.nan)
    mean = float(np.average(array, weights=weights))
    if count < 2:
        return Score(mean)
    drawn = mean_draws(array, groups, weights=weights, seed=seed, resamples=resamples)
    effective = (
        float(count) if weights is None else _kish(np.bincount(members, weights, count).astype(np.float64))
    )
    low, high = percentile_interval(drawn, effective)
    if share:
        wilson = _wilson(mean, float(drawn.var()), effective)
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
    _, count = group_indices(groups, len(truth))
    if not len(truth) or not (np.isfinite(truth).all() and np.isfinite(predicted).all()):
        return Score(math.nan)
    varies = _varying(truth)
    if not varies.any():
        return Score(math.nan)
    truth, predicted = truth[:, varies], predicted[:, varies]
    error, square = ((truth - predicted) ** 2).sum(0), ((truth - truth.mean(0)) ** 2).sum(0)
    value = float((1 - error / square).mean())
    if count < 2:
        return Score(value)
    drawn = r2_draws(truth, predicted, groups, seed=seed, resamples=resamples)
    drawn = drawn[np.isfinite(drawn)]
    low, high = percentile_interval(drawn, count) if len(drawn) > 1 else (math.nan, math.nan)
    return Score(value, low, high)


def mean_draws(
    values: npt.ArrayLike,
    groups: IntArray | None = None,
    *,
    weights: FloatArray | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> FloatArray:
    """The mean of `values` in each draw of `bootstrap_mean`, float64 (resamples,).

    Draws of equal seeds and groups hold the same samples: the difference of two scores is paired.
    """
    array = np.asarray(values, np.float64)
    members, count = group_indices(groups, len(array))
    mean = float(np.average(array, weights=weights))
    sums = np.bincount(members, array - mean if weights is None else weights * (array - mean), count)
    sizes = np.bincount(members, weights, count)
    drawn = resampling_weights(count, seed=seed, resamples=resamples)
    # a mean lies between the values; rounding must not make the mean of non-negative values negative
    found: FloatArray = (mean + (drawn @ sums) / (drawn @ sizes)).clip(array.min(), array.max())
    return found


def _kish(weights: FloatArray) -> float:
    """As how many groups of one weight those of these weights (G,) count, at least 2."""
    return max(2.0, float(weights.sum() ** 2 / (weights**2).sum()))


def r2_draws(
    truth: FloatArray,
    predicted: FloatArray,
    groups: IntArray | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> FloatArray:
    """R² in each draw of `bootstrap_r2`, float64 (resamples,); NaN where nothing varies. See `mean_draws`."""
    members, count = group_indices(groups, len(truth))
    varies = _varying(truth)
    truth, predicted = truth[:, varies], predicted[:, varies]
    centred = truth - truth.mean(0)
    error, square = (truth - predicted) ** 2, centred**2
    weights = resampling_weights(count, seed=seed, resamples=resamples)
    sizes = weights @ np.bincount(members, minlength=count)
    total = weights @ _group_sums(square, members, count)
    total -= (weights @ _group_sums(centred, members, count)) ** 2 / sizes[:, None]
    constant = total <= ROUNDING * square.sum(0)  # a draw in which nothing varies has no R²
    ratio = (weights @ _group_sums(error, members, count)) / np.where(constant, np.inf, total)
    return np.where(constant.any(1), np.nan, (1 - ratio).mean(1))


def _varying(truth: FloatArray) -> BoolArray:
    """Which columns of targets (n, k) are not all the same, bool (k,)."""
    return np.asarray(np.ptp(truth, 0) > ROUNDING * np.abs(truth).max(initial=0.0))


def resampling_weights(count: int, *, seed: int, resamples: int = RESAMPLES) -> FloatArray:
    """How often each of `count` groups is drawn, read-only (resamples, count), whose rows sum to `count`."""
    return _latest(count, seed, resamples) if count <= _KEPT else _drawn(count, seed, resamples)


def _drawn(count: int, seed: int, resamples: int) -> FloatArray:
    drawn = np.random.default_rng(seed).integers(0, count, (resamples, count))
    drawn += np.arange(resamples)[:, None] * count
    counted = np.bincount(drawn.ravel(), minlength=resamples * count)
    weights = counted.reshape(resamples, count).astype(np.float64)
    weights.flags.writeable = False
    return weights


_KEPT = 4096
"""Groups whose weights are kept, 32 MB: all probes of an evaluation ask for the same ones, one after the other."""
_latest = lru_cache(maxsize=1)(_drawn)


def group_indices(groups: IntArray | None, length: int) -> tuple[IntArray, int]:
    """The index of each sample's group, 0 to G − 1, int64 (length,), and G; None: every sample by itself.

    Raises:
        InputError: not one group for each.
    """
    if groups is None:
        return np.arange(length), length
    groups = np.asarray(groups)
    if groups.shape != (length,):
        raise InputError(f"Expected one group for each of {length} values, found an array {groups.shape}.")
    unique, members = np.unique(groups, return_inverse=True)
    return members.reshape(-1), len(unique)


def _group_sums(values: FloatArray, members: IntArray, count: int) -> FloatArray:
    """Sums (G, k) of the rows of each group."""
    return np.stack([np.bincount(members, column, count) for column in values.T], 1)


def percentile_interval(drawn: FloatArray, count: float) -> tuple[float, float]:
    """Expanded percentile interval of drawn scores, of `count` groups that were drawn from."""
    tail = NormalDist().cdf(-math.sqrt(count / (count - 1)) * student_quantile(count - 1))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def unseen_share(count: int) -> float:
    """The largest share in Wilson's interval of one that is 0 in so many independent values.

    >>> round(unseen_share(96), 3)
    0.038
    """
    return _wilson(0.0, 0.0, count)[1]


def _wilson(mean: float, variance: float, count: float) -> tuple[float, float]:
    """Wilson's interval of a share, for the number of independent values whose mean has the drawn variance."""
    independent = max(count, mean * (1 - mean) / variance) if variance > 0 else count
    return wilson_interval(mean, independent)


def wilson_interval(mean: float, independent: float) -> tuple[float, float]:
    """Wilson's interval of a share, for that many independent values."""
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    centre = (mean + z * z / (2 * independent)) / (1 + z * z / independent)
    spread = math.sqrt(mean * (1 - mean) / independent + (z / (2 * independent)) ** 2)
    half = z * spread / (1 + z * z / independent)
    return centre - half, centre + half


def student_quantile(degrees: float) -> float:
    """Upper end of Student's t at 95 %, two-sided, for that many degrees of freedom.

    >>> round(student_quantile(4), 2), round(student_quantile(1000), 2)
    (2.78, 1.96)
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + CONFIDENCE / 2))
