"""Inputs with everything that edits of them need, and the outputs of many edits at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from interpret_inn.backbones import Carried
from interpret_inn.errors import EditError
from interpret_inn.translating.streaming import batches
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Factor


class Encoded(NamedTuple):
    """Inputs that have been run up to the site.

    Attributes:
        prepared: As the model takes them, (B, ...).
        z: What the site carries, (B, ...).
        carried: What the layout carries along.
        codes: (B, D), or (B, P, D) at positions.
    """

    prepared: Tensor
    z: Tensor
    carried: Carried
    codes: Tensor

    def take(self, indices: Tensor) -> Encoded:
        """The same for these inputs, int64 (M,), in this order and as often as named."""
        return Encoded(
            self.prepared[indices], self.z[indices], self.carried.take(indices), self.codes[indices]
        )


def encoded(translator: Translator, inputs: Any) -> Encoded:
    """All inputs as one batch; to be called within a session of the backbone.

    Raises:
        EditError: inputs of different sizes, which make no batch.
    """
    prepared = list(batches(translator.backbone, inputs))
    shapes = {tuple(batch.shape[1:]) for batch in prepared}
    if len(shapes) > 1:
        raise EditError(
            f"Expected inputs of one size, found {sorted(shapes)}. Pass those of one size at a time."
        )
    whole = torch.cat(prepared)
    z = torch.cat([translator.backbone.represent(batch) for batch in prepared])
    codes, carried = translator.codes(z)
    return Encoded(whole, z, carried, codes)


def along(translator: Translator, inputs: Any, move: Callable[[Tensor], Tensor]) -> Tensor:
    """Primary outputs (S, B, ...) for codes that `move` makes of each batch's: (B, ..., D) to (S, B, ..., D)."""
    found = []
    with translator.backbone.session():
        for batch in batches(translator.backbone, inputs):
            z = translator.backbone.represent(batch)
            codes, carried = translator.codes(z)
            found.append(translator.variants(batch, z, carried, move(codes)))
    return torch.cat(found, 1)


def held(
    translator: Translator, before: Tensor, after: Tensor, factor: Factor, hold: Sequence[str]
) -> Tensor:
    """Codes (S, B, ..., D) after an edit of `factor`, moved so that held concepts read as in `before` (B, ..., D).

    Raises:
        EditError: the edited factor is among those held, or `hold` is one text.
    """
    if isinstance(hold, str):
        raise EditError(f"Expected hold to be a list of concepts, found {hold!r}. Type hold=[{hold!r}].")
    if factor.name in hold:
        raise EditError(f"hold names the factor that is changed. Take {factor.name!r} out of hold.")
    return translator.hold(before.expand_as(after), after, factor, tuple(hold)) if hold else after
