"""Where in the input a factor's value stands: smooth masks that alone keep it, or whose absence destroys it.

After Fong, Patrick and Vedaldi, "Understanding deep networks via extremal perturbations and smooth masks" (2019),
with four changes: what is kept is a factor's code and not a class; one map is fitted for all areas at once, its
level sets being the masks (so that nothing has to be run again to choose an area); the map is a sum of coarse and
fine ones in place of a dilated mask; and within the mask that was chosen, places are ranked by what each adds while
the mask fades in.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Generator, Tensor

from interpret_inn.errors import LocalizerError
from interpret_inn.localizing import FactorReader, Translator, prepared_inputs, require_images
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.types import Localizer, Masks
from interpret_inn_masks.area_ranking import ranked, with_area
from interpret_inn_masks.fills import Fill, filler
from interpret_inn_masks.nested import NestedMasks, cycled, default_cells

Mode = Literal["both", "preserve", "delete"]
AREAS = (0.05, 0.1, 0.2, 0.4)
"""Shares of the image that masks are fitted at, and chosen from."""
_AT_ONCE = 32  # images whose maps are fitted together: each step holds a graph of all of them
_MOMENTUM = 0.8  # of the descent: steps of one length need some, to pass narrow valleys
_NOTHING = 1e-3  # of the typical deviation from the centre
_TINY = 1e-12  # squared deviations of codes, so that nothing is divided by 0
_STILL = 1e-30  # the length of a slope that is 0, likewise


@dataclass(frozen=True)
class InputMasks(Localizer):
    """Masks over the input of any model that takes images.

    Figures: "kept", the share of the factor's value that the mask's inside alone keeps (the rest of the image being
    filled); "destroyed", the share that is gone when only the inside is filled; "area", the share of the image.

    Attributes:
        mode: "preserve": the smallest region that alone keeps the value; "delete": the smallest whose absence
            destroys it; "both": one that does both, at twice the passes. What keeps a value may lack half of what
            stands for it, what destroys it may be a blot in the wrong place; together they rule these errors out.
        area: Share of the image that a mask covers; None: the smallest of 5, 10, 20 and 40 % that does `enough`.
        fill: What stands elsewhere, taken from *another* image of the batch, so that it does not tell of this one's
            own factors: "blur", "noise" (its colours in soft patches, drawn anew at each step), or "mean" (its mean
            colour).
        enough: Share of the value to be kept (with "delete": destroyed), where the area is chosen.
        steps: Of the optimisation. Each costs a forward and a backward pass up to the site (with "both" two of each);
            choosing and ranking at the end cost about as much as seven steps.
        cells: Along the shorter side of the finest map; None: one for eight pixels, 6 to 8.
        seed: Of the noise.
    """

    batchwise = True  # fills are taken from other images of the batch

    mode: Mode = "both"
    area: float | None = None
    fill: Fill = "blur"
    enough: float = 0.8
    steps: int = 40
    cells: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise LocalizerError(f'Expected mode="both", "preserve" or "delete", found {self.mode!r}.')
        if self.fill not in get_args(Fill):
            raise LocalizerError(f'Expected fill="blur", "noise" or "mean", found {self.fill!r}.')
        for name, value in (("area", self.area), ("enough", self.enough)):
            wrong = isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < float(value) < 1
            if value is not None and wrong:
                raise LocalizerError(f"Expected {name} to be a share between 0 and 1, found {value!r}.")
        for name, count, least in (
            ("steps", self.steps, 1),
            ("cells", self.cells, 2),
            ("seed", self.seed, 0),
        ):
            wrong = isinstance(count, bool) or not isinstance(count, numbers.Integral) or count < least
            if wrong and not (name == "cells" and count is None):
                raise LocalizerError(
                    f"Expected {name} to be a whole number, at least {least}, found {count!r}."
                )

    def __call__(self, translator: Translator, inputs: Any, factor: str) -> Masks:
        """Masks of a factor over the inputs.

        Raises:
            LocalizerError: the inputs are no images, or the model lets no gradient through.
        """
        prepared = prepared_inputs(translator, inputs)
        size = require_images(prepared)
        generator = Generator().manual_seed(self.seed)
        with torch.inference_mode(False), translator.backbone.session(gradients=True):
            reader = FactorReader(translator, factor)
            parts = [_Search(self, reader, part, size, generator).run() for part in prepared.split(_AT_ONCE)]
        masks, kept, destroyed, idle = (torch.cat(found) for found in zip(*parts, strict=True))
        area = masks.mean((1, 2, 3))
        notes = []
        if bool(idle.any()):
            which = "" if bool(idle.all()) else f" in {int(idle.sum())} of {len(idle)} inputs"
            notes.append(
                f"{factor} stands at the mean of the data{which}, or nothing in the image moves it: an empty mask."
            )
        figures = {
            name: bootstrap_mean(values[~idle].double().numpy())
            for name, values in (("kept", kept), ("destroyed", destroyed), ("area", area))
        }
        return Masks(factor, masks, "input", figures=figures, notes=tuple(notes))


class _Search:
    """Looks for the masks of one batch.

    Args:
        options: Of the masks.
        reader: Of the factor.
        images: (B, C, H, W), as the model takes them.
        size: (H, W).
        generator: Draws fills.
    """

    def __init__(
        self,
        options: InputMasks,
        reader: FactorReader,
        images: Tensor,
        size: tuple[int, int],
        generator: Generator,
    ) -> None:
        self.options, self.reader, self.images = options, reader, images
        self.fill = filler(images, options.fill, generator)
        with torch.no_grad():
            self.like = reader.codes(images)
        self.own = reader.deviation(self.like)
        self.squared = self.own.square().sum(1)
        usual = float(reader.spread.square().sum()) * (self.own.shape[1] / max(1, len(reader.spread)))
        self.idle = self.squared <= _NOTHING**2 * max(usual, _TINY)
        self.masks = NestedMasks(len(images), size, options.cells or default_cells(size), images.device)
        self.areas = AREAS if options.area is None else (options.area,)

    def run(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Masks (B, 1, H, W), what they keep and destroy (B,), and which have nothing to show, bool (B,)."""
        speed = [torch.zeros_like(parameter) for parameter in self.masks.parameters]
        for step in range(self.options.steps):
            areas = cycled(self.areas, step, len(self.images)).to(self.images.device)
            slopes = self._slopes(areas)
            # Steps of one length for each image, and not for each cell as Adam's are: that would move cells that
            # hardly matter as far as those that do.
            length = torch.stack([slope.square().sum((1, 2, 3)) for slope in slopes]).sum(0).sqrt()
            if step == 0:
                self.idle = self.idle | (length <= 0)
            with torch.no_grad():
                for parameter, slope, moving in zip(self.masks.parameters, slopes, speed, strict=True):
                    moving.mul_(_MOMENTUM).add_(slope / length.clamp_min(_STILL)[:, None, None, None])
                    parameter.sub_(moving)
        return self._chosen()

    def _slopes(self, areas: Tensor) -> tuple[Tensor, ...]:
        masks = self.masks.at(areas)
        loss = self._loss(masks)
        if not loss.requires_grad:
            raise LocalizerError(
                "The model lets no gradient from the site to its inputs (torch.no_grad within it, say), so masks "
                'cannot be fitted. Type localizer="captum", method="Occlusion".'
            )
        try:
            return torch.autograd.grad(loss, self.masks.parameters)
        except RuntimeError as error:
            if "inplace" not in str(error):
                raise
            raise LocalizerError(
                "The model overwrites tensors that its gradients need (relu_, x += y), so masks cannot be fitted. "
                f'Type localizer="captum", method="Occlusion". {error}'
            ) from error

    def _loss(self, masks: Tensor) -> Tensor:
        """The loss of masks (B, 1, H, W), summed over images."""
        masks, mode = masks.to(self.images), self.options.mode
        loss = masks.new_zeros(())
        if mode != "delete":
            away = self.reader.deviation(self.reader.codes(self._mixed(masks))) - self.own
            loss = loss + torch.log1p(away.square().sum(1) / self.squared.clamp_min(_TINY)).sum()
        if mode != "preserve":
            left = self.reader.score(self._mixed(1 - masks), self.like).clamp_min(0)
            loss = loss + left.square().sum()
        return loss

    def _mixed(self, masks: Tensor) -> Tensor:
        return masks * self.images + (1 - masks) * self.fill()

    @torch.no_grad()
    def _chosen(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Masks (B, 1, H, W), the shares that they keep and destroy (B,), and which have nothing to show, bool (B,)."""
        regions = self._smallest([self.masks.at(torch.full_like(self.squared, area)) for area in self.areas])
        heat = ranked(self._value, regions, self.masks.cell)
        # chosen once more: of pixels in the order in which they matter, fewer are enough
        shown = self._smallest([with_area(heat, area) for area in self.areas])
        kept, destroyed = (
            found.clamp(0, 1).float().cpu() for found in (self._kept(shown), self._destroyed(shown))
        )
        shown = torch.where(self.idle[:, None, None, None], 0.0, shown.float())
        return shown.cpu(), kept, destroyed, self.idle.cpu()

    def _smallest(self, masks: Sequence[Tensor]) -> Tensor:
        """Of masks (B, 1, H, W) of growing area, each image's first that does enough, or the one that does most."""
        done = torch.stack([self._value(one) for one in masks])
        enough = done >= self.options.enough
        place = torch.where(enough.any(0), enough.int().argmax(0), done.argmax(0))
        return torch.stack(list(masks))[place, torch.arange(len(place), device=place.device)]

    def _value(self, masks: Tensor) -> Tensor:
        """The share of the value that masks (B, 1, H, W) keep; with mode="delete", that they destroy, (B,)."""
        return self._destroyed(masks) if self.options.mode == "delete" else self._kept(masks)

    def _kept(self, masks: Tensor) -> Tensor:
        """The share of the value that masks (B, 1, H, W) keep, (B,)."""
        return self.reader.score(self._mixed(masks.to(self.images)), self.like)

    def _destroyed(self, masks: Tensor) -> Tensor:
        """The share of the value that the absence of what masks (B, 1, H, W) show destroys, (B,)."""
        return 1 - self.reader.score(self._mixed(1 - masks.to(self.images)), self.like)
