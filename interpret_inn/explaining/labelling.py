"""Labels for what a model makes, from anything that can look at its outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from interpret_inn.backbones import Backbone, primary
from interpret_inn.errors import ConceptError, PluginError
from interpret_inn.explaining.streaming import batches

Labeller = Callable[[Tensor], Any]


def label(
    backbone: Backbone, inputs: Any, labels: Labeller | Mapping[str, Labeller]
) -> npt.NDArray[Any] | dict[str, npt.NDArray[Any]]:
    """Labels inputs by what the model makes of them; see `Interpreter.label`."""
    named = {"": labels} if callable(labels) else dict(labels)
    wrong = [name for name, one in named.items() if not callable(one)]
    if wrong or not named:
        raise ConceptError(
            "Expected something to call with the model's outputs, such as a classifier, or a mapping of names to "
            f"those, found {labels!r:.80}."
        )
    found: dict[str, list[Tensor]] = {name: [] for name in named}
    with backbone.session():
        for batch in batches(backbone, inputs):
            outputs = primary(backbone.outputs(batch)).detach()
            for name, one in named.items():
                found[name].append(_values(name, one, outputs))
    columns = {name: torch.cat(parts).numpy() for name, parts in found.items()}
    return columns[""] if callable(labels) else columns


def _values(name: str, labeller: Labeller, outputs: Tensor) -> Tensor:
    """One label for each output, (B,): logits (B, C) become class indices."""
    try:
        # what labels is the caller's own, and may keep gradients or modules in training mode: only values count
        found = labeller(outputs.clone())
    except Exception as error:
        raise PluginError(
            f"The labels {name!r} failed on outputs {tuple(outputs.shape)}: {type(error).__name__}: {error}"
        ) from error
    values = torch.as_tensor(np.asarray(found) if not isinstance(found, Tensor) else found).detach().cpu()
    if values.ndim == 2 and values.shape[1] > 1 and len(values) == len(outputs):
        values = values.argmax(1)
    values = values.reshape(len(values), -1).squeeze(1) if values.ndim else values
    if values.shape != (len(outputs),):
        raise ConceptError(
            f"Expected one label (B,) or logits (B, C) for each of {len(outputs)} outputs, "
            f"found an array {tuple(values.shape)}."
        )
    return values
