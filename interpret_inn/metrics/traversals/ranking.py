"""Which of several codes is the simplest by the lengths of its axes, and how sure that is."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.metrics.bootstrap import (
    CONFIDENCE,
    bootstrap_mean,
    percentile_interval,
    resampling_weights,
    student_quantile,
)
from interpret_inn.metrics.traversals.distances import Distance, multi_scale_pixels
from interpret_inn.metrics.traversals.lengths import (
    Generate,
    check_traversals,
    least_length,
    starting_codes,
    traversed_lengths,
)
from interpret_inn.types import FloatArray, Score
from interpret_inn.types.numbers import TINY, BoolArray

RESAMPLES = 2000
"""Draws of a ranking: a share of wins is then sure to a hundredth."""
_ENDS = (0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2)
"""Quantiles at the ends of an interval."""
_TIED = 1e-6
"""Codes whose lengths differ by a smaller share tie: one code that is measured twice differs that much by rounding."""


@dataclass(frozen=True)
class Ranking:
    """Codes by the lengths of their axes, in the order in which they were given.

    Attributes:
        scores: Traversal perceptual length of each, with its interval over starting points.
        first: Share of resamples in which each is the shortest, float64 (C,); they sum to 1.
        behind: How much longer each is than the best, with its interval; 0 for the best itself, NaN if no axis acts.
        order: Their places, the shortest first; codes without an axis that acts come last.
        active: Axes that count, of each bool (K,).
        threshold: Length that an axis needs to count, in the distance's units, the same for all.
    """

    scores: tuple[Score, ...]
    first: FloatArray
    behind: tuple[Score, ...]
    order: tuple[int, ...]
    active: tuple[BoolArray, ...] = field(repr=False)
    threshold: float


def rank(
    each: Sequence[FloatArray],
    *,
    errors: Sequence[float] | None = None,
    threshold: float = 0.1,
    relative: bool = True,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Ranking:
    """Ranks codes by the sum over their active axes of mean lengths.

    Starting points are drawn again with replacement, the same ones for all codes: a starting point from which all
    codes are long cancels in their differences. The threshold is one length for all: a share of the median of all
    codes' axes together (and a hundredth of the longest at least), found anew in every resample. With a threshold for
    each code, short axes would count in codes that have many of them and would not in others.

    To compare codes, resamples are stretched about their value by Student's t and n / (n − 1) (Hesterberg, "What
    teachers should know about the bootstrap", 2015, section 5.3): without that, few starting points look surer than
    they are. The intervals of `behind` hold for one comparison each: among many codes that are alike, the last is often
    found longer.

    Args:
        each: Of each code, length of each axis from each starting point, float64 (S, K), from the same S points.
        errors: Of each code the standard error, as a share, of how far its axes are traversed: 1/√(2n) if a standard
            deviation of n samples sets that. It is the same from all starting points, so more of these do not lessen
            it. None: traversals are as long as they should be.
        threshold: As for `tpl`.
        relative: As for `tpl`; the median is that of all codes' axes.
        seed: Of the resamples.
        resamples: How many.

    Raises:
        InputError: no codes, codes without axes, different numbers of starting points, or fewer than two of these.

    Example:
        >>> found = rank([np.array([[1.0, 2.0], [1.1, 2.0], [0.9, 2.1]]), np.full((3, 1), 5.0)])
        >>> found.order, found.first.tolist()
        ((0, 1), [1.0, 0.0])
    """
    lengths = _joined(each)
    count, begins = len(lengths), np.cumsum([0] + [one.shape[1] for one in each[:-1]])
    values, active = _totals(lengths.mean(0)[None], begins, threshold, relative)
    value = values[0]
    means = resampling_weights(count, seed=seed, resamples=resamples) @ lengths / count
    drawn = _totals(means, begins, threshold, relative)[0]
    stretched = value + _stretch(count) * (drawn - value)
    if errors is not None:
        sizes = np.sqrt(np.add.reduceat(np.where(active[0], lengths.mean(0), 0.0) ** 2, begins))
        stretched += np.random.default_rng([seed, 1]).normal(size=drawn.shape) * np.asarray(errors) * sizes
    order = tuple(np.argsort(np.where(value > 0, value, np.inf), kind="stable").tolist())
    best = order[0]
    scores = [
        Score(float(v), *percentile_interval(row, count)) for v, row in zip(value, drawn.T, strict=True)
    ]
    behind = [
        Score(float(v - value[best]), *np.quantile(row - stretched[:, best], _ENDS).tolist())
        if v > 0 or value[best] == 0
        else Score(math.nan)
        for v, row in zip(value, stretched.T, strict=True)
    ]
    least = least_length(lengths.mean(0), threshold=threshold, relative=relative)
    return Ranking(
        tuple(scores), _shares(stretched, drawn), tuple(behind), order,
        tuple(np.split(active[0], begins[1:])), float(least),
    )  # fmt: skip


def _totals(
    lengths: FloatArray, begins: npt.NDArray[np.intp], threshold: float, relative: bool
) -> tuple[FloatArray, BoolArray]:
    """Lengths (R, K) of all codes' axes as totals of each code (R, C); and which axes count (R, K)."""
    least = least_length(lengths, threshold=threshold, relative=relative)[:, None]
    active = (lengths >= least) & (lengths > 0)
    return np.add.reduceat(np.where(active, lengths, 0.0), begins, axis=1), active


def _stretch(count: int) -> float:
    """How much farther from their value resamples of `count` starting points should lie."""
    usual = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    return math.sqrt(count / (count - 1)) * student_quantile(count - 1) / usual


def _shares(stretched: FloatArray, drawn: FloatArray) -> FloatArray:
    """Share of resamples in which each of C codes is the shortest, (C,); codes that tie share one."""
    found = np.where(drawn > 0, stretched, np.inf)  # a code that moves nothing does not win
    least = found.min(1, keepdims=True)
    tied = found <= least + _TIED * np.abs(least)
    shares: FloatArray = (tied / tied.sum(1, keepdims=True)).mean(0)
    return shares


def _joined(each: Sequence[FloatArray]) -> FloatArray:
    """All codes' axes side by side, (S, K)."""
    shapes = [np.shape(one) for one in each]
    if not shapes or any(len(shape) != 2 or not shape[1] for shape in shapes):
        raise InputError(
            f"Expected lengths (S, K) of one code or several, each with an axis, found {shapes}."
        )
    if len({shape[0] for shape in shapes}) > 1 or shapes[0][0] < 2:
        raise InputError(
            f"Expected lengths from the same starting points for all codes, two at least, found {shapes}."
        )
    return np.concatenate([np.asarray(one, np.float64) for one in each], 1)


@dataclass(frozen=True)
class RotationCurve:
    """Accumulated distance of a pair of axes, by the angle at which they are turned.

    Attributes:
        degrees: Angles, float64 (A,).
        lengths: Sum of the lengths of both turned axes at each angle, with intervals over starting points.
        gain: How much shorter the axes are than the same turned by 45 degrees, as a share of the latter: above 0 for
            axes that are simpler than their mixtures, 0 if no rotation is better than another.
        each: Of each starting point, float64 (S, A).
    """

    degrees: FloatArray
    lengths: tuple[Score, ...]
    gain: Score
    each: FloatArray = field(repr=False)


def rotation_curve(
    generate: Generate,
    pair: tuple[int, int],
    size: int,
    *,
    distance: Distance = multi_scale_pixels,
    angles: int = 13,
    starts: int | Tensor = 10,
    steps: int = 24,
    span: float = 4.0,
    at_once: int = 128,
    seed: int = 0,
) -> RotationCurve:
    """Traverses two axes of a code, turned together by angles from 0 to 180 degrees.

    Of two good axes the curve has its minima at multiples of 90 degrees ("Where and What?", 2021, section 4.3).

    Args:
        generate: From codes (B, D) to images (B, C, H, W).
        pair: The axes, from 0.
        size: `D`.
        distance: Of two batches of images.
        angles: How many angles, 0 and 180 among them.
        starts: How many starting points are drawn from N(0, I), or codes (S, D).
        steps: Images on each traversal.
        span: How far a traversal reaches to either side.
        at_once: Images that are made together.
        seed: Of the starting points.

    Raises:
        InputError: axes that are not there, or numbers that cannot be used.
    """
    check_traversals(steps=steps, at_once=at_once, span=span, threshold=0)
    first, second = pair
    if not (0 <= first < size and 0 <= second < size and first != second):
        raise InputError(f"Expected two different axes from 0 to {size - 1}, found {first} and {second}.")
    if isinstance(angles, bool) or not isinstance(angles, numbers.Integral) or angles < 2:
        raise InputError(f"Expected angles to be a whole number, at least 2, found {angles!r}.")
    axes = torch.eye(size)[[first, second]]
    codes = starting_codes(starts, axes, seed)
    axes = axes.to(codes)

    def length(degrees: float) -> FloatArray:
        turn = torch.tensor(np.deg2rad(degrees), dtype=axes.dtype, device=axes.device)
        turned = (
            torch.stack([torch.stack([turn.cos(), turn.sin()]), torch.stack([-turn.sin(), turn.cos()])])
            @ axes
        )
        found = traversed_lengths(
            generate, turned, codes, distance=distance, steps=steps, span=span, at_once=at_once
        )
        return np.asarray(found.sum(1))

    degrees = np.linspace(0, 180, int(angles))
    each = np.stack([length(angle) for angle in degrees], 1)
    halfway = length(45.0)
    gain = bootstrap_mean((halfway - each[:, 0]) / max(float(halfway.mean()), TINY), seed=seed)
    return RotationCurve(degrees, tuple(bootstrap_mean(one, seed=seed) for one in each.T), gain, each)
