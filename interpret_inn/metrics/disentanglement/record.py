"""What every score of codes gives back, and the intervals of those that are drawn again from their rows."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from interpret_inn.metrics.bootstrap import percentile_interval, student_quantile
from interpret_inn.metrics.disentanglement.inputs import read_count
from interpret_inn.types import FloatArray, IntArray, Score


@dataclass(frozen=True)
class CodeScore:
    """A score of codes against known factors.

    Attributes:
        score: The score; its ends are NaN unless `resamples` asked for an interval.
        further: Other scores of the same computation, by name: completeness and informativeness of `dci`.
        parts: What the scores are made of: numbers, and arrays whose first axis is the code (a dimension, or a group of
            them) and whose second is the factor.
    """

    score: Score
    further: Mapping[str, Score] = field(default_factory=dict)
    parts: Mapping[str, float | npt.NDArray[np.generic]] = field(default_factory=dict, repr=False)


def resampled(
    value: float,
    statistic: Callable[[IntArray], float],
    count: int,
    *,
    resamples: int,
    seed: int,
    highest: float = 1.0,
) -> Score:
    """A score with the interval of its values on rows drawn anew, with replacement.

    Drawn rows repeat, and repeated rows raise every estimate of a dependence (as fewer rows would). Only the spread of
    the drawn values is therefore used: they are moved until their mean is the score.

    Args:
        value: The score of all rows.
        statistic: From numbers of rows to the score of these rows; NaN if they have none.
        count: How many rows there are.
        resamples: How many times they are drawn; 0: no interval.
        seed: Of the draws.
        highest: The interval is cut off at 0 and at this value.

    Raises:
        InputError: fewer than 0 resamples.
    """
    drawn = np.array([statistic(rows) for rows in drawn_rows(count, resamples, seed)], np.float64)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < 2 or not math.isfinite(value):
        return Score(value)
    low, high = percentile_interval(drawn - drawn.mean() + value, count)
    return Score(value, min(max(low, 0.0), value), max(min(high, highest), value))


def refitted(value: float, drawn: npt.ArrayLike) -> Score:
    """A score with Student's interval by the deviation of a few values of it on other rows; it lies in [0, 1]."""
    values = np.asarray(drawn, np.float64)
    if len(values) < 2:
        return Score(value)
    half = student_quantile(len(values) - 1) * float(values.std(ddof=1))
    return Score(value, max(value - half, 0.0), min(value + half, 1.0))


def with_chance(
    found: CodeScore,
    shuffled: Callable[[IntArray], CodeScore],
    count: int,
    *,
    shuffles: int,
    seed: int,
) -> CodeScore:
    """The score with the part `chance`: the mean score of rows in random orders (count,); unchanged without shuffles.

    Raises:
        InputError: fewer than 0 shuffles.
    """
    if not read_count(shuffles, "shuffles", least=0):
        return found
    generator = np.random.default_rng([seed, shuffles])
    reached = [shuffled(generator.permutation(count)).score.value for _ in range(shuffles)]
    return dataclasses.replace(found, parts={**found.parts, "chance": float(np.mean(reached))})


def drawn_rows(count: int, resamples: int, seed: int) -> Iterator[IntArray]:
    """Row numbers (count,), drawn with replacement, `resamples` times.

    Raises:
        InputError: fewer than 0 resamples.
    """
    resamples = read_count(resamples, "resamples", least=0)
    generator = np.random.default_rng(read_count(seed, "seed", least=0))
    for _ in range(resamples):
        yield generator.integers(0, count, count)


def gap(matrix: FloatArray) -> FloatArray:
    """The highest value of each column minus the second highest: (K,) of (G, K); a single row has 0 below it."""
    if len(matrix) == 1:
        return np.asarray(matrix[0], np.float64)
    ordered = np.sort(matrix, 0)
    return np.asarray(ordered[-1] - ordered[-2], np.float64)


def fit_quietly(model: Any, codes: npt.NDArray[Any], labels: IntArray) -> Any:
    """The model, fitted without warnings: scores are defined with few iterations, which need not converge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(codes, labels)
