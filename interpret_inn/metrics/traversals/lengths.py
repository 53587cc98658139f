"""Traversal perceptual length: how far images move when the axes of a code are traversed, one by one."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.errors import InputError
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.metrics.traversals.distances import Distance, multi_scale_pixels
from interpret_inn.types import FloatArray, Score
from interpret_inn.types.numbers import BoolArray

_DEAD = 0.01
"""Axes shorter than this share of the longest never count: if most axes are dead, so is the median."""
Generate = Callable[[Tensor], Tensor]
"""From codes (B, D) to images (B, C, H, W)."""


@dataclass(frozen=True)
class TraversalLengths:
    """How long the axes of a code are.

    Attributes:
        score: The sum over active axes of their mean lengths, with its interval over starting points.
        axes: Mean length of each axis, float64 (K,), in the distance's units.
        active: Those at least as long as the threshold, bool (K,).
        threshold: Length that an axis needs to count, in the distance's units.
        each: Length of each axis from each starting point, float64 (S, K).
        factors: The factor that each axis belongs to, (K,); empty if they belong to none.
    """

    score: Score
    axes: FloatArray
    active: BoolArray
    threshold: float
    each: FloatArray = field(repr=False)
    factors: tuple[str, ...] = field(default=(), repr=False)

    @property
    def by_factor(self) -> dict[str, float]:
        """What each factor's active axes add to the score; empty if they belong to none."""
        found = dict.fromkeys(self.factors, 0.0)
        for name, length in zip(self.factors, self.axes * self.active, strict=False):
            found[name] += float(length)
        return found


def tpl(
    generate: Generate,
    axes: int | Tensor,
    *,
    distance: Distance = multi_scale_pixels,
    starts: int | Tensor = 10,
    steps: int = 24,
    span: float = 4.0,
    threshold: float = 0.1,
    relative: bool = True,
    at_once: int = 128,
    seed: int = 0,
) -> TraversalLengths:
    """Traversal perceptual length (Zhu, Xu and Tao, "Where and What?", 2021, section 4.3): less is simpler.

    From each starting point every axis is traversed from `-span` to `span`, all else kept, and the distances of
    neighbouring images are summed. The score is the sum over axes of the mean over starting points; axes shorter than a
    threshold, which hardly do anything, count 0.

    Args:
        generate: From codes (B, D) to images (B, C, H, W). It runs without gradients; the caller puts a module into
            evaluation mode.
        axes: `D`: every axis of the code; or directions to move along, (K, D), of any length but 0.
        distance: Of two batches of images; its units are the score's.
        starts: How many starting points are drawn from N(0, I), or the codes to start from, (S, D), whose device and
            precision all codes then have.
        steps: Images on each traversal; published: 24, with 10 starts, and 48, with 300.
        span: How far a traversal reaches to either side.
        threshold: Length that an axis needs to count.
        relative: The threshold is a share of the median axis' length (but a hundredth of the longest at least, as most
            axes may be dead), so that it means the same for every distance; False: it is a length itself (published
            with LPIPS: 0.1, 0.3 and 0.5).
        at_once: Images that are made together.
        seed: Of the starting points.

    Returns:
        The score and what it is made of.

    Raises:
        InputError: axes, starts or numbers that cannot be used, or `generate` returns no images.
    """
    check_traversals(steps=steps, at_once=at_once, span=span, threshold=threshold)
    directions = directions_of(axes)
    codes = starting_codes(starts, directions, seed)
    directions = directions.to(codes)
    each = traversed_lengths(
        generate, directions, codes, distance=distance, steps=steps, span=span, at_once=at_once
    )
    return summed_up(each, threshold=threshold, relative=relative, seed=seed)


def summed_up(
    each: FloatArray, *, threshold: float, relative: bool, seed: int, factors: tuple[str, ...] = ()
) -> TraversalLengths:
    """The record of lengths (S, K); see `tpl`."""
    lengths = each.mean(0)
    least = float(least_length(lengths, threshold=threshold, relative=relative))
    active = (lengths >= least) & (lengths > 0)
    score = bootstrap_mean((each * active).sum(1), seed=seed)
    return TraversalLengths(score, lengths, active, least, each, factors)


def least_length(lengths: FloatArray, *, threshold: float, relative: bool) -> FloatArray:
    """Length that an axis needs to count, (...), for lengths (..., K) of axes by one distance; see `tpl`."""
    if not relative:
        return np.full(lengths.shape[:-1], float(threshold))
    least: FloatArray = np.maximum(threshold * np.median(lengths, -1), _DEAD * lengths.max(-1))
    return least


@torch.no_grad()
def traversed_lengths(
    generate: Generate,
    directions: Tensor,
    codes: Tensor,
    *,
    distance: Distance,
    steps: int,
    span: float,
    at_once: int = 128,
) -> FloatArray:
    """Length of the traversal along each direction (K, D) from each code (S, D), float64 (S, K)."""
    unit = directions / directions.norm(dim=1, keepdim=True)
    places = torch.linspace(-span, span, steps).to(codes)
    together = max(1, at_once // steps)
    found = []
    for direction in unit:
        kept = codes - (codes @ direction)[:, None] * direction
        row = []
        for part in kept.split(together):
            traversal = part[:, None] + places[:, None] * direction
            row.append(_summed(generate, traversal, distance))
        found.append(torch.cat(row))
    return np.asarray(torch.stack(found, 1).cpu().double())


def _summed(generate: Generate, traversal: Tensor, distance: Distance) -> Tensor:
    """Sum of the distances of neighbouring images of traversals (S, T, D), (S,)."""
    count, steps = traversal.shape[:2]
    images = generate(traversal.flatten(0, 1))
    if not isinstance(images, Tensor) or images.ndim != 4 or len(images) != count * steps:
        what = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise InputError(f"Expected the generator to make images ({count * steps}, C, H, W), found {what}.")
    rows = images.to(torch.promote_types(images.dtype, torch.float32)).unflatten(0, (count, steps))
    between = distances_of(distance, rows[:, :-1].flatten(0, 1), rows[:, 1:].flatten(0, 1))
    summed: Tensor = between.reshape(count, steps - 1).sum(1)
    return summed


def distances_of(distance: Distance, first: Tensor, second: Tensor) -> Tensor:
    """Distances (B,) of two batches of images.

    Raises:
        InputError: the distance gives another shape, or numbers that are not finite.
    """
    between = distance(first, second)
    if between.shape != (len(first),):
        raise InputError(
            f"Expected the distance to give ({len(first)},), one for each pair, found {tuple(between.shape)}."
        )
    if not bool(torch.isfinite(between).all()):
        raise InputError("Expected distances that are finite, found NaN or infinity. Look at the images.")
    return between


def directions_of(axes: int | Tensor) -> Tensor:
    """Directions (K, D) to move along; see `tpl`.

    Raises:
        InputError: neither a number of axes nor directions.
    """
    if isinstance(axes, numbers.Integral) and not isinstance(axes, bool) and axes >= 1:
        return torch.eye(int(axes))
    if isinstance(axes, Tensor) and axes.ndim == 2 and len(axes) and bool((axes.norm(dim=1) > 0).all()):
        return axes.detach()
    what = tuple(axes.shape) if isinstance(axes, Tensor) else repr(axes)
    raise InputError(
        f"Expected axes to be the number of axes, at least 1, or directions (K, D) that are not 0, found {what}."
    )


def starting_codes(starts: int | Tensor, directions: Tensor, seed: int) -> Tensor:
    """Codes (S, D) to start from; see `tpl`.

    Raises:
        InputError: neither a number nor codes of that width.
    """
    width = directions.shape[1]
    if isinstance(starts, Tensor):
        if starts.ndim == 2 and len(starts) and starts.shape[1] == width:
            return starts.detach()
        raise InputError(f"Expected codes to start from, (S, {width}), found {tuple(starts.shape)}.")
    if isinstance(starts, bool) or not isinstance(starts, numbers.Integral) or starts < 1:
        raise InputError(f"Expected starts to be a whole number, at least 1, or codes, found {starts!r}.")
    drawn = torch.randn(int(starts), width, generator=Generator().manual_seed(seed))
    return drawn.to(directions)


def check_traversals(*, steps: int, at_once: int, span: float, threshold: float) -> None:
    """Refuses numbers that describe no traversal.

    Raises:
        InputError: one of them.
    """
    for name, count, least in (("steps", steps, 2), ("at_once", at_once, 1)):
        if isinstance(count, bool) or not isinstance(count, numbers.Integral) or count < least:
            raise InputError(f"Expected {name} to be a whole number, at least {least}, found {count!r}.")
    if not isinstance(span, numbers.Real) or not 0 < float(span) < float("inf"):
        raise InputError(f"Expected span to be a number above 0, found {span!r}.")
    if not isinstance(threshold, numbers.Real) or not 0 <= float(threshold) < float("inf"):
        raise InputError(f"Expected threshold to be a number from 0, found {threshold!r}.")
