"""Reliability: how much better than chance masks do what they claim, measured in one way for every localizer.

A mask over the *input* claims that the factor's value stands there. Its inside is moved into other images of the
batch, and the factor's code should move with it ("transplant"). Chance is what the same masks do at random places. A
mask over the *output* claims that an edit of the factor changes the image only there: the factor is drawn anew, and the
change should lie inside. Chance is the mask's area. Localizers are fitted to neither.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.errors import LocalizerError, suggest
from interpret_inn.flows import shuffle_weights
from interpret_inn.localizing.factor_reader import AT_ONCE, FactorReader, prepared_inputs
from interpret_inn.localizing.image_changes import redrawn_changes
from interpret_inn.metrics.bootstrap import bootstrap_mean, percentile_interval, resampling_weights
from interpret_inn.translating.encoding import Prepared
from interpret_inn.translating.translator import Translator
from interpret_inn.types import FloatArray, Score, Space
from interpret_inn.types.numbers import TINY

AREAS = (0.1, 0.2, 0.4)
"""Shares of the image that are moved: the highest pixels of each mask, so that masks of all kinds compare."""
WHOLE = 0.98
"""A mask over more than this share of the image says nothing of where."""
_ANYWHERE = 0.9  # if parts at random places take this share along, no place can be much better
FLAT = 1e-6
"""A mask whose pixels differ by less says nothing of where."""
_DONORS = 2  # others that each image is moved into: one alone would often be a bad example
_LOT = 0.5  # weight of chance in which image is moved into which, beside the distance of their codes
_NEAR = 1e-4
"""Weight of the surroundings in the order of pixels: they decide between pixels of nearly one value."""
_TIES = 1e-9  # weight of chance in it: it decides between pixels whose surroundings are alike, too
_NEVER = 1e6  # a distance beyond all others, so that no image is moved into itself or twice into the same
_SAME = 1e-6  # codes (of standard deviation 1) nearer than this are the same but for rounding


def reliability(
    translator: Translator,
    inputs: Any,
    factor: str,
    values: Tensor,
    *,
    space: Space,
    areas: Sequence[float] = AREAS,
    seed: int = 0,
) -> tuple[Score, FloatArray]:
    """Scores masks of a factor.

    Args:
        translator: Of a fitted interpreter.
        inputs: `B` inputs; for masks over the input at least two, as one is moved into another.
        factor: Name of the factor.
        values: Masks, (B, 1, H, W).
        space: The images that the masks lie over.
        areas: Shares of the image that are moved; for masks over the input only.
        seed: Of all that is drawn.

    Returns:
        The mean over images with its interval, and the scores of the images, float64 (B,): 1 is all, 0 chance,
        less than 0 worse than chance. NaN if there is nothing to measure (a mask that is empty, or over the input
        the same everywhere; a factor that changes nothing; inputs whose codes hardly differ, or that parts at
        random places take along as well).
    """
    prepared = prepared_inputs(translator, inputs)
    highest, lowest = values.amax((1, 2, 3)), values.amin((1, 2, 3))
    if space == "output":
        each = np.where(
            (highest <= 0).numpy(), math.nan, _share_inside(translator, prepared, factor, values, seed)
        )
        known = each[np.isfinite(each)]
        return bootstrap_mean(known, seed=seed) if len(known) else Score(math.nan), each
    if len(prepared) < 2:
        return Score(math.nan), np.full(len(prepared), math.nan)
    own, chance = _transplanted(translator, prepared, factor, values, areas, seed)
    own[:, (highest - lowest <= FLAT).numpy()] = math.nan  # no pixel of theirs is higher than another
    return _beyond_chance(own, chance, seed)


def _share_inside(
    translator: Translator, prepared: Tensor, factor: str, values: Tensor, seed: int
) -> FloatArray:
    """(share of the change inside − area) / (1 − area), for each image."""
    changes = redrawn_changes(translator, Prepared(prepared), factor, seed=seed).double()
    inside = (changes * values[:, 0]).sum((0, 2, 3))
    total = changes.sum((0, 2, 3))
    area = values.double().mean((1, 2, 3))
    share = (inside / total - area) / (1 - area)
    # Next to nothing is outside a mask of nearly all: the little that changes there would decide alone.
    return np.asarray(torch.where((total > 0) & (area < WHOLE), share, torch.nan).numpy(), np.float64)


@torch.no_grad()
def _transplanted(
    translator: Translator, prepared: Tensor, factor: str, values: Tensor, areas: Sequence[float], seed: int
) -> tuple[FloatArray, FloatArray]:
    """How much of the factor moves with each mask's inside, and how much from a random place, (areas, B) each."""
    generator = Generator().manual_seed(seed)
    with translator.backbone.session():
        reader = FactorReader(translator, factor)
        codes = torch.cat([reader.deviation(reader.codes(part)) for part in prepared.split(AT_ONCE)])
        donors = _others(codes, generator)
        order = _ranks(values, generator)
        moved: list[Tensor] = []
        by_chance: list[Tensor] = []
        for area in areas:
            inside = order < max(1, round(area * order[0].numel()))
            for places, kept in ((inside, moved), (_elsewhere(inside, generator), by_chance)):
                kept.append(_moved(reader, prepared, codes, donors, places))
    own, chance = (torch.stack(kept).double().numpy() for kept in (moved, by_chance))
    return own, chance


def _beyond_chance(own: FloatArray, chance: FloatArray, seed: int) -> tuple[Score, FloatArray]:
    """What masks do beyond chance, as a share of the possible: the mean with its interval, and each image's, (B,).

    Chance is estimated from all images together, as a single image's would be mostly noise. Both estimates are
    resampled for the interval.
    """
    each = _gains(own, chance, np.ones((1, own.shape[1])))[0]
    known = np.isfinite(each)
    count = int(known.sum())
    if not count:
        return Score(math.nan), each
    value = float(each[known].mean())
    if count < 2:
        return Score(value), each
    weights = resampling_weights(count, seed=seed)
    drawn = (weights * _gains(own[:, known], chance[:, known], weights)).sum(1) / count
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < 2:  # chance is over the bound in nearly every resample
        return Score(value), each
    low, high = percentile_interval(drawn, count)
    return Score(value, min(low, value), max(high, value)), each


def _gains(own: FloatArray, chance: FloatArray, weights: FloatArray) -> FloatArray:
    """(own − chance) / (1 − chance), mean over areas, (R, B), chance being the mean by each row of weights (R, B)."""
    known = np.isfinite(chance)
    total = weights @ known.T
    mean = (weights @ np.where(known, chance, 0).T) / np.maximum(total, TINY)  # (R, areas)
    mean = np.where((total > 0) & (mean < _ANYWHERE), mean, math.nan)[:, :, None]
    gains = (own[None] - mean) / (1 - mean)
    usable = np.isfinite(gains)
    counted = usable.sum(1)
    summed = np.where(usable, gains, 0).sum(1) / np.maximum(counted, 1)
    return np.asarray(np.where(counted > 0, summed.clip(-1, 1), math.nan), np.float64)


def _others(codes: Tensor, generator: Generator) -> Tensor:
    """For each image, others whose codes are far from its own, int64 (B, donors).

    Each image is moved into as often as every other: one that all are moved into would decide for all of them.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, and not needed to wrap a model

    count = len(codes)
    away = torch.cdist(codes, codes).cpu().double()
    away = away / away.mean().clamp_min(_SAME)
    away = away * (1 - _LOT * torch.rand(count, count, generator=generator))
    found = []
    for _ in range(min(_DONORS, count - 1)):
        away.fill_diagonal_(-_NEVER)
        column = torch.from_numpy(linear_sum_assignment(-away.numpy())[1])
        away[torch.arange(count), column] = -_NEVER
        found.append(column)
    return torch.stack(found, 1)


def _ranks(values: Tensor, generator: Generator) -> Tensor:
    """Rank of every pixel of each mask, 0 the highest, int64 (B, 1, H, W).

    Pixels of one value (the inside of a hard mask, all of the outside) are ranked by how near they are to high ones,
    and by lot where none is near, so that no corner of the image is favoured.
    """
    width = 2 * (max(values.shape[-2:]) // 8) + 1
    near = torch.nn.functional.avg_pool2d(values, width, 1, width // 2, count_include_pad=False)
    lot = torch.rand(values.shape, generator=generator, dtype=torch.float64)
    shape = values.shape
    order = (values.double() + _NEAR * near + _TIES * lot).flatten(1).argsort(dim=1, descending=True)
    return (
        torch.empty_like(order).scatter_(1, order, torch.arange(order.shape[1]).expand_as(order)).view(shape)
    )


def _elsewhere(inside: Tensor, generator: Generator) -> Tensor:
    """Each mask moved to a random place; what leaves the image comes back at the other side."""
    height, width = inside.shape[-2:]
    down = torch.randint(height, (len(inside),), generator=generator).tolist()
    right = torch.randint(width, (len(inside),), generator=generator).tolist()
    return torch.stack([one.roll((d, r), (1, 2)) for one, d, r in zip(inside, down, right, strict=True)])


def _moved(reader: FactorReader, prepared: Tensor, codes: Tensor, donors: Tensor, inside: Tensor) -> Tensor:
    """How far the inside of an image moves others' codes to its own, as a share of the way, (B,)."""
    above, below = torch.zeros(len(prepared)), torch.zeros(len(prepared))
    for column in donors.T:
        found = [
            reader.deviation(reader.codes(torch.where(mask.to(images.device), images, prepared[place])))
            for images, mask, place in zip(
                prepared.split(AT_ONCE), inside.split(AT_ONCE), column.split(AT_ONCE), strict=True
            )
        ]
        way = codes - codes[column]
        above += ((torch.cat(found) - codes[column]) * way).sum(1).float().cpu()
        below += way.square().sum(1).float().cpu()
    return torch.where(below > _SAME, (above / below.clamp_min(_SAME)).clamp(-1, 2), torch.nan)


Part = Literal["flow", "model"]


def randomised(translator: Translator, part: Part = "flow", *, inputs: Any, seed: int = 0) -> Translator:
    """A translator of which one part has random weights; the original stays unchanged.

    Weights of two axes and more are shuffled within each tensor, which keeps their distribution; of a conditional flow
    these are the means, the scales and their gates. A flow also gets a random rotation, as its factors would otherwise
    begin at the principal axes, or at the directions of the concepts.

    Args:
        translator: Of a fitted interpreter.
        part: "flow", or "model".
        inputs: Their codes become the reference codes; a few dozen at least.
        seed: Of the weights.

    Raises:
        LocalizerError: another part.
    """
    if part not in get_args(Part):
        raise LocalizerError(f"There is no part {part!r} to randomise. {suggest(str(part), get_args(Part))}")
    generator = Generator().manual_seed(seed)
    backbone, fitted = translator.backbone, copy.deepcopy(translator.fitted)
    prepared = prepared_inputs(translator, inputs)
    if part == "flow":
        shuffle_weights(fitted.network, generator)
        fitted.network.align(_rotation(fitted.network.shape.leading, generator))
    else:
        backbone = copy.deepcopy(backbone)
        shuffle_weights(backbone.model, generator)
    codes = Translator(backbone, fitted).encode(Prepared(prepared)).flatten(0, -2).cpu()
    reference = codes[:, : fitted.reference_codes.shape[1]]
    groups = torch.arange(len(reference)).numpy()
    made = dataclasses.replace(
        fitted, reference_codes=reference, reference_groups=groups, position_means=None, concepts=()
    )
    return Translator(backbone, made)


def _rotation(size: int, generator: Generator) -> Tensor:
    matrix: Tensor = torch.linalg.qr(torch.randn(size, size, generator=generator))[0]
    return matrix
