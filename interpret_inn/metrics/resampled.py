"""Intervals for fits: how far the mean score of some fits could be from that of all fits to other samples.

Scores of fits whose training samples overlap vary less among each other than those of fits to samples of their own.
Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52 (2003), section 3, correct for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from interpret_inn.metrics.bootstrap import student_quantile, wilson_interval
from interpret_inn.types import Score


def resampled_score(
    scores: Sequence[float],
    weights: Sequence[float],
    *,
    ratio: float,
    share_of: int | None = None,
) -> Score:
    """The mean score of J fits with its corrected resampled 95 % interval.

    The variance of the mean is (1/J + ratio) s², with s² the variance of the scores, and the interval is that of
    Student's t with J − 1 degrees of freedom. No score exceeds 1.

    Args:
        scores: J scores.
        weights: How much each counts, not all 0.
        ratio: Test samples for each training sample of a fit.
        share_of: The scores are shares of so many independent samples together: they do not fall below 0, and the
            interval also covers Wilson's (1927), as scores that are all 1 do not vary. None: they are not.

    Returns:
        The mean; `parts` has each score. NaN if one of them is not finite; NaN ends for a single one.

    >>> score = resampled_score([0.7, 0.8, 0.6, 0.7, 0.7], [1.0] * 5, ratio=0.2 / 0.7)
    >>> round(score.value, 3), round(score.low, 3), round(score.high, 3)
    (0.7, 0.563, 0.837)
    """
    found, share = np.asarray(scores, np.float64), np.asarray(weights, np.float64)
    count = len(found)
    parts = {f"refit {place + 1}": float(score) for place, score in enumerate(found)}
    if not count or not np.isfinite(found).all() or not share.sum() > 0:
        return Score(math.nan, parts=parts)
    share = share / share.sum()
    mean = float(share @ found)
    if count < 2:
        return Score(mean, parts=parts)
    variance = float(share @ (found - mean) ** 2) * count / (count - 1)
    half = student_quantile(count - 1) * math.sqrt((1 / count + ratio) * variance)
    low, high = mean - half, min(mean + half, 1.0)
    if share_of is not None:
        wilson = wilson_interval(mean, share_of)
        low, high = max(0.0, min(low, wilson[0])), max(high, wilson[1])
    return Score(mean, low, high, parts)
