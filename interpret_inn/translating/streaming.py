"""Inputs batch by batch into a backbone, and its outputs as those of one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from interpret_inn.backbones import Backbone
from interpret_inn.backbones.structures import describe, replace, select, tensors
from interpret_inn.data import is_stream, samples, stream
from interpret_inn.errors import InputError
from interpret_inn.translating.encoding import BATCH, prepared


@dataclass(frozen=True, eq=False)
class Prepared:
    """Inputs that have been read and prepared already: goes wherever inputs go.

    Attributes:
        batch: As the model takes them, (B, ...).
    """

    batch: Tensor

    def __len__(self) -> int:
        return len(self.batch)


def batches(backbone: Backbone, inputs: Any) -> Iterator[Tensor]:
    """Prepared batches of anything that can be read as inputs.

    Raises:
        InputError: there are no inputs.
    """
    if isinstance(inputs, Prepared):
        yield from inputs.batch.split(BATCH)
        return
    done = 0
    for batch in stream(inputs, BATCH):
        yield prepared(backbone, batch, start=done)
        done += len(batch)
    if not done:
        raise InputError("Expected at least one input, found none.")


def counted(inputs: Any) -> tuple[Any, int | None]:
    """The same inputs, ready to be read, and how many there are; None where only their end tells.

    Raises:
        DataError: nothing that can be read.
    """
    if is_stream(inputs):
        return inputs, None
    read = inputs if isinstance(inputs, Prepared) else samples(inputs)
    return read, len(read)


def run_bare(backbone: Backbone, inputs: Any) -> Any:
    """The bare model's outputs, bit for bit."""
    with backbone.session():
        return join([backbone.outputs(batch) for batch in batches(backbone, inputs)])


def join(outputs: Sequence[Any]) -> Any:
    """Outputs of several batches as those of one: a structure like the first, its tensors joined.

    Raises:
        InputError: outputs without tensors, or with tensors that have no axis for the batch.
    """
    joined = outputs[0]
    if len(outputs) == 1:
        return joined
    places = [at for at, tensor in tensors(joined) if tensor.ndim]
    if len(places) != len(list(tensors(joined))) or not places:
        raise InputError(
            f"Outputs such as {describe(joined)} cannot be joined over batches. Pass at most {BATCH} inputs."
        )
    for at in places:
        parts = [select(output, at, where="The output of a batch") for output in outputs]
        joined = replace(joined, at, torch.cat(parts))
    return joined
