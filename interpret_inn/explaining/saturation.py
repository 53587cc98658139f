"""Outputs that cannot show an effect: the same class for everything, or probabilities that are taken for logits."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from interpret_inn.effects.changes import OutputKind
from interpret_inn.explaining.records import Redraw
from interpret_inn.types.results import Note

_CERTAIN = 0.999
"""Probability of the top class from which on outputs are saturated."""
_STILL = 1e-3
"""Mean KL divergence, in nats, below which edits leave a probability of `_CERTAIN` where it is."""
_SUM = 1e-3
"""How far probabilities may be from a sum of 1: half precision."""


def saturation(outputs: Tensor, kind: OutputKind, redraws: Mapping[str, Redraw]) -> list[str]:
    """Notes on outputs by which no effect, or too small a one, would be seen.

    Args:
        outputs: Of n inputs, (n, ...).
        kind: What they are; only `classes` can saturate.
        redraws: Of all factors.

    >>> import torch
    >>> certain = torch.tensor([[20.0, 0.0], [30.0, 0.0]])
    >>> [note.kind for note in saturation(certain, "classes", {})]
    ['saturated']
    >>> [note.kind for note in saturation(certain.softmax(1) * 0.4 + 0.3, "classes", {})]
    ['probabilities']
    """
    if kind != "classes" or not len(outputs):
        return []
    values = outputs.detach().cpu().double()
    are_probabilities = bool((values >= 0).all() and ((values.sum(1) - 1).abs() <= _SUM).all())
    found: list[str] = []
    if are_probabilities:
        found.append(
            Note(
                "The model's outputs are probabilities (none is negative, and they add up to 1), and are taken for "
                "logits: shares of changed predictions hold, KL divergences and changes of probability are too small. "
                "Leave the softmax out of the model.",
                "probabilities",
            )
        )
    probability, classes = (values if are_probabilities else values.softmax(1)).max(1)
    still = all(redraw.flip_rate.value == 0 and redraw.kl.value < _STILL for redraw in redraws.values())
    if still and bool((classes == classes[0]).all()) and bool((probability > _CERTAIN).all()):
        found.append(
            Note(
                f"All {len(values)} inputs and all their redraws give one class, with probability above {_CERTAIN}: "
                "the outputs are saturated, or the model always says the same. That no factor changes the decision is "
                "no finding. Explain inputs of other classes, or leave the softmax out of the model.",
                "saturated",
            )
        )
    return found
