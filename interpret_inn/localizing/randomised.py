"""Translators whose flow or model knows nothing: what masks must not look like.

Adebayo et al., "Sanity checks for saliency maps" (2018): an explanation that stays the same when the weights are
drawn anew does not explain the model.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, Literal, get_args

import torch
from torch import Generator, Tensor, nn

from interpret_inn.errors import LocalizerError, suggest
from interpret_inn.localizing.inputs import prepared_inputs
from interpret_inn.translating.encoding import Prepared
from interpret_inn.translating.translator import Translator

Part = Literal["flow", "model"]


def randomised(translator: Translator, part: Part = "flow", *, inputs: Any, seed: int = 0) -> Translator:
    """A translator of which one part has random weights; the original is left as it is.

    Weights of two axes and more are shuffled, each tensor in itself, so that their sizes stay as they were. A flow
    also gets a random rotation, as its factors would else begin at the principal axes.

    Args:
        translator: Of a fitted interpreter.
        part: "flow", or "model".
        inputs: Whose codes stand for the data of the fit afterwards; a few dozen at least.
        seed: Of the weights.

    Raises:
        LocalizerError: another part.
    """
    if part not in get_args(Part):
        raise LocalizerError(f"There is no part {part!r} to randomise. {suggest(str(part), get_args(Part))}")
    generator = Generator().manual_seed(seed)
    backbone, fitted = translator.backbone, copy.deepcopy(translator.fitted)
    prepared = prepared_inputs(translator, inputs)
    if part == "flow":
        _shuffle(fitted.network.blocks, generator)
        fitted.network.align(_rotation(fitted.network.shape.leading, generator))
    else:
        backbone = copy.deepcopy(backbone)
        _shuffle(backbone.model, generator)
    codes = Translator(backbone, fitted).encode(Prepared(prepared)).flatten(0, -2).cpu()
    reference = codes[:, : fitted.reference_codes.shape[1]]
    made = dataclasses.replace(
        fitted, reference_codes=reference, reference_groups=torch.arange(len(reference)).numpy(), concepts=()
    )
    return Translator(backbone, made)


@torch.no_grad()
def _shuffle(module: nn.Module, generator: Generator) -> None:
    for parameter in module.parameters():
        if parameter.ndim > 1:
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))


def _rotation(size: int, generator: Generator) -> Tensor:
    matrix: Tensor = torch.linalg.qr(torch.randn(size, size, generator=generator))[0]
    return matrix
