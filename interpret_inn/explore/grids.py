"""Cross-swap grids: a factor of the rows in everything else of the columns (IIN, figures 5 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from interpret_inn.errors import EditError
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.translator import HasTranslator, translator_of
from interpret_inn.types import Factor


@torch.no_grad()
def swap_grid(
    interpreter: HasTranslator, factor: str, *, rows: Any, columns: Any, hold: Sequence[str] = ()
) -> Tensor:
    """Outputs for every pair of inputs: the row gives one factor, the column everything else.

    Args:
        interpreter: A fitted interpreter.
        factor: The factor that is taken from the rows.
        rows: `R` inputs, in any form that the interpreter takes.
        columns: `C` inputs.
        hold: Concepts whose probe is to stay where it is in the column.

    Returns:
        (R, C, …): primary outputs, on the CPU: images, or logits.

    Raises:
        ConceptError: there is no such factor or concept.
        EditError: rows and columns of different sizes, where the layout is `positions`.
        NotFittedError: before `fit`.
    """
    translator = translator_of(interpreter)
    chosen = translator.factors[factor]
    with translator.backbone.session():
        given, rest = translator.whole(rows), translator.whole(columns)
        return crossed(chosen, given.codes, rest, hold=hold).primary_outputs()


def crossed(factor: Factor, given: Tensor, rest: Batch, *, hold: Sequence[str] = ()) -> Batch:
    """The factor of codes `given` (R, ..., D) in each of C inputs: codes (R, C, ..., D)."""
    if given.shape[1:] != rest.codes.shape[1:]:
        raise EditError(
            f"Expected rows and columns of one size, found codes {tuple(given.shape[1:])} of a row and "
            f"{tuple(rest.codes.shape[1:])} of a column. Pass inputs of one size."
        )
    return rest.with_factor(factor, given[:, None, ..., factor.slice], hold=hold)
