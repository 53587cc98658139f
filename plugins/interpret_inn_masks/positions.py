"""What a factor carries at each position of a map or of tokens, read from the codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from interpret_inn.errors import LocalizerError, suggest
from interpret_inn.localizing import (
    FactorReader,
    Translator,
    fit_size,
    heat_to_masks,
    prepared_inputs,
    require_images,
)
from interpret_inn.localizing.factor_reader import AT_ONCE
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.types import Localizer, Masks
from interpret_inn_masks.fills import softened
from interpret_inn_masks.pooled import removal_strength

Measure = Literal["share", "change", "code"]
_NOTHING = 1e-12  # strength of positions that carry nothing, so that nothing is divided by 0
_STILL = 1e-6  # spread of an axis that does not vary, likewise
_AT_PLACES = ("positions", "pooled")
_SUITS = 2.0  # a localizer for all models says 1


@dataclass(frozen=True)
class PositionMaps(Localizer):
    """Says how much a factor carries at each position; see `build_positions`.

    Example:
        interpreter = inn.wrap(model, "layer4", layout="positions").fit("labels", data=images)
        interpreter.localize(images, "digit", localizer="positions")
    """

    measure: Measure = "share"

    @torch.no_grad()
    def __call__(self, translator: Translator, inputs: Any, factor: str) -> Masks:
        """Masks of a factor over the inputs.

        Raises:
            LocalizerError: the flow is not fitted at positions, or these form no grid, or the inputs are no images.
        """
        grid = grid_of(translator)
        prepared = prepared_inputs(translator, inputs)
        size = require_images(prepared)
        with translator.backbone.session():
            reader = FactorReader(translator, factor)
            found = [self._strength(translator, reader, part) for part in prepared.split(AT_ONCE)]
        strength, agreement = (torch.cat(parts).float().cpu() for parts in zip(*found, strict=True))
        heat = laid_out(strength.reshape(-1, 1, *grid), size)
        known = agreement[agreement.isfinite()]
        figures = {"agreement": bootstrap_mean(known.double().numpy(), seed=0)} if len(known) else {}
        return Masks(reader.factor.name, heat_to_masks(heat), figures=figures)

    def _strength(
        self, translator: Translator, reader: FactorReader, prepared: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the factor carries at each position, (B, P), and how much the positions agree, (B,)."""
        backbone, fitted = translator.backbone, translator.fitted
        if fitted.layout.name == "pooled":
            return removal_strength(translator, reader, prepared), torch.full((len(prepared),), torch.nan)
        codes, _ = translator.codes(backbone.represent(prepared))
        # a grid of one place comes without its axis
        codes = codes.reshape(len(prepared), -1, codes.shape[-1])
        carried = _carried(translator, codes, reader)
        whole = carried.mean(1, keepdim=True)
        each = carried.square().sum(2)
        agreement = whole.square().sum((1, 2)) / each.mean(1).clamp_min(_NOTHING)
        if self.measure == "code":
            own = codes[..., reader.factor.slice] - reader.centre.to(codes)
            return (own / reader.spread.to(codes).clamp_min(_STILL)).square().sum(2), agreement.sqrt()
        return (each if self.measure == "change" else (carried * whole).sum(2).clamp_min(0)), agreement.sqrt()


def laid_out(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (B, 1, h, w) at the image's size, under a Gaussian of one cell: a position sees beyond its own cell."""
    return softened(fit_size(maps, size), min(size[0] / maps.shape[2], size[1] / maps.shape[3]))


def _carried(translator: Translator, codes: Tensor, reader: FactorReader) -> Tensor:
    """What the representation loses if the factor is put at its centre, (B, P, D).

    Codes are not compared themselves: whitening gives all axes the same variance, also those that the model hardly
    uses, so that a code is far from its centre wherever there is anything at all. In the representation each axis has
    the variance that the model gives it.
    """
    neutral = codes.clone()
    neutral[..., reader.factor.slice] = reader.centre.to(codes)
    rows = [translator.fitted.network.inverse(some.flatten(0, 1))[0] for some in (codes, neutral)]
    lost: Tensor = (rows[0] - rows[1]).reshape(codes.shape)
    return lost


def grid_of(translator: Translator) -> tuple[int, int]:
    """Height and width of the grid that the positions form.

    Raises:
        LocalizerError: the flow is not fitted at positions, or they form no grid.
    """
    layout, shape = translator.fitted.layout, tuple(translator.fitted.z_shape)
    if layout.name not in _AT_PLACES:
        kinds = {
            "vector": "a vector has none",
            "flat": "one code stands for all of them together",
        }
        raise LocalizerError(
            f"Expected a flow that is fitted to positions or to their mean, found the layout {layout.name!r} at "
            f"{str(translator.backbone.address)!r}, {shape}: {kinds[layout.name]}. Type "
            'wrap(model, site, layout="pooled") with the site of a map or of tokens, and fit again; or '
            'localizer="masks".'
        )
    grid = layout.grid(shape)
    if grid is None:
        count = layout.positions_per_input(shape)
        raise LocalizerError(
            f"Expected positions that form a grid, found {count} tokens after {layout.prefix} prefix tokens at "
            f'{str(translator.backbone.address)!r}, which is no square. Type localizer="masks", or choose a site '
            "that carries a map."
        )
    return grid


def suits_positions(translator: Translator) -> float | None:
    """2 if the flow is fitted to positions, or pooled over a grid: one pass says what masks take dozens for."""
    layout = translator.fitted.layout
    at_places = layout.name in _AT_PLACES and layout.grid(translator.fitted.z_shape) is not None
    return _SUITS if at_places else None


def build_positions(*, measure: Measure = "share") -> Localizer:
    """Makes a localizer that reads the flow at every position of a map or of tokens.

    If the flow is fitted to the mean over positions (`layout="pooled"`), the map is what each position adds to that
    mean: see `removal_strength`. If it is fitted at positions (`layout="positions"`), there is a code at each.
    With `z_p` the representation at position `p` and `z°_p` the same with the factor put at its mean code, the factor
    carries `Δ_p = z_p − z°_p` there. Maps are brought to the image's size (bilinear, under a Gaussian
    of one cell), each image's largest is 1.

    Args:
        measure: At positions only. "share": `max(0, ⟨Δ_p, Δ̄⟩)`, `Δ̄` the mean over positions: what the position
            adds to what the factor carries in the whole image. "change": `|Δ_p|²`, also where positions contradict
            each other. "code": `|(f_p − c) / s|²` of the code alone, `c` and `s` its mean and spread; coarser,
            as it is large wherever there is anything at all.

    Returns:
        A localizer; its `figures["agreement"]` is `|Δ̄| / sqrt(mean |Δ_p|²)`: 1 if all positions say the same, `1/√P`
        if one alone speaks or all speak at random.

    Raises:
        LocalizerError: another measure.
    """
    if measure not in get_args(Measure):
        raise LocalizerError(f"There is no measure {measure!r}. {suggest(str(measure), get_args(Measure))}")
    return PositionMaps(measure)
