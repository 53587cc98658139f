"""What localizers are given: a translator, and inputs as one batch, read and prepared once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from interpret_inn.errors import LocalizerError
from interpret_inn.translating.encoding import Prepared, batches
from interpret_inn.translating.translator import Translator

AT_ONCE = 64
"""Images in one forward: enough to fill a processor, few enough for its memory."""


def prepared_inputs(translator: Translator, inputs: Any) -> Tensor:
    """All inputs as one batch, as the model takes them.

    Args:
        translator: Whose model it is.
        inputs: Anything that can be read as inputs, or what a localizer was given.

    Returns:
        (B, ...), detached, on the model's device, in its precision.

    Raises:
        InputError: there are none, or they do not fit the model.
        LocalizerError: they differ in size and make no batch, or the first argument is no translator.
    """
    require_translator(translator)
    if isinstance(inputs, Prepared):
        return inputs.batch
    parts = [batch.detach() for batch in batches(translator.backbone, inputs)]
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


def require_translator(found: Any) -> None:
    """Refuses anything else in its place, an interpreter above all.

    Raises:
        LocalizerError: it is no translator.
    """
    if not isinstance(found, Translator):
        raise LocalizerError(
            f"Expected a translator, found {type(found).__name__}. Type interpreter.translator, which is that of a "
            "fitted interpreter."
        )
