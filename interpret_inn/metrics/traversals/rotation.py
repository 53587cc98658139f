"""How far images move along two axes of a code, and along the same two turned."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.metrics.traversals.distances import Distance, multi_scale_pixels
from interpret_inn.metrics.traversals.lengths import (
    Generate,
    check_traversals,
    starting_codes,
    traversed_lengths,
)
from interpret_inn.types import FloatArray, Score
from interpret_inn.types.numbers import TINY


@dataclass(frozen=True)
class RotationCurve:
    """Accumulated distance of a pair of axes, by the angle at which they are turned.

    Attributes:
        degrees: Angles, float64 (A,).
        lengths: Sum of the lengths of both turned axes at each angle, with intervals over starting points.
        gain: How much shorter the axes are as they stand than turned by 45 degrees, as a share of the latter: above 0
            for axes that are simpler than their mixtures, 0 where no rotation is better than another.
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
    """Traversals two axes of a code, turned together by angles from 0 to 180 degrees.

    Of two good axes the curve has its minima at multiples of 90 degrees ("Where and What?", 2021, section 4.3).

    Args:
        generate: From codes (B, D) to images (B, C, H, W).
        pair: The axes, from 0.
        size: `D`.
        distance: Of two batches of images.
        angles: How many angles, 0 and 180 among them.
        starts: How many starting points are drawn from N(0, I), or codes (S, D).
        steps: Images on each traversal.
        span: How far a traversal goes to either side.
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
