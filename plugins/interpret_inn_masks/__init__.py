"""Localizers of this library's own: masks that are learnt, and maps of positions.

```python
interpreter.localize(images, "digit", localizer="masks")          # over the input; over the output of a generator
```
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from interpret_inn import hookimpl
from interpret_inn.types import Localizer, LocalizerSpec, Space
from interpret_inn_masks.constriction import Constriction
from interpret_inn_masks.input_masks import InputMasks
from interpret_inn_masks.masks_localizer import ChosenMasks
from interpret_inn_masks.positions import PositionMaps, build_positions, suits_positions

__all__ = ["Constriction", "InputMasks", "PositionMaps", "build", "build_positions", "inn_localizers"]


def build(*, over: Space | None = None, seed: int = 0, **options: Any) -> Localizer:
    """Makes a localizer that learns masks.

    Args:
        over: "output": where a factor changes the images that a generator or an autoencoder makes, see
            `Constriction`; "input": where it stands in the images that a model takes, see `InputMasks`; None: over the
            output if that is an image, else over the input.
        seed: Of what is drawn.
        options: Over the input: mode, area, fill, enough, steps, cells. Over the output: rectangles, per_sample,
            combine, area_weight, samples, edits, traversal_steps, steps.

    Raises:
        LocalizerError: options that are unknown, or cannot be used.
    """
    return ChosenMasks(over, options if seed == 0 else {"seed": seed} | options)


@hookimpl
def inn_localizers() -> Iterable[LocalizerSpec]:
    """Contributes localizers."""
    yield LocalizerSpec(
        "masks",
        "The part of an image that alone keeps a factor; or where a factor changes the images that a model makes.",
        build,
        suits=lambda _: 1,  # all models that take or make images; what has none says so when it is localized
        quick={"steps": 20},  # half of what masks over the input take, a fifth of those over the output
    )
    yield LocalizerSpec(
        "positions",
        "What a factor carries at each position; for flows fitted at positions.",
        build_positions,
        suits=suits_positions,
    )
