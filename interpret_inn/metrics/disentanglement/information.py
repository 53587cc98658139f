"""Mutual information of codes and factors: the mutual information gap, and modularity.

A code of one dimension is cut into bins, and its information is computed from the counts. Joint bins of several
dimensions would hold one sample each. If any group has several dimensions, the information of *every* group is
therefore what a random forest gains by reading it: I ≈ mean of log q(value | code) − log p(value), with q of the trees
that did not see the row. The probabilities are first mixed with the factor's own shares and raised to a power, by the
two numbers for which the mean is highest (power 0, the shares alone, gains 0). No reader gains more than the
information that is there, so this estimates from below, between 0 and the factor's entropy. The estimate reaches the
entropy if the factor can be read without errors, and rises with every dimension that helps the forest. All groups are
estimated alike, so that gaps are fair.

Counts of N samples overestimate information by about (rows − 1)(columns − 1)/2N nats (Miller 1955): independent codes
get a little more than 0 from counts. Figures of the two estimates do not compare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import InputError
from interpret_inn.metrics.disentanglement.inputs import (
    ROUNDING_STEPS,
    Groups,
    Rows,
    numbered,
    read_codes,
    read_count,
    read_groups,
    read_rows,
    varying,
)
from interpret_inn.metrics.disentanglement.matrices import modularity_of
from interpret_inn.metrics.disentanglement.record import CodeScore, fit_quietly, gap, resampled
from interpret_inn.types import FloatArray, IntArray

BINS = 20
"""Bins of a dimension, as in Locatello et al. 2019."""
_STEPS_OF_A_BIN = 4
"""A bin spans at least this many neighbouring numbers, else neighbouring edges are the same number."""
_TREES = 50
"""Of a forest: each row is left out by about 18 of them."""
_MIXED = (1e-6, 1e-4, 1e-3, 1e-2, 0.1)
"""Shares of the factor's own shares in a forest's probabilities, to choose from: they keep logarithms finite."""
_POWERS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0)
"""Powers of a forest's probabilities, to choose from: under 1 for one that is too sure, above for one too unsure."""


def discretise(
    values: Any, bins: int = BINS, *, method: Literal["histogram", "quantile"] = "histogram"
) -> IntArray:
    """Each column cut into bins.

    Bins of equal width are the custom of the field (20 of them, as in Locatello et al. 2019, "Challenging common
    assumptions"); a few extreme values then push all others into few bins. Bins of equal counts do not mind them.

    Args:
        values: (N, D), N at least `bins`.
        bins: How many, at least 2.
        method: "histogram": bins of equal width from the lowest to the highest value; "quantile": bins that hold
            equally many samples, as far as equal values allow.

    Returns:
        int64 (N, D), 0 to `bins` − 1. A constant column, up to rounding, lies in one bin.

    Raises:
        InputError: not (N, D), not finite, fewer samples than bins, or an unknown method.

    >>> discretise([[0.0], [1.0], [2.0], [10.0]], 2).ravel()
    array([0, 0, 0, 1])
    >>> discretise([[0.0], [1.0], [2.0], [10.0]], 2, method="quantile").ravel()
    array([0, 0, 1, 1])
    """
    array = read_codes(values, "values to discretise")
    bins = read_count(bins, "bins", least=2)
    if len(array) < bins:
        raise InputError(
            f"Expected at least as many samples as bins, found {len(array)} for {bins}. "
            "Take fewer bins, or more samples."
        )
    if method not in ("histogram", "quantile"):
        raise InputError(f'Expected method="histogram" or "quantile", found {method!r}.')
    found = np.zeros(array.shape, np.int64)
    live = varying(array, steps=max(ROUNDING_STEPS, _STEPS_OF_A_BIN * bins))
    for place in np.flatnonzero(live):
        column = array[:, place]
        if method == "histogram":
            edges = np.histogram_bin_edges(column, bins)[:-1]
        else:
            edges = np.quantile(column, np.arange(bins) / bins)
        found[:, place] = np.digitize(column, edges) - 1
    return found.clip(0)


class Information(NamedTuple):
    """Mutual information and entropies, in nats.

    Attributes:
        mutual: float64 (G, K).
        entropy: float64 (K,), of the factors.
    """

    mutual: FloatArray
    entropy: FloatArray


def mutual_information(
    codes: Any, factors: Any, *, bins: int | None = BINS, groups: Groups | None = None, seed: int = 0
) -> Information:
    """Mutual information of each code with each factor, and each factor's entropy.

    Args:
        codes: (N, D).
        factors: (N, K), a class per different value.
        bins: Of `discretise`; None: codes are classes already. Not used if a group has several dimensions.
        groups: Dimensions that make up one code; None: each by itself.
        seed: Of the forests that read groups of several dimensions.

    Raises:
        InputError: see `mig`.
    """
    rows = read_rows(codes, factors)
    return _estimate(rows, bins, read_groups(groups, rows.codes.shape[1]), seed)(None)


def mig(
    codes: Any,
    factors: Any,
    *,
    bins: int | None = BINS,
    groups: Groups | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> CodeScore:
    """Mutual information gap: does one code tell of a factor what no other tells?

    Mean over factors of (I(best code; factor) − I(second best; factor)) / H(factor). Chen et al. 2018, "Isolating
    sources of disentanglement in VAEs", section 4.1; discretised as in Locatello et al. 2019.

    Args:
        codes: (N, D).
        factors: (N, K), a class per different value.
        bins: Bins of equal width of each dimension; None: codes are classes already.
        groups: Dimensions that make up one code; the head of this module says how their information is estimated.
            None: each by itself.
        resamples: For an interval: how often rows are drawn anew; bins and forests stay.
        seed: Of these draws and of the forests.

    Returns:
        In [0, 1]: 1 if every factor lies whole in one code, and in no other; 0 if another code knows as much.
        Parts: `mutual_information` (G, K) and `entropy` (K,) in nats, `gap` (K,), each factor's share of the score.
        Constant codes tell nothing: 0. A single code has 0 as its second.

    Raises:
        InputError: arrays that do not go together, values that are not finite, a factor of one value or of too many,
            fewer samples than bins, groups that overlap.
    """
    return _scored(codes, factors, bins, groups, resamples, seed, _gaps, "gap")


def modularity(
    codes: Any,
    factors: Any,
    *,
    bins: int | None = BINS,
    groups: Groups | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> CodeScore:
    """Modularity: does each code tell of one factor alone?

    Ridgeway & Mozer 2018, "Learning deep disentangled embeddings with the F-statistic loss", section 3; see
    `modularity_of`. It asks nothing of how much is told, nor whether two codes tell the same.

    Args:
        codes: (N, D).
        factors: (N, K), a class per different value.
        bins: As in `mig`.
        groups: As in `mig`.
        resamples: As in `mig`.
        seed: As in `mig`.

    Returns:
        In [0, 1], 1 if each code tells of one factor. Codes that tell next to nothing lower the score: information is
        overestimated by a little everywhere, so they seem to tell of all factors alike. Parts:
        `mutual_information` (G, K) and `entropy` (K,) in nats, `each` (G,), 0 for a constant code.

    Raises:
        InputError: as `mig`.
    """
    return _scored(codes, factors, bins, groups, resamples, seed, _modules, "each")


def count_information(first: IntArray, second: IntArray, weights: FloatArray | None = None) -> float:
    """Mutual information, in nats, of two columns (N,) of class numbers, each row as often as its weight says."""
    width = int(second.max()) + 1
    table = np.bincount(first * width + second, weights, (int(first.max()) + 1) * width).reshape(-1, width)
    joint = table / table.sum()
    apart = np.outer(joint.sum(1), joint.sum(0))
    filled = joint > 0
    return max(float((joint[filled] * np.log(joint[filled] / apart[filled])).sum()), 0.0)


def _scored(
    codes: Any,
    factors: Any,
    bins: int | None,
    groups: Groups | None,
    resamples: int,
    seed: int,
    summarise: Callable[[Information], tuple[float, FloatArray]],
    name: str,
) -> CodeScore:
    """A score of the information matrix, its interval, and the matrix itself."""
    rows = read_rows(codes, factors)
    estimate = _estimate(rows, bins, read_groups(groups, rows.codes.shape[1]), seed)
    found = estimate(None)
    value, each = summarise(found)
    count = len(rows.labels)

    def again(drawn: IntArray) -> float:
        weights = np.bincount(drawn, minlength=count).astype(np.float64)
        return summarise(estimate(weights))[0]

    score = resampled(value, again, count, resamples=resamples, seed=seed)
    parts = {"mutual_information": found.mutual, "entropy": found.entropy, name: each}
    return CodeScore(score, parts=parts)


def _gaps(found: Information) -> tuple[float, FloatArray]:
    varies = found.entropy > 0  # rows drawn anew may hold a single value
    each = gap(found.mutual) / np.where(varies, found.entropy, 1.0)
    return (float(each[varies].mean()) if varies.any() else np.nan), each


def _modules(found: Information) -> tuple[float, FloatArray]:
    return modularity_of(found.mutual)


def _estimate(
    rows: Rows, bins: int | None, groups: list[IntArray], seed: int
) -> Callable[[FloatArray | None], Information]:
    """A function from weights of the rows, (N,), to their information; None: each row counts once."""
    labels = rows.labels
    if any(len(group) > 1 for group in groups):
        gains = np.array([[_gain(rows.codes[:, group], y, seed) for y in labels.T] for group in groups])

        def mutual(weights: FloatArray | None) -> FloatArray:
            return np.asarray(np.average(gains, 2, weights).clip(0), np.float64)

    else:
        codes = _classes(rows.codes[:, np.concatenate(groups)], bins)

        def mutual(weights: FloatArray | None) -> FloatArray:
            return np.array([[count_information(z, y, weights) for y in labels.T] for z in codes.T])

    def estimate(weights: FloatArray | None) -> Information:
        return Information(mutual(weights), np.array([count_information(y, y, weights) for y in labels.T]))

    return estimate


def _classes(codes: npt.NDArray[Any], bins: int | None) -> IntArray:
    """Class numbers of one-dimensional codes (N, G)."""
    return numbered(codes) if bins is None else discretise(codes, bins)


def _gain(codes: npt.NDArray[Any], labels: IntArray, seed: int) -> FloatArray:
    """What a forest that reads the code gains about each row's value, nats (N,): see the head of this module."""
    from sklearn.ensemble import RandomForestClassifier

    shares = np.bincount(labels) / len(labels)
    leaf = max(2, round(len(labels) ** 0.5 / 3))  # rows enough for shares among them to mean something
    forest = RandomForestClassifier(_TREES, min_samples_leaf=leaf, oob_score=_unscored, random_state=seed)
    fit_quietly(forest, codes, labels)
    likely = forest.oob_decision_function_
    likely = np.where(np.isfinite(likely), likely, shares)  # a row that every tree has seen
    best, own = np.zeros(len(labels)), np.arange(len(labels))
    for mixed in _MIXED:
        ratio = np.log((1 - mixed) * likely / shares + mixed)
        for power in _POWERS:
            total = np.log((shares * np.exp(power * ratio)).sum(1))
            gain = power * ratio[own, labels] - total
            best = gain if gain.mean() > best.mean() else best
    return np.asarray(best, np.float64)


def _unscored(*_: Any) -> float:
    """Takes the place of the forest's own score, which is not needed."""
    return 0.0
