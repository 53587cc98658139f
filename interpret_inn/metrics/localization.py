"""How well masks find what they should: scores against known places, and how concentrated masks are.

`iou` at matched area and `pointing_game` take heat of any scale, as only the order of its pixels counts there. Four
rules hold throughout:

* Pixels of one value share equally what they win together, so no corner of the image is favoured, and a constant mask
  scores what chance scores.
* A mask that is nowhere above 0 is empty: it finds nothing, and scores 0.
* An image whose true region is empty, or that has a value that is not finite, has no score: NaN, left out of the mean.
* The true region is where the truth is above 0.5.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from interpret_inn.errors import InputError
from interpret_inn.metrics.per_image import MaskArray, PerImage, finite, mask_arrays, per_image, same_shapes
from interpret_inn.types import FloatArray, IntArray
from interpret_inn.types.numbers import TINY, BoolArray

_INSIDE = 0.5
"""Truth above this lies inside the region."""


def matched_area(masks: MaskArray, pixels: FloatArray | float) -> FloatArray:
    """A given number of the highest pixels of each mask.

    Args:
        masks: (B, 1, H, W) or (B, H, W), finite.
        pixels: How many of each, (B,) or one number for all; fractions and 0 are allowed.

    Returns:
        float64 (B, H, W) in [0, 1], each image's sum is its number of pixels. Pixels of one value that compete for the
        last places get equal parts.

    Raises:
        InputError: fewer than 0 pixels are wanted, or more than there are.
    """
    values = mask_arrays(masks)
    flat = values.reshape(len(values), values.shape[1] * values.shape[2])
    wanted = np.broadcast_to(np.asarray(pixels, np.float64), len(flat))
    if not ((wanted >= 0) & (wanted <= flat.shape[1])).all():
        raise InputError(f"Expected between 0 and {flat.shape[1]} pixels of each mask, found {pixels}.")
    if not len(flat):
        return values
    last = np.ceil(wanted).astype(np.int64).clip(1) - 1
    lowest = -np.sort(-flat, 1)[np.arange(len(flat)), last][:, None]
    above, level = flat > lowest, flat == lowest
    part = (wanted - above.sum(1)) / level.sum(1).clip(1)
    return np.asarray(above + level * part[:, None], np.float64).reshape(values.shape)


def iou(
    masks: MaskArray,
    truth: MaskArray,
    *,
    area: Literal["matched"] | float = "matched",
    groups: IntArray | None = None,
    seed: int = 0,
) -> PerImage:
    """Intersection over union of masks and true regions.

    With `area="matched"` each mask's highest pixels are taken, as many as the truth has, so that masks of all scales
    compare, and none gains by being large or small. (At equal areas IoU = d / (2 − d) for Dice's coefficient d.)

    Args:
        masks: (B, 1, H, W) or (B, H, W).
        truth: The same shape; inside where above 0.5.
        area: "matched", or a threshold: the mask is what lies above it.
        groups: Shape (B,), images that belong together in the bootstrap.
        seed: Of the bootstrap.

    Returns:
        Shares in [0, 1]: 1 is the very region, 0 none of it. `score.parts["chance"]`: the score of a mask of the same
        area that is spread evenly over the image.

    Raises:
        InputError: shapes differ, or `area` is neither of the two.
    """
    values, inside, known = _aligned(masks, truth)
    size = inside.sum((1, 2)).astype(np.float64)
    if area == "matched":
        chosen = matched_area(np.where(known[:, None, None], values, 0), size)
    elif isinstance(area, (int, float)) and np.isfinite(area):
        chosen = (values > area).astype(np.float64)
    else:
        raise InputError(f'Expected area="matched" or a threshold such as 0.5, found {area!r}.')
    chosen = np.where(_empty(values)[:, None, None], 0, chosen)
    common, taken = (chosen * inside).sum((1, 2)), chosen.sum((1, 2))
    each = np.where(known, common / (taken + size - common).clip(TINY), np.nan)
    even = taken * inside.mean((1, 2))
    chance = even / (taken + size - even).clip(TINY)
    return per_image(each, groups=groups, share=True, seed=seed, chance=chance)


def pointing_game(
    masks: MaskArray,
    truth: MaskArray,
    *,
    tolerance: float = 0,
    groups: IntArray | None = None,
    seed: int = 0,
) -> PerImage:
    """Whether the highest pixel of each mask lies on the true region (Zhang et al. 2016, "Top-down neural attention").

    Args:
        masks: (B, 1, H, W) or (B, H, W).
        truth: The same shape; inside where above 0.5.
        tolerance: Pixels within this distance of the region hit it, too (15 in the paper, whose images have some 400;
            0 is the strictest).
        groups: Shape (B,), images that belong together in the bootstrap.
        seed: Of the bootstrap.

    Returns:
        1 for a hit and 0 for a miss; if several pixels are highest, the share of them that hit. The mean is the share
        of images that are found. `score.parts["chance"]`: the score of a pixel drawn at random.

    Raises:
        InputError: shapes differ, or the tolerance is below 0.
    """
    if not tolerance >= 0:
        raise InputError(f"Expected a tolerance in pixels, 0 or more, found {tolerance}.")
    values, inside, known = _aligned(masks, truth)
    if tolerance and inside.any():
        inside = np.stack([_within(one, tolerance) for one in inside])
    highest = values == values.max((1, 2), keepdims=True) if len(values) else inside
    hits = (highest & inside).sum((1, 2)) / highest.sum((1, 2)).clip(1)
    each = np.where(known, np.where(_empty(values), 0.0, hits), np.nan)
    return per_image(each, groups=groups, share=True, seed=seed, chance=inside.mean((1, 2)))


def energy_inside(
    masks: MaskArray, truth: MaskArray, *, groups: IntArray | None = None, seed: int = 0
) -> PerImage:
    """Share of each mask's sum that lies inside the true region (Wang et al. 2020, "Score-CAM", section 4.3).

    Args:
        masks: (B, 1, H, W) or (B, H, W); values below 0 count as 0.
        truth: The same shape; inside where above 0.5.
        groups: Shape (B,), images that belong together in the bootstrap.
        seed: Of the bootstrap.

    Returns:
        Shares in [0, 1]: 1 if nothing of the mask lies outside, however little of the region it covers.
        `score.parts["chance"]`: the region's share of the image, which is the score of a constant mask.

    Raises:
        InputError: shapes differ.
    """
    values, inside, known = _aligned(masks, truth)
    positive = np.where(np.isfinite(values), values, 0).clip(0)
    total = positive.sum((1, 2))
    share = (positive * inside).sum((1, 2)) / np.where(total > 0, total, 1)
    each = np.where(known, share, np.nan)
    return per_image(each, groups=groups, share=True, seed=seed, chance=inside.mean((1, 2)))


def sparsity(masks: MaskArray, *, groups: IntArray | None = None, seed: int = 0) -> PerImage:
    """How concentrated masks are: Gini's index of their pixels.

    The index is the one of 15 measures that has all the properties one wants of sparsity, scale invariance among
    them (Hurley & Rickard 2009, "Comparing measures of sparsity", where the formula stands as (2)).

    Args:
        masks: (B, 1, H, W) or (B, H, W); values below 0 count as 0.
        groups: Shape (B,), images that belong together in the bootstrap.
        seed: Of the bootstrap.

    Returns:
        0 if all pixels are equal, 1 − 1/(H W) if one has everything; a hard mask of area a has 1 − a. NaN for an
        empty mask. It says nothing of whether the place is right.
    """
    values = mask_arrays(masks)
    known = finite(values) & ~_empty(values)
    count = values.shape[1] * values.shape[2]
    ordered = np.sort(np.where(known[:, None, None], values, 1).clip(0).reshape(len(values), count), 1)
    weights = (count - np.arange(1, count + 1) + 0.5) / count
    each = 1 - 2 * (ordered @ weights) / ordered.sum(1)
    return per_image(np.where(known, each, np.nan), groups=groups, seed=seed)


def _aligned(masks: MaskArray, truth: MaskArray) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Masks (B, H, W), what is inside (B, H, W), and which images have a score (B,)."""
    values, region = same_shapes(masks, truth)
    inside = region > _INSIDE
    return values, inside, finite(values, region) & inside.any((1, 2))


def _empty(values: FloatArray) -> BoolArray:
    """Masks (B,) that are nowhere above 0."""
    return np.asarray(~(values > 0).any((1, 2)), np.bool_)


def _within(inside: BoolArray, tolerance: float) -> BoolArray:
    """Pixels (H, W) within `tolerance` of the region; none if there is no region."""
    if not inside.any():
        return inside
    from scipy.ndimage import distance_transform_edt

    found: BoolArray = distance_transform_edt(~inside) <= tolerance
    return found
