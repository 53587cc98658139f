"""Cross-swap grids: a factor of the rows in everything else of the columns (IIN, figures 5 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from interpret_inn.errors import EditError
from interpret_inn.explore.encoded import Encoded, encoded, held
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Factor

if TYPE_CHECKING:
    from interpret_inn.interpreter import Interpreter


@torch.no_grad()
def swap_grid(
    interpreter: Interpreter, factor: str, *, rows: Any, columns: Any, hold: Sequence[str] = ()
) -> Tensor:
    """Outputs for every pair of inputs: the row gives one factor, the column everything else.

    Args:
        interpreter: A fitted interpreter.
        factor: The factor that is taken from the rows.
        rows: `R` inputs, in any form that the interpreter takes.
        columns: `C` inputs.
        hold: Concepts whose read-out is to stay where it is in the column.

    Returns:
        (R, C, …): primary outputs, on the CPU: images, or logits.

    Raises:
        ConceptError: there is no such factor or concept.
        EditError: rows and columns of different sizes, where the layout is `positions`.
        NotFittedError: before `fit`.
    """
    translator = interpreter.translator
    chosen = translator.factors[factor]
    with translator.backbone.session():
        given, rest = encoded(translator, rows), encoded(translator, columns)
        return grid_outputs(translator, chosen, given.codes, rest, hold=hold)


def grid_outputs(
    translator: Translator, factor: Factor, given: Tensor, rest: Encoded, *, hold: Sequence[str] = ()
) -> Tensor:
    """Primary outputs (R, C, ...): the factor of codes `given` (R, ..., D) in `rest`, C inputs."""
    if given.shape[1:] != rest.codes.shape[1:]:
        raise EditError(
            f"Expected rows and columns of one size, found codes {tuple(given.shape[1:])} of a row and "
            f"{tuple(rest.codes.shape[1:])} of a column. Pass inputs of one size."
        )
    crossed = rest.codes.expand(len(given), *rest.codes.shape).clone()
    crossed[..., factor.slice] = given[:, None, ..., factor.slice]
    crossed = held(translator, rest.codes, crossed, factor, hold)
    return translator.variants(rest.prepared, rest.z, rest.carried, crossed)
