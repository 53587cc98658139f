"""Where traversals that measure a code start: at inputs drawn anew, at given ones, or at stored codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Backbone
from interpret_inn.data import is_stream, samples, stream
from interpret_inn.errors import InputError
from interpret_inn.explore.sampling import has_run
from interpret_inn.translating.translator import Translator


def some_of(inputs: Any, count: int) -> Any:
    """Up to `count` inputs as one batch, spread evenly over those given; of a stream the first.

    Raises:
        DataError: nothing that can be read.
        InputError: an empty stream.
    """
    if is_stream(inputs):
        for batch in stream(inputs, count):
            return batch[:count]
        raise InputError("Expected at least one input, found none.")
    found = samples(inputs)
    return found.take(np.unique(np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)))


def drawn_by(backbone: Backbone, count: int, *, seed: int) -> Tensor | None:
    """Inputs of the model's own, (count, ...), as `Interpreter.sample_inputs` draws them; None where it has none."""
    return None if backbone.sample_inputs is None else backbone.draw_inputs(count, seed=seed)


def stored(translator: Translator, count: int, *, seed: int) -> Tensor:
    """Representations (count, ...) of codes that the fit stored, as inputs where outputs need nothing else.

    Where there are fewer, some come twice.

    Raises:
        InputError: outputs need more than codes.
    """
    backbone, reference = translator.backbone, translator.fitted.reference_codes
    if (
        translator.fitted.layout.name not in ("vector", "flat")
        or not has_run(translator)
        or not backbone.has_tail
    ):
        raise InputError(
            f"Expected inputs to start the traversals from, found none: {backbone.name} draws none of its own, and codes "
            "alone do not make its outputs, or nothing has run through it yet. Type inputs=images."
        )
    order = torch.randperm(len(reference), generator=Generator().manual_seed(seed))
    codes = reference[order.repeat(-(-count // len(reference)))[:count].to(reference.device)]
    return translator.invert(
        torch.nn.functional.pad(codes, (0, translator.factors.total - codes.shape[1])), None
    )
