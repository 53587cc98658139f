"""How much better than chance masks do what they claim, measured in one way for every localizer.

A mask over the *input* claims that the factor's value stands there. What is inside it is moved into other images of
the batch, and the factor's code should move over with it ("transplant"). Chance is what the same masks do at random
places. A mask over the *output* claims that an edit of the factor changes the image only there: the factor is drawn
anew, and the change should lie inside. Chance is the mask's area. Neither is what localizers are fitted to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.explaining.streaming import Prepared
from interpret_inn.localizing.changes import redrawn_changes
from interpret_inn.localizing.inputs import prepared_inputs
from interpret_inn.localizing.reading import FactorReader
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.types import FloatArray, Score, Space

if TYPE_CHECKING:
    from interpret_inn.interpreter import Interpreter

AREAS = (0.1, 0.2, 0.4)
"""Shares of the image that are moved: the highest of each mask, so that masks of all kinds compare."""
WHOLE = 0.98
"""A mask over more than this share of the image says nothing of where."""
_ANYWHERE = 0.9  # where parts at random places take that share along, no place can be better than another
_DONORS = 2
_CANDIDATES = 8
_AT_ONCE = 64
_SAME = 1e-6


def reliability(
    interpreter: Interpreter,
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
        interpreter: A fitted interpreter.
        inputs: `B` inputs; over the input at least two, for one is moved into another.
        factor: Name of the factor.
        values: Masks, (B, 1, H, W).
        space: What they lie over.
        areas: Shares of the image that are moved; over the input only.
        seed: Of all that is drawn.

    Returns:
        The mean over images with its interval, and the scores of the images, float64 (B,): 1 is all, 0 chance,
        less than 0 worse than chance. NaN where there is nothing to measure (an empty mask, a factor that
        changes nothing, inputs whose codes hardly differ or that parts at random places take along as well).
    """
    prepared = prepared_inputs(interpreter, inputs)
    if space == "output":
        each = _held(interpreter, prepared, factor, values, seed)
    else:
        each = _transplanted(interpreter, prepared, factor, values, areas, seed)
    empty = (values.amax((1, 2, 3)) <= 0).numpy()
    each = np.where(empty, math.nan, each)
    known = each[np.isfinite(each)]
    return bootstrap_mean(known, seed=seed) if len(known) else Score(math.nan), each


def _held(interpreter: Interpreter, prepared: Tensor, factor: str, values: Tensor, seed: int) -> FloatArray:
    """(share of the change inside − area) / (1 − area), for each image."""
    changes = redrawn_changes(interpreter, Prepared(prepared), factor, seed=seed).double()
    inside = (changes * values[:, 0]).sum((0, 2, 3))
    total = changes.sum((0, 2, 3))
    area = values.double().mean((1, 2, 3))
    share = (inside / total - area) / (1 - area)
    # Next to nothing is left outside a mask of nearly all: what little changes there would decide alone.
    return np.asarray(torch.where((total > 0) & (area < WHOLE), share, torch.nan).numpy(), np.float64)


@torch.no_grad()
def _transplanted(
    interpreter: Interpreter, prepared: Tensor, factor: str, values: Tensor, areas: Sequence[float], seed: int
) -> FloatArray:
    """How much of the factor moves with the mask's inside, less what moves at random places, for each image."""
    count = len(prepared)
    if count < 2:
        return np.full(count, math.nan)
    generator = Generator().manual_seed(seed)
    with interpreter.backbone.session():
        reader = FactorReader(interpreter, factor)
        codes = torch.cat([reader.deviation(reader.codes(part)) for part in prepared.split(_AT_ONCE)])
        donors = _others(codes, generator)
        order = _ranks(values)
        moved: list[Tensor] = []
        by_chance: list[Tensor] = []
        for area in areas:
            inside = order < max(1, round(area * order[0].numel()))
            for places, kept in ((inside, moved), (_elsewhere(inside, generator), by_chance)):
                kept.append(_moved(reader, prepared, codes, donors, places))
    own, chance = torch.stack(moved), torch.stack(by_chance).nanmean(1, keepdim=True)
    # chance is that of all images together: of one image it would be mostly noise
    gain = torch.where(chance < _ANYWHERE, (own - chance) / (1 - chance), torch.nan)
    return np.asarray(gain.nanmean(0).clamp(-1, 1).double().cpu().numpy(), np.float64)


def _others(codes: Tensor, generator: Generator) -> Tensor:
    """For each image, others whose codes differ from its own, int64 (B, donors): the farthest of a few at random."""
    count = len(codes)
    candidates = min(_CANDIDATES, count - 1)
    shuffled = torch.rand(count, count, generator=generator).fill_diagonal_(2).argsort(1)[:, :candidates]
    away = torch.cdist(codes, codes).cpu().gather(1, shuffled)
    return shuffled.gather(1, away.topk(min(_DONORS, candidates), 1).indices)


def _ranks(values: Tensor) -> Tensor:
    """Rank of every pixel of each mask, 0 the highest, int64 (B, 1, H, W).

    Pixels of one value (the inside of a hard mask, all of the outside) are ranked by how near they are to high ones,
    so that no corner of the image is favoured.
    """
    width = 2 * (max(values.shape[-2:]) // 8) + 1
    near = torch.nn.functional.avg_pool2d(values, width, 1, width // 2, count_include_pad=False)
    shape = values.shape
    order = (values.double() + 1e-4 * near).flatten(1).argsort(dim=1, descending=True, stable=True)
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
    """Share of the way from the others' code to the image's own that its inside takes along, (B,)."""
    above, below = torch.zeros(len(prepared)), torch.zeros(len(prepared))
    for column in donors.T:
        found = [
            reader.deviation(reader.codes(torch.where(mask.to(images.device), images, prepared[place])))
            for images, mask, place in zip(
                prepared.split(_AT_ONCE), inside.split(_AT_ONCE), column.split(_AT_ONCE), strict=True
            )
        ]
        way = codes - codes[column]
        above += ((torch.cat(found) - codes[column]) * way).sum(1).float().cpu()
        below += way.square().sum(1).float().cpu()
    return torch.where(below > _SAME, (above / below.clamp_min(_SAME)).clamp(-1, 2), torch.nan)
