"""Changes of the images that a model makes, with a factor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from interpret_inn.errors import LocalizerError
from interpret_inn.localizing.factor_reader import AT_ONCE, prepared_inputs
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.translator import Translator, positions_of


@torch.no_grad()
def output_changes(
    translator: Translator, inputs: Any, factor: str, *, steps: int | Sequence[float] = 9
) -> Tensor:
    """Squared change of the output image while a factor is traversed along its main direction, all else kept.

    Args:
        translator: Of a model that makes images.
        inputs: `B` inputs.
        factor: Name of the factor.
        steps: As for `Interpreter.traverse`: positions in standard deviations of the data, (S,), or how many.

    Returns:
        float (S, B, H, W), the mean over channels, on the CPU.

    Raises:
        LocalizerError: the model's outputs are no images.
    """
    positions, chosen = positions_of(steps), translator.factors[factor]
    return _changes(translator, inputs, lambda batch: batch.traversed(chosen, positions))


@torch.no_grad()
def redrawn_changes(
    translator: Translator, inputs: Any, factor: str, *, draws: int = 6, seed: int = 0
) -> Tensor:
    """Squared change of the output image when a factor is drawn anew from the data of the fit.

    Args:
        translator: Of a model that makes images.
        inputs: `B` inputs.
        factor: Name of the factor.
        draws: Codes that are drawn for each input.
        seed: Of the draws.

    Returns:
        float (draws, B, H, W), the mean over channels, on the CPU.

    Raises:
        LocalizerError: the model's outputs are no images.
    """
    chosen, generator = translator.factors[factor], Generator().manual_seed(seed)
    return _changes(translator, inputs, lambda batch: batch.redrawn(chosen, draws, generator))


def _changes(translator: Translator, inputs: Any, change: Callable[[Batch], Batch]) -> Tensor:
    """Squared changes (M, B, H, W) of the images for M variants of each input."""
    found = []
    with translator.backbone.session():
        for prepared in prepared_inputs(translator, inputs).split(AT_ONCE):
            batch = translator.batch(prepared, outputs=True)
            before = batch.primary_outputs()
            if before.ndim != 4:
                raise LocalizerError(
                    f"Expected a model that makes images, (B, C, H, W), found outputs {tuple(before.shape)}. "
                    'To mask the input instead, type over="input".'
                )
            after = change(batch).primary_outputs()
            found.append((after.float() - before.float()).square().mean(2))
    return torch.cat(found, 1)
