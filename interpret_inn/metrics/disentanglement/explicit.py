"""Explicitness: can each value of each factor be read linearly from the code as a whole?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from interpret_inn.metrics.disentanglement.inputs import Groups, Rows, read_groups, read_parts, varying
from interpret_inn.metrics.disentanglement.record import CodeScore, fit_quietly, resampled
from interpret_inn.types import FloatArray, IntArray
from interpret_inn.types.numbers import BoolArray


def explicitness(
    codes: Any,
    factors: Any,
    *,
    test: tuple[Any, Any] | float = 1 / 3,
    groups: Groups | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> CodeScore:
    """Explicitness (Ridgeway & Mozer 2018, "Learning deep disentangled embeddings …", section 3).

    Logistic regression reads each factor from all standardised dimensions (scikit-learn's defaults, as in
    disentanglement_lib); for each value the area under the ROC curve of its probability, one value against the rest,
    on the test rows; the mean over a factor's values, then over factors. It asks whether the information is there
    and linear, not where: a rotation of the code does not change it.

    Args:
        codes: (N, D), to learn from.
        factors: (N, K), a class per different value.
        test: Codes and factors of other rows to test on, or the share of these rows that is kept for that.
        groups: Dimensions that make up one code: the score reads all dimensions in any group, and the part `groups`
            says how explicit each group makes each factor by itself.
        resamples: For an interval: the test rows are drawn anew, the regressions stay.
        seed: Of the split, and of these draws.

    Returns:
        0.5 is chance, 1 is best. Parts: `each` (K,), a factor's areas; `train`, the score on the rows that were learnt
        from; with `groups=` also `groups` (G, K). Constant dimensions are left out; a value that no test row has,
        or that all have, is left out of the mean; one that was not learnt from has 0.5.

    Raises:
        InputError: arrays that do not go together, values that are not finite, a factor of one value or of too many,
            groups that overlap.
    """
    train, test_rows = read_parts(codes, factors, test, seed)
    dimensions = read_groups(groups, train.codes.shape[1])
    every = np.concatenate(dimensions)
    fitted, tested = _probabilities(train, test_rows, every)
    areas = _areas(tested, test_rows.labels)

    def again(rows: IntArray) -> float:
        return float(np.nanmean(_areas([table[rows] for table in tested], test_rows.labels[rows])))

    parts: dict[str, float | npt.NDArray[np.generic]] = {
        "each": areas,
        "train": float(np.nanmean(_areas(fitted, train.labels))),
    }
    if groups is not None:
        apart = [_areas(_probabilities(train, test_rows, group)[1], test_rows.labels) for group in dimensions]
        parts["groups"] = np.array(apart)
    score = resampled(float(np.nanmean(areas)), again, len(test_rows.labels), resamples=resamples, seed=seed)
    return CodeScore(score, parts=parts)


def area_under_roc(scores: FloatArray, positive: BoolArray) -> FloatArray:
    """How often a positive row scores higher than another, ties half: (C,) of (N, C) and (N, C).

    Mann & Whitney's form of the area under the ROC curve; NaN if all rows are positive, or none is.
    """
    from scipy.stats import rankdata

    there = positive.sum(0)
    pairs = there * (len(positive) - there)
    ranks = (rankdata(scores, axis=0) * positive).sum(0)
    return np.where(pairs > 0, (ranks - there * (there + 1) / 2) / np.where(pairs > 0, pairs, 1), np.nan)


def _areas(tables: list[FloatArray], labels: IntArray) -> FloatArray:
    """Mean area of each factor's values, (K,), of probabilities (n, C) of each factor."""
    means = np.full(len(tables), np.nan)
    for k, table in enumerate(tables):
        each = area_under_roc(table, labels[:, k, None] == np.arange(table.shape[1]))
        if np.isfinite(each).any():
            means[k] = np.nanmean(each)
    return means


def _probabilities(train: Rows, test_rows: Rows, used: IntArray) -> tuple[list[FloatArray], list[FloatArray]]:
    """Probabilities of each factor's values on both sets of rows, (n, C); alike if nothing could be learnt."""
    from sklearn.linear_model import LogisticRegression

    known, other = train.codes[:, used], test_rows.codes[:, used]
    live = varying(known)
    mean, scale = known.mean(0)[live], known.std(0)[live]
    known, other = (known[:, live] - mean) / scale, (other[:, live] - mean) / scale
    both: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    for k, labels in enumerate(train.labels.T):
        count = int(max(labels.max(), test_rows.labels[:, k].max())) + 1
        model = LogisticRegression()
        if live.any():
            fit_quietly(model, known, labels)
        for tables, rows in zip(both, (known, other), strict=True):
            table = np.zeros((len(rows), count))
            if live.any():
                table[:, model.classes_] = model.predict_proba(rows)
            tables.append(table)
    return both
