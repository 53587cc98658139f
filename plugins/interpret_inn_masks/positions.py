"""A factor's map for free: its codes at every position of a map or of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from interpret_inn.errors import LocalizerError, suggest
from interpret_inn.localizing import FactorReader, fit_size, heat_to_masks, prepared_inputs, require_images
from interpret_inn.types import Localizer, Masks

Measure = Literal["distance", "share", "rarity"]
_AT_ONCE = 64
_NEIGHBOURS = 10
_STORED = 1024
_RIDGE = 1e-3


@dataclass(frozen=True)
class PositionMaps:
    """Says how strongly a factor speaks at each position; see `build_positions`.

    Example:
        interpreter = inn.wrap(model, "layer4", layout="positions").fit("labels", data=images)
        interpreter.localize(images, "digit", localizer="positions")
    """

    measure: Measure = "distance"

    @torch.no_grad()
    def __call__(self, interpreter: Any, inputs: Any, factor: str) -> Masks:
        """Masks of a factor over the inputs.

        Raises:
            LocalizerError: the flow is not fitted at positions, or these form no grid, or the inputs are no images.
        """
        grid = grid_of(interpreter)
        prepared = prepared_inputs(interpreter, inputs)
        size = require_images(prepared)
        with interpreter.backbone.session():
            reader = FactorReader(interpreter, factor)
            codes = torch.cat([reader.codes(part) for part in prepared.split(_AT_ONCE)])
        strength = self._strength(interpreter, reader, codes).float().cpu()
        heat = fit_size(strength.reshape(-1, 1, *grid), size)
        return Masks(reader.factor.name, heat_to_masks(heat))
