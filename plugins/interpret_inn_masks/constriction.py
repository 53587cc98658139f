"""Where a factor acts in the images that a model makes: masks of soft rectangles, fitted to its traversals.

The spatial constriction of "Where and What?" (Zhu, Xu and Tao 2021) learns masks inside a generator while that is
trained. Here the model is frozen: the factor is traversed through its range, and the mask is fitted to where the image
changed, so that making the change inside the mask only loses little of it.
"""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import primary
from interpret_inn.errors import LocalizerError
from interpret_inn.localizing import (
    Translator,
    fit_size,
    output_changes,
    prepared_inputs,
    redrawn_changes,
)
from interpret_inn.localizing.reliability import WHOLE
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.types import Localizer, Masks, Score
from interpret_inn_masks.rectangles import Combine, fit_rectangles

Edits = Literal["traversal", "redraw"]

PLACES = 64
"""Rows and columns, at most, of the maps that rectangles are fitted on; larger images are averaged down."""
_VISIBLE = 1 / 510
"""Half a grey level of 256, as a share of the range of the images."""
_OWN_SEEDS = 7919
"""Added to the seed of inputs that are drawn: people hardly use such seeds, so that no given input was fitted on."""
_FLOOR = 0.1  # of the mean change, added to each input's, so that inputs that hardly change hardly count
_NEAR = 8  # places within the image over this count as one: lines move by a few pixels


@dataclass(frozen=True)
class Constriction(Localizer):
    """Masks over the images that a generator or an autoencoder makes.

    A shared mask says where the factor acts in any image. For a model that draws its own inputs it is fitted on
    inputs drawn anew, and tested on those that were given. Otherwise the mask is fitted on all given inputs; "kept"
    is then of masks fitted on one half of them and tested on the other.

    Figures, each from 0 to 1: "kept", the share of the squared change that lies inside the mask; "area", the share of
    the image that it covers; "consistency", how far the factor acts in the same place always: the part that the
    changes of two inputs have in common, ∑ min(p, q) of their shares, averaged over all pairs of inputs (1: always
    the same place, 0: never). For that, changes are blurred over an eighth of the image, so that lines that move by a
    few pixels count as one place.

    Attributes:
        rectangles: In a mask, at most. One that would hold next to nothing is left out.
        per_sample: One mask for each input, fitted to its own changes, "kept" included.
        combine: "union" of the rectangles, or their "mean", as published: that reaches 1 only where all of
            them lie on each other, and so loses change wherever more than one is needed.
        area_weight: What area costs: places where the change exceeds this many times its mean over the image are
            worth covering. From 1 on, a factor that changes all of the image alike has no mask to speak of.
        samples: Inputs that a shared mask is fitted on, of a model that can draw its own.
        edits: How the factor is changed: "traversal" along its main direction, or "redraw" from the data of the fit. A
            traversal reaches both ends but in one direction only: a residual, and other factors of many axes, act in
            more places than it shows.
        traversal_steps: Positions of the traversal, from −2.5 to 2.5 standard deviations; or how often it is redrawn.
        steps: Of the fit of the rectangles.
        seed: Of inputs that are drawn, and of the fit.
    """

    rectangles: int = 4
    per_sample: bool = False
    combine: Combine = "union"
    area_weight: float = 0.75
    samples: int = 16
    edits: Edits = "traversal"
    traversal_steps: int = 9
    steps: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (
            ("rectangles", 1),
            ("samples", 1),
            ("traversal_steps", 2),
            ("steps", 0),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
                raise LocalizerError(
                    f"Expected {name} to be a whole number, at least {least}, found {value!r}."
                )
        if not isinstance(self.per_sample, bool):
            raise LocalizerError(f"Expected per_sample to be True or False, found {self.per_sample!r}.")
        if self.combine not in get_args(Combine):
            raise LocalizerError(f'Expected combine="union" or combine="mean", found {self.combine!r}.')
        if self.edits == "walk":  # type: ignore[comparison-overlap]
            raise LocalizerError('edits="walk" of masks is now edits="traversal". Type edits="traversal".')
        if self.edits not in get_args(Edits):
            raise LocalizerError(f'Expected edits="traversal" or edits="redraw", found {self.edits!r}.')
        weight: Any = self.area_weight
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 < weight < math.inf:
            raise LocalizerError(f"Expected area_weight to be a number above 0, found {weight!r}.")

    def __call__(self, translator: Translator, inputs: Any, factor: str) -> Masks:
        """Masks of a factor over the outputs for these inputs.

        Args:
            translator: Of a model that makes images.
            inputs: `B` inputs.
            factor: Name of the factor.

        Raises:
            LocalizerError: the model's outputs are no images.
        """
        changes, visible = self._changes(translator, inputs, factor)
        if not bool(visible.any()):
            note = f"{factor} changes no pixel by half a grey level: its mask is empty."
            return Masks(factor, torch.zeros_like(changes)[:, None], "output", shared=not self.per_sample,
                         figures={"area": Score(0.0)}, notes=(note,))  # fmt: skip
        if self.per_sample:
            return self._each(factor, changes, visible)
        drawn = torch.empty(0)
        sample = translator.backbone.sample_inputs
        if sample is not None:
            latents = sample(self.samples, Generator().manual_seed(_OWN_SEEDS + self.seed)).detach().cpu()
            drawn = self._changes(translator, latents, factor)[0]
        return self._shared(factor, changes, drawn)

    def _changes(self, translator: Translator, inputs: Any, factor: str) -> tuple[Tensor, Tensor]:
        """Mean squared change over all edits, (B, H, W), and whether any of it could be seen, bool (B,)."""
        count, seed = self.traversal_steps, _OWN_SEEDS + self.seed
        if self.edits == "traversal":
            found = output_changes(translator, inputs, factor, steps=count)
        else:
            found = redrawn_changes(translator, inputs, factor, draws=count, seed=seed)
        span = translator.backbone.value_range
        if span is None:
            images = primary(translator.backbone.outputs(prepared_inputs(translator, inputs))).float()
            span = (float(images.min()), float(images.max()))
        least = ((span[1] - span[0]) * _VISIBLE) ** 2
        return found.mean(0), found.amax((0, 2, 3)) > least

    def _fit(self, maps: Tensor) -> Tensor:
        """Masks (N, H, W) of maps of change."""
        size = (maps.shape[1], maps.shape[2])
        small = (min(size[0], PLACES), min(size[1], PLACES))
        reduced = torch.nn.functional.adaptive_avg_pool2d(maps[:, None], small)[:, 0]
        masks = fit_rectangles(
            reduced, rectangles=self.rectangles, combine=self.combine, area_weight=self.area_weight,
            steps=self.steps, seed=self.seed,
        )  # fmt: skip
        masks = masks if small == size else fit_size(masks[:, None], size)[:, 0].clamp(0, 1)
        # soft edges at the border would leave a thousandth of the image outside, which says nothing
        return torch.where(masks.mean((1, 2), keepdim=True) > WHOLE, torch.ones_like(masks), masks)

    def _each(self, factor: str, changes: Tensor, visible: Tensor) -> Masks:
        masks = self._fit(changes * visible[:, None, None])
        still = int((~visible).sum())
        note = (
            f"In {still} of {len(changes)} images {factor} changes nothing that could be seen: empty masks."
        )
        figures = {
            "kept": _mean(kept(masks[visible], changes[visible])),
            "area": _mean(masks.mean((1, 2))),
            "consistency": consistency(changes[visible]),
        }
        return Masks(factor, masks[:, None], "output", figures=figures, notes=(note,) if still else ())

    def _shared(self, factor: str, changes: Tensor, drawn: Tensor) -> Masks:
        """One mask for all: fitted on drawn inputs; if there are none, on the given ones."""
        notes: tuple[str, ...] = ()
        if len(drawn):
            (mask,) = self._fit(pooled(drawn)[None])
            shares = kept(mask.expand_as(changes), changes)
        elif len(changes) == 1:
            (mask,) = self._fit(changes)
            shares = kept(mask[None], changes)
            notes = ("With one input, how much its mask keeps is of the input that it was fitted on.",)
        else:
            halves = changes[::2], changes[1::2]
            mask, *others = self._fit(torch.stack([pooled(changes), pooled(halves[1]), pooled(halves[0])]))
            pairs = zip(others, halves, strict=True)
            shares = torch.cat([kept(other.expand_as(half), half) for other, half in pairs])
        figures = {
            "kept": _mean(shares),
            "area": Score(float(mask.mean())),
            "consistency": consistency(torch.cat((drawn, changes)) if len(drawn) else changes),
        }
        if float(mask.min()) == 1:
            notes = (*notes, f"{factor} changes the image everywhere: its mask is all of it.")
        values = mask.expand(len(changes), 1, *mask.shape).clone()
        return Masks(factor, values, "output", shared=True, figures=figures, notes=notes)


def kept(masks: Tensor, changes: Tensor) -> Tensor:
    """Share of each input's squared change that lies inside its mask: ∑ M e / ∑ e.

    Args:
        masks: (B, H, W) in [0, 1].
        changes: (B, H, W).

    Returns:
        (B,), NaN if nothing changes.
    """
    return (masks * changes).sum((1, 2)) / changes.sum((1, 2))


def pooled(changes: Tensor) -> Tensor:
    """One map (H, W) of the changes (B, H, W) of several inputs.

    Each input counts nearly the same, however strongly it changes; those that hardly change count less, because
    the place of such a change is mostly chance.
    """
    total = changes.sum((1, 2), keepdim=True)
    return (changes / (total + _FLOOR * total.mean()).clamp_min(torch.finfo(total.dtype).tiny)).mean(0)


def consistency(changes: Tensor) -> Score:
    """Whether a factor acts in the same place in all inputs; see `Constriction`.

    Args:
        changes: Squared changes, (B, H, W).

    Returns:
        The mean over inputs of what each has in common with the others, 0 to 1; NaN for fewer than two that change.
    """
    width = 2 * (max(changes.shape[1:]) // (2 * _NEAR)) + 1
    blurred = torch.nn.functional.avg_pool2d(changes[:, None], width, max(1, width // 4), width // 2)
    near = blurred[:, 0].flatten(1)
    total = near.sum(1, keepdim=True)
    near = (near / total)[total[:, 0] > 0]
    count = len(near)
    if count < 2:
        return Score(math.nan)
    common = torch.stack([torch.minimum(one, near).sum(1) for one in near])
    return _mean((common.sum(1) - 1) / (count - 1))


def _mean(shares: Tensor) -> Score:
    known = shares[shares.isfinite()].double().clamp(0, 1).numpy()
    return bootstrap_mean(known, share=True) if len(known) else Score(math.nan)
