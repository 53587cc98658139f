"""Total correlation of codes: how far they are from being independent; no factors are needed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from interpret_inn.errors import InputError
from interpret_inn.metrics.disentanglement.inputs import Groups, read_codes, read_groups, varying
from interpret_inn.metrics.disentanglement.record import CodeScore, resampled
from interpret_inn.types import FloatArray, IntArray

_SINGULAR = 1e-12
"""Dimensions with a smaller eigenvalue of their correlations, per dimension, repeat one another."""


def total_correlation(
    codes: Any, *, groups: Groups | None = None, resamples: int = 0, seed: int = 0
) -> CodeScore:
    """Total correlation of the Gaussian with the codes' covariance (Watanabe 1960; Locatello et al. 2019, appendix).

    ½ (Σ_g log|Σ_g| − log|Σ|), the sum over codes of their own covariances Σ_g: the divergence of the joint Gaussian
    from the product of its parts. No factors are needed. It sees linear dependence alone: codes that are
    uncorrelated and yet dependent have 0.

    Args:
        codes: (N, D), N > D.
        groups: Dimensions that make up one code: dependence inside a group does not count. Dimensions in no group are
            left out. None: each by itself.
        resamples: For an interval: how often rows are drawn anew.
        seed: Of these draws.

    Returns:
        Nats, 0 if the codes are uncorrelated, without an upper end; infinite if one repeats others. Of two
        codes of correlation r it is −½ log(1 − r²). N samples of independent codes have about P/2N, P the number of
        pairs of dimensions in different groups. Parts: `pairs` (G, G), the same of each two codes alone (0 on the
        diagonal); `correlation` (D′, D′) of the dimensions in groups. Constant dimensions are independent of
        everything.

    Raises:
        InputError: not (N, D), values that are not finite, no more samples than dimensions, groups that overlap.
    """
    array = np.asarray(read_codes(codes), np.float64)
    dimensions = read_groups(groups, array.shape[1])
    used = np.concatenate(dimensions)
    if len(array) <= len(used):
        raise InputError(
            f"Expected more samples than dimensions, found {len(array)} for {len(used)}: "
            "fewer samples always lie in a plane, in which dimensions repeat one another."
        )
    ends = np.cumsum([len(group) for group in dimensions])
    places = [np.arange(end - len(group), end) for end, group in zip(ends, dimensions, strict=True)]
    chosen = array[:, used]
    correlation = _correlation(chosen)

    def again(rows: IntArray) -> float:
        return _dependence(_correlation(chosen[rows]), places)

    value = _dependence(correlation, places)
    score = resampled(value, again, len(array), resamples=resamples, seed=seed, highest=math.inf)
    pairs = [[0.0 if a is b else _dependence(correlation, [a, b]) for b in places] for a in places]
    return CodeScore(score, parts={"pairs": np.array(pairs), "correlation": correlation})


def _correlation(codes: FloatArray) -> FloatArray:
    """Correlations (D, D); constant dimensions have none with others."""
    live = varying(codes)
    centred = np.where(live, codes - codes.mean(0), 0.0)
    scaled = centred / np.where(live, np.sqrt((centred**2).sum(0)), 1.0)
    found = scaled.T @ scaled
    np.fill_diagonal(found, 1.0)
    return np.asarray(found, np.float64)


def _dependence(correlation: FloatArray, groups: list[IntArray]) -> float:
    """−½ log|R| of the groups, each whitened, so that its own determinant is 1; repeated dimensions are left out."""
    axes = np.zeros((len(correlation), 0))
    for group in groups:
        values, vectors = np.linalg.eigh(correlation[np.ix_(group, group)])
        kept = values > _SINGULAR * len(group)
        own = np.zeros((len(correlation), int(kept.sum())))
        own[group] = vectors[:, kept] / np.sqrt(values[kept])
        axes = np.concatenate([axes, own], 1)
    values = np.linalg.eigvalsh(axes.T @ correlation @ axes)
    if values[0] <= _SINGULAR * len(values):
        return math.inf
    return max(-0.5 * float(np.log(values).sum()), 0.0)
