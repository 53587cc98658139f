"""How far masks say what the model does: curves of deletion and insertion, agreement of masks, stability.

The caller gives the curves a score function of images, which may run a model. Three rules hold throughout:

* Only the order of a mask's pixels counts for curves and ranks. Pixels of one value are ordered at random, by `seed`,
  so a constant mask scores what pixels drawn at random score.
* Two masks without an order to compare (both constant), or both empty, have no score: NaN, left out of the mean. A
  constant mask and one that is not constant have nothing in common: 0.
* An image with a value that is not finite has no score either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.metrics.per_image import MaskArray, PerImage, finite, mask_arrays, per_image, same_shapes
from interpret_inn.types import FloatArray, IntArray, Masks, Score

FillName = Literal["mean", "blur"]
Fill = FillName | float | Tensor | npt.NDArray[Any] | Callable[[Tensor], Tensor]
"""What takes the place of pixels: a name, a number, images (broadcast), or a function from images to these."""

ScoreFunction = Callable[[Tensor], Tensor | npt.ArrayLike]
"""Images (B, C, H, W), all of them in their order, to one number each, (B,)."""

AREAS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the image at which a curve is measured: closest at small ones, at which masks differ most."""

_BLUR, _BLUR_REACH = 0.1, 3
"""Standard deviation of the blur as a share of the longer side, under which no shape is left, and how many of them its
window reaches."""


@dataclass(frozen=True)
class Curve:
    """Scores of images of which more and more is taken away, or put back.

    Attributes:
        areas: float64 (A,), shares of the pixels, ascending.
        scores: float64 (B, A), of each image at each area; NaN throughout if its mask is not finite.
        under: Area under each image's curve over the width of `areas`: its mean height, in units of the score.
    """

    areas: FloatArray
    scores: FloatArray = field(repr=False)
    under: PerImage

    def at(self, *, groups: IntArray | None = None, seed: int = 0) -> tuple[Score, ...]:
        """The mean over images at each area, with its interval; for a figure."""
        known = np.isfinite(self.scores).all(1)
        kept = None if groups is None else np.asarray(groups)[known]
        return tuple(bootstrap_mean(column, kept, seed=seed) for column in self.scores[known].T)


def deletion_curve(
    score: ScoreFunction,
    images: Tensor | npt.NDArray[Any],
    masks: MaskArray,
    *,
    fill: Fill = "mean",
    areas: Sequence[float] = AREAS,
    groups: IntArray | None = None,
    seed: int = 0,
) -> Curve:
    """Scores while the highest pixels of each mask are taken away (Petsiuk et al. 2018, "RISE", section 4.2).

    Args:
        score: Called once for each area with all images, in their order, so that it may compare each with its own
            original: `lambda changed: reader.score(changed, like)`.
        images: (B, C, H, W), as `score` takes them.
        masks: (B, 1, H, W) or (B, H, W) of the same size.
        fill: What takes the place of pixels: "mean", each image's mean colour; "blur", the image blurred; a number;
            images that broadcast to (B, C, H, W), such as `images.roll(1, 0)`; or a function from the images to these.
            Take another fill than the masks were made with: masks may fit that one.
        areas: Shares of the pixels that are taken, ascending, within 0 and 1.
        groups: Shape (B,), images that belong together in the bootstrap.
        seed: Of the bootstrap, and of the order of pixels of one value.

    Returns:
        The curve; the lower, the more of the score depended on what the masks showed.

    Raises:
        InputError: shapes differ, areas are no ascending shares, or the score gives another number of values.
    """
    return _curve(score, images, masks, fill, areas, groups, seed, keeps=False)


def insertion_curve(
    score: ScoreFunction,
    images: Tensor | npt.NDArray[Any],
    masks: MaskArray,
    *,
    fill: Fill = "mean",
    areas: Sequence[float] = AREAS,
    groups: IntArray | None = None,
    seed: int = 0,
) -> Curve:
    """Scores while the highest pixels of each mask are put into the fill (Petsiuk et al. 2018, "RISE", section 4.2).

    Arguments and errors are those of `deletion_curve`.

    Returns:
        The curve; the higher, the more of the score came from what the masks showed.
    """
    return _curve(score, images, masks, fill, areas, groups, seed, keeps=True)


def rank_correlation(
    masks: MaskArray, others: MaskArray, *, groups: IntArray | None = None, seed: int = 0
) -> PerImage:
    """Spearman's correlation of two masks of each image: the sanity check of Adebayo et al. 2018, "Sanity checks".

    Masks of a model or a flow with random weights (`interpret_inn.localizing.reliability`) should not look like the
    real ones.

    Args:
        masks: (B, 1, H, W) or (B, H, W).
        others: The same shape.
        groups: Shape (B,), images that belong together in the bootstrap.
        seed: Of the bootstrap.

    Returns:
        −1 to 1: 1 the same order of pixels, 0 none in common. Pixels of one value share their mean rank. 0 if one of
        the two is constant, NaN if both are.

    Raises:
        InputError: shapes differ.
    """
    first, second = same_shapes(masks, others, "others")
    known = finite(first, second)
    one, other = (_ranks(np.where(known[:, None, None], array, 0)) for array in (first, second))
    norms = np.sqrt((one**2).sum(1)), np.sqrt((other**2).sum(1))
    known &= (norms[0] > 0) | (norms[1] > 0)
    scale = norms[0] * norms[1]
    each = (one * other).sum(1) / np.where(scale > 0, scale, 1)
    return per_image(np.where(known, each.clip(-1, 1), np.nan), groups=groups, seed=seed)


def stability(
    masks: MaskArray,
    noisy: MaskArray | Sequence[MaskArray],
    *,
    groups: IntArray | None = None,
    seed: int = 0,
) -> PerImage:
    """How far masks stay when their images get a little noise: Σ min(m, m′) / Σ max(m, m′), IoU of soft masks.

    (The measure is Růžička's similarity; Alvarez-Melis & Jaakkola 2018, "On the robustness of interpretability
    methods", ask the question.)

    Args:
        masks: (B, 1, H, W) or (B, H, W); values below 0 count as 0.
        noisy: Masks of the same images with noise; or a list of them, one for each draw of the noise, and the mean over
            draws counts.
        groups: Shape (B,), images that belong together in the bootstrap.
        seed: Of the bootstrap.

    Returns:
        Shares in [0, 1]: 1 the same masks, 0 nothing in common. NaN if both are empty in every draw.
        `score.parts["chance"]` compares each mask with the noisy one of the next image: a score that is no higher only
        says that all masks are alike.

    Raises:
        InputError: shapes differ, or `noisy` is an empty list.
    """
    single = isinstance(noisy, (Masks, Tensor, np.ndarray))
    draws: list[Any] = [noisy] if single else list(noisy)  # type: ignore[arg-type]
    if not draws:
        raise InputError("Expected noisy masks, at least one array of them, found none.")
    pairs = [same_shapes(masks, draw, "noisy masks") for draw in draws]
    known = finite(*(array for pair in pairs for array in pair))
    each = _mean_known([_shared(first, second) for first, second in pairs])
    others = _mean_known([_shared(first, np.roll(second, -1, 0)) for first, second in pairs])
    chance = np.nan_to_num(others) if len(others) > 1 else np.full(len(others), np.nan)
    return per_image(np.where(known, each, np.nan), groups=groups, share=True, seed=seed, chance=chance)


def _curve(
    score: ScoreFunction,
    images: Tensor | npt.NDArray[Any],
    masks: MaskArray,
    fill: Fill,
    areas: Sequence[float],
    groups: IntArray | None,
    seed: int,
    *,
    keeps: bool,
) -> Curve:
    pictures, heat = torch.as_tensor(images).detach(), mask_arrays(masks)
    if pictures.ndim != 4 or (len(pictures), *pictures.shape[2:]) != heat.shape:
        raise InputError(
            f"Expected images (B, C, H, W) and masks of their size, found {tuple(pictures.shape)} and {heat.shape}. "
            "interpret_inn.localizing.fit_size(masks, size) resizes masks."
        )
    from scipy.integrate import trapezoid

    shares = _ascending(areas)
    known = finite(heat)
    places = torch.from_numpy(_places(np.where(known[:, None, None], heat, 0), seed)).to(pictures.device)
    filled = _filled(pictures, fill)
    first, second = (filled, pictures) if keeps else (pictures, filled)
    columns = []
    for share in shares:
        chosen = (places < round(share * heat.shape[1] * heat.shape[2]))[:, None]
        columns.append(_scored(score, torch.where(chosen, second, first)))
    scores = np.where(known[:, None], np.stack(columns, 1), np.nan)
    under = trapezoid(scores, shares, axis=1) / (shares[-1] - shares[0])
    return Curve(shares, scores, per_image(under, groups=groups, seed=seed))


def _ascending(areas: Sequence[float]) -> FloatArray:
    shares = np.asarray(areas, np.float64)
    inside = shares.ndim == 1 and len(shares) > 1 and shares.min() >= 0 and shares.max() <= 1
    if not inside or not (np.diff(shares) > 0).all():
        raise InputError(
            f"Expected areas that rise from 0 or more to 1 or less, at least two, found {areas}."
        )
    return shares


def _places(heat: FloatArray, seed: int) -> IntArray:
    """Each pixel's place (B, H, W) in the order of its mask, 0 the highest; ties in random order."""
    flat = heat.reshape(len(heat), heat.shape[1] * heat.shape[2])
    turns = np.random.default_rng(seed).random(flat.shape)
    places = np.empty(flat.shape, np.int64)
    for own, turn, row in zip(places, turns, flat, strict=True):
        own[np.lexsort((turn, -row))] = np.arange(len(row))
    return places.reshape(heat.shape)


def _filled(images: Tensor, fill: Fill) -> Tensor:
    if isinstance(fill, str):
        if fill not in get_args(FillName):
            raise InputError(
                f'Expected fill="mean", "blur", a number, images or a function of images, found {fill!r}.'
            )
        return images.mean((2, 3), keepdim=True).expand_as(images) if fill == "mean" else _blurred(images)
    made = torch.as_tensor(fill(images) if callable(fill) else fill).detach()
    try:
        return made.to(images).expand_as(images)
    except RuntimeError as error:
        raise InputError(
            f"Expected a fill that broadcasts to the images {tuple(images.shape)}, found {tuple(made.shape)}."
        ) from error


def _blurred(images: Tensor) -> Tensor:
    """Images blurred by a Gaussian whose standard deviation is a tenth of the longer side; borders are continued."""
    from scipy.ndimage import gaussian_filter

    width = max(_BLUR * max(images.shape[2:]), 1.0)
    pixels = images.cpu().double().numpy()
    blurred = gaussian_filter(pixels, (0, 0, width, width), mode="nearest", truncate=_BLUR_REACH)
    return torch.from_numpy(blurred).to(images)


def _scored(score: ScoreFunction, images: Tensor) -> FloatArray:
    with torch.no_grad():
        given: Any = score(images)
    values = np.asarray(given.detach().cpu().double() if isinstance(given, Tensor) else given, np.float64)
    if values.shape != (len(images),):
        raise InputError(
            f"Expected the score to give one number for each of {len(images)} images, found shape {values.shape}."
        )
    return values


def _ranks(arrays: FloatArray) -> FloatArray:
    """Mean ranks around 0, (B, H W)."""
    from scipy.stats import rankdata

    flat = arrays.reshape(len(arrays), arrays.shape[1] * arrays.shape[2])
    ranks: FloatArray = np.asarray(rankdata(flat, axis=1), np.float64) - (flat.shape[1] + 1) / 2
    return ranks


def _shared(first: FloatArray, second: FloatArray) -> FloatArray:
    """Σ min / Σ max of each image (B,); NaN if both are empty."""
    one, other = (np.where(np.isfinite(array), array, 0).clip(0) for array in (first, second))
    union = np.maximum(one, other).sum((1, 2))
    common = np.minimum(one, other).sum((1, 2))
    return np.where(union > 0, common / np.where(union > 0, union, 1), np.nan)


def _mean_known(draws: Sequence[FloatArray]) -> FloatArray:
    """The mean over draws that have a score, (B,)."""
    stacked = np.stack(draws)
    count = np.isfinite(stacked).sum(0)
    total = np.nan_to_num(stacked).sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
