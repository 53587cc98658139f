"""Labels for inputs, from a callable that is given the model's outputs for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from interpret_inn.backbones import Backbone, primary
from interpret_inn.errors import ConceptError, PluginError
from interpret_inn.translating.encoding import batches

Labeller = Callable[[Tensor], Any]
"""From outputs (B, ...) to labels (B,) or logits (B, C)."""
_ONE = "label"  # the name of labels that are given without one


def label(
    backbone: Backbone, inputs: Any, labels: Labeller | Mapping[str, Labeller]
) -> npt.NDArray[Any] | dict[str, npt.NDArray[Any]]:
    """Labels inputs by the model's outputs for them; see `Interpreter.label`.

    Raises:
        ConceptError: something that cannot be called, or that gives other than one label for each output.
        PluginError: a callable raised.
    """
    named = {_ONE: labels} if callable(labels) else dict(labels) if isinstance(labels, Mapping) else {}
    if not named or not all(callable(one) for one in named.values()):
        raise ConceptError(
            "Expected something to call with the model's outputs, such as a classifier, or a mapping of names to "
            f"those, found {labels!r:.80}."
        )
    found: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in named}
    with backbone.session():
        for batch in batches(backbone, inputs):
            outputs = primary(backbone.outputs(batch)).detach()
            for name, one in named.items():
                found[name].append(_values(name, one, outputs))
    columns = {name: np.concatenate(parts) for name, parts in found.items()}
    return columns[_ONE] if callable(labels) else columns


def _values(name: str, labeller: Labeller, outputs: Tensor) -> npt.NDArray[Any]:
    """One label for each output, (B,), numbers or names: logits (B, C) become class indices."""
    try:
        found = labeller(outputs.clone())  # a copy, as it may write into its argument
    except Exception as error:
        raise PluginError(
            f"The labels {name!r} failed on outputs {tuple(outputs.shape)}: {type(error).__name__}: {error}"
        ) from error
    values = _array(found)
    if values.ndim == 2 and len(values) == len(outputs) and values.shape[1]:
        values = values.argmax(1) if values.shape[1] > 1 else values[:, 0]
    if values.shape != (len(outputs),) or values.dtype == object:
        what = type(found).__name__ if values.dtype == object else f"an array {values.shape}"
        raise ConceptError(
            f"Expected one label (B,) or logits (B, C) for each of {len(outputs)} outputs from the labels {name!r}, "
            f"found {what}."
        )
    return values


def _array(found: Any) -> npt.NDArray[Any]:
    """A callable's answer as an array; of type object if it is none."""
    if isinstance(found, Tensor):
        found = found.detach().cpu()
        return np.asarray(found.float() if found.dtype == torch.bfloat16 else found)
    try:
        return np.asarray(found)
    except ValueError:  # lists of several lengths
        return np.asarray(None, object)
