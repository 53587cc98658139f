"""Grids of outputs between inputs: swaps of factors, and straight lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from interpret_inn.backbones import Carried, primary
from interpret_inn.errors import EditError
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.translator import HasTranslator, translator_of
from interpret_inn.types import Factor

Space = Literal["code", "representation"]


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
        hold: Concepts whose prediction by the probe is to stay as it is in the column.

    Returns:
        (R, C, …): primary outputs, on the CPU: images, or logits.

    Raises:
        ConceptError: there is no such factor or concept.
        EditError: inputs of different sizes, or `hold` names the factor.
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


@torch.no_grad()
def interpolate(
    interpreter: HasTranslator,
    first: Any,
    second: Any,
    *,
    steps: int = 9,
    space: Space = "code",
    factors: Sequence[str] | None = None,
) -> Tensor:
    """Outputs on the straight line from each of the first inputs to its partner among the second.

    In the representation `z` the middle of such a line shows both ends at once (ghosting); in the code `z̃` it
    stays among the data, as far as the flow has learnt them. What the layout carries along moves, too, unless
    `factors` are given. If outputs depend on more than the site (connections that go around it), the rest of the
    network keeps the first inputs.

    Args:
        interpreter: A fitted interpreter.
        first: `B` inputs.
        second: `B` inputs, or one for all.
        steps: `S`, both ends counted.
        space: `"code"`, or `"representation"` for a line without the flow.
        factors: Move these alone, and keep everything else as in the first; only in the code. None: all.

    Returns:
        (S, B, …): primary outputs, on the CPU. The ends are the outputs of the inputs themselves, up to
        rounding.

    Raises:
        ConceptError: there is no such factor.
        EditError: fewer than 2 steps, inputs of different numbers or sizes, or factors in the representation.
    """
    translator = translator_of(interpreter)
    if space not in ("code", "representation"):
        raise EditError(f"Expected space='code' or space='representation', found {space!r}.")
    if not isinstance(steps, int) or steps < 2:
        raise EditError(f"Expected at least 2 steps, both ends counted, found {steps!r}. Type steps=9.")
    if isinstance(factors, str):
        raise EditError(f"Expected a list of factors, found {factors!r}. Type factors=[{factors!r}].")
    if factors is not None and space == "representation":
        raise EditError("Factors live in the code alone. Type space='code', or leave factors out.")
    with translator.backbone.session():
        ends = matched(translator.whole(first), translator.whole(second))
        return line_outputs(*ends, steps=steps, space=space, factors=factors)


def matched(first: Batch, second: Batch) -> tuple[Batch, Batch]:
    """Both ends of the lines: a single second end is repeated for all first ends.

    Raises:
        EditError: other numbers of ends, or of other sizes.
    """
    if len(second.codes) == 1:
        second = second.take(torch.zeros(len(first.codes), dtype=torch.long))
    if first.z.shape != second.z.shape:
        raise EditError(
            f"Expected a second end for each of {len(first.z)} first inputs, of the same size, found "
            f"representations {tuple(first.z.shape)} and {tuple(second.z.shape)}."
        )
    return first, second


def line_outputs(
    first: Batch,
    second: Batch,
    *,
    steps: int,
    space: Space = "code",
    factors: Sequence[str] | None = None,
) -> Tensor:
    """Primary outputs (S, B, ...) on the lines between two batches."""
    found = []
    for share in torch.linspace(0, 1, steps, dtype=torch.float64).tolist():
        if space == "representation":
            z = torch.lerp(first.z, second.z, share)
        else:
            z = _between(first, second, share, factors)
        found.append(primary(first.outputs_at(z)).detach().cpu())
    return torch.stack(found)


def _between(first: Batch, second: Batch, share: float, factors: Sequence[str] | None) -> Tensor:
    """The representation of the code at a share of the way."""
    translator, codes = first.translator, torch.lerp(first.codes, second.codes, share)
    if factors is None:
        return translator.representation(codes, _carried(first.carried, second.carried, share), first.z)
    moved = first
    for name in factors:
        factor = translator.factors[name]
        moved = moved.with_factor(factor, codes[..., factor.slice])
    return moved.representation()


def _carried(first: Carried, second: Carried, share: float) -> Carried:
    """What the layout carries along, at the same share of the way."""
    rest = None if first.rest is None or second.rest is None else torch.lerp(first.rest, second.rest, share)
    mean = None if first.mean is None or second.mean is None else torch.lerp(first.mean, second.mean, share)
    return dataclasses.replace(first, rest=rest, mean=mean)
