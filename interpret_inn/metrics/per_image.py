"""Scores of masks, one for each image, and masks of all kinds as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.types import FloatArray, IntArray, Masks, Score
from interpret_inn.types.numbers import BoolArray

MaskArray = Masks | Tensor | npt.ArrayLike
"""Masks, or heat: `Masks`, a tensor on any device, or an array; (B, 1, H, W) or (B, H, W)."""


@dataclass(frozen=True)
class PerImage:
    """A score of every image, and their mean.

    Attributes:
        score: Mean over the images that have a score, with its 95 % interval; NaN if none has one.
            `score.parts["chance"]`, if chance is known, is its mean over the same images.
        each: float64 (B,), NaN for an image that has none.
    """

    score: Score
    each: FloatArray = field(repr=False)

    @property
    def known(self) -> int:
        """How many images have a score."""
        return int(np.isfinite(self.each).sum())


def per_image(
    each: npt.ArrayLike,
    *,
    groups: IntArray | None = None,
    share: bool = False,
    seed: int = 0,
    **parts: FloatArray,
) -> PerImage:
    """Scores of images with their mean; images without a score (NaN) are left out of it.

    Args:
        each: Shape (B,).
        groups: Shape (B,), images of one group (one identity, one scene) are drawn together by the bootstrap.
        share: Every value is a share of something, as in `bootstrap_mean`.
        seed: Of the bootstrap.
        parts: More numbers of each image, (B,); their means over the same images become parts of the score.

    Raises:
        InputError: `groups` has another length.
    """
    values = np.asarray(each, np.float64)
    known = np.isfinite(values)
    if groups is not None:
        groups = np.asarray(groups)
        if groups.shape != values.shape:
            raise InputError(f"Expected one group for each of {len(values)} images, found {groups.shape}.")
        groups = groups[known]
    found = bootstrap_mean(values[known], groups, seed=seed, share=share)
    means = {name: float(part[known].mean()) for name, part in parts.items() if known.any()}
    return PerImage(Score(found.value, found.low, found.high, means), values)


def mask_arrays(masks: MaskArray, what: str = "masks") -> FloatArray:
    """Masks as float64 (B, H, W).

    Args:
        masks: (B, 1, H, W) or (B, H, W); booleans, integers and floats of any width.
        what: Their name in the error.

    Raises:
        InputError: another shape, or no pixels.
    """
    given: Any = masks.values if isinstance(masks, Masks) else masks
    if isinstance(given, Tensor):
        given = given.detach().cpu().double().numpy()
    array = np.asarray(given, np.float64)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 3 or 0 in array.shape[1:]:
        raise InputError(
            f"Expected {what} of shape (B, 1, H, W) or (B, H, W), found {np.shape(given)}. "
            "Sum or average over channels first."
        )
    return array


def same_shapes(masks: MaskArray, others: MaskArray, what: str = "truth") -> tuple[FloatArray, FloatArray]:
    """Both as float64 (B, H, W).

    Raises:
        InputError: their shapes differ.
    """
    first, second = mask_arrays(masks), mask_arrays(others, what)
    if first.shape != second.shape:
        raise InputError(
            f"Expected masks and {what} of one shape, found {first.shape} and {second.shape} (B, H, W). "
            "interpret_inn.localizing.fit_size(masks, size) resizes masks."
        )
    return first, second


def finite(*arrays: FloatArray) -> BoolArray:
    """Which images have finite values alone, bool (B,), in all arrays (B, H, W)."""
    found: BoolArray = np.all([np.isfinite(array).all((1, 2)) for array in arrays], 0)
    return found
