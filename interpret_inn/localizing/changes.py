"""How images that a model makes change with a factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor

from interpret_inn.errors import LocalizerError
from interpret_inn.localizing.inputs import prepared_inputs
from interpret_inn.translating.translator import positions_of

if TYPE_CHECKING:
    from interpret_inn.interpreter import Interpreter

_AT_ONCE = 64


@torch.no_grad()
def output_changes(
    interpreter: Interpreter, inputs: Any, factor: str, *, steps: int | Sequence[float] = 9
) -> Tensor:
    """Squared change of the output image while a factor is walked along its main direction, all else kept.

    Args:
        interpreter: A fitted interpreter of a model that makes images.
        inputs: `B` inputs.
        factor: Name of the factor.
        steps: As for `Interpreter.walk`: positions in standard deviations of the data, (S,), or how many.

    Returns:
        float (S, B, H, W), the mean over channels, on the CPU.

    Raises:
        LocalizerError: the model's outputs are no images.
    """
    positions, chosen = positions_of(steps), interpreter.factors[factor]
    return _changes(interpreter, inputs, lambda batch: batch.traversed(chosen, positions))


@torch.no_grad()
def redrawn_changes(
    interpreter: Interpreter, inputs: Any, factor: str, *, draws: int = 6, seed: int = 0
) -> Tensor:
    """Squared change of the output image where a factor is drawn anew from the data of the fit.

    Args:
        interpreter: A fitted interpreter of a model that makes images.
        inputs: `B` inputs.
        factor: Name of the factor.
        draws: How many codes are drawn for each input.
        seed: Of the draws.

    Returns:
        float (draws, B, H, W), the mean over channels, on the CPU.

    Raises:
        LocalizerError: the model's outputs are no images.
    """
    chosen, generator = interpreter.factors[factor], Generator().manual_seed(seed)
    return _changes(interpreter, inputs, lambda batch: batch.redrawn(chosen, draws, generator))


def _changes(interpreter: Interpreter, inputs: Any, change: Any) -> Tensor:
    translator, found = interpreter.translator, []
    with translator.backbone.session():
        for prepared in prepared_inputs(interpreter, inputs).split(_AT_ONCE):
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
