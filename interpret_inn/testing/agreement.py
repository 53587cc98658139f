"""How far the two samples of pairs agree in a concept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata

from interpret_inn.types import Concept, FloatArray, IntArray


class Agreement(NamedTuple):
    """What was found.

    Attributes:
        value: 1 for full agreement; 0, or chance for categories, for none.
        measure: What the value is, in words.
        known: Pairs whose values are known on both sides.
    """

    value: float
    measure: str
    known: int


def agreement(concept: Concept, first: IntArray, second: IntArray) -> Agreement | None:
    """Compares a concept's values over pairs.

    Categorical: the share of equal classes. Numeric: the correlation of normal scores, averaged over
    dimensions. Cyclic: the mean cosine of the difference.

    Args:
        concept: With its values.
        first: int64 (n,), samples.
        second: int64 (n,), their partners.

    Returns:
        None where there are no values, or none that are known on both sides.
    """
    if concept.values is None:
        return None
    values = concept.values.reshape(len(concept.values), -1)
    missing = values < 0 if concept.kind == "categorical" else np.isnan(values)
    known = ~(missing[first] | missing[second]).any(1)
    if not known.any():
        return None
    one, other = (values if concept.kind != "numeric" else _normal_scores(values))[
        np.stack([first, second])[:, known]
    ]
    count = int(known.sum())
    if concept.kind == "categorical":
        return Agreement(float((one == other).mean()), "the share of equal classes", count)
    if concept.kind == "cyclic":
        return Agreement(float(np.cos(one - other).mean()), "the mean cosine of the difference", count)
    return Agreement(_correlation(one, other), "the correlation of ranks", count)


def _normal_scores(values: npt.NDArray[Any]) -> FloatArray:
    """Replaces each column's values by the normal quantiles of their ranks; NaN stays NaN."""
    ranks = rankdata(values, axis=0, nan_policy="omit")
    scores: FloatArray = ndtri((ranks - 0.5) / (~np.isnan(values)).sum(0).clip(1))
    return scores


def _correlation(one: FloatArray, other: FloatArray) -> float:
    """Correlation around 0, the mean of normal scores, averaged over columns."""
    scale = np.sqrt((one**2).mean(0) * (other**2).mean(0))
    return float(((one * other).mean(0) / np.where(scale > 0, scale, 1)).mean())
