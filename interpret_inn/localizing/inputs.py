"""Inputs of localizers: one batch, read and prepared once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from interpret_inn.errors import LocalizerError
from interpret_inn.translating.streaming import Prepared, batches

if TYPE_CHECKING:
    from interpret_inn.interpreter import Interpreter


def prepared_inputs(interpreter: Interpreter, inputs: Any) -> Tensor:
    """All inputs as one batch, as the model takes them.

    Args:
        interpreter: Whose model it is.
        inputs: Anything that can be read as inputs, or what a localizer was given.

    Returns:
        (B, ...), detached, on the model's device, in its precision.

    Raises:
        InputError: there are none, or they do not fit the model.
        LocalizerError: they differ in size and make no batch.
    """
    if isinstance(inputs, Prepared):
        return inputs.batch
    parts = [batch.detach() for batch in batches(interpreter.backbone, inputs)]
    sizes = sorted({tuple(part.shape[1:]) for part in parts})
    if len(sizes) > 1:
        raise LocalizerError(
            f"Expected inputs of one size, found {sizes}. Localize those of one size at a time."
        )
    whole = torch.cat(parts)
    if not whole.is_inference():
        return whole
    with torch.inference_mode(False):  # gradients cannot pass tensors of inference mode
        return whole.clone()


def require_images(prepared: Tensor) -> tuple[int, int]:
    """Height and width of a batch of images (B, C, H, W).

    Raises:
        LocalizerError: it is none.
    """
    if prepared.ndim != 4:
        raise LocalizerError(
            f"Expected inputs that are images, (B, C, H, W), found {tuple(prepared.shape)}: there is no place in "
            'them to point at. For a model that makes images type over="output".'
        )
    return prepared.shape[2], prepared.shape[3]
