"""Conditional edits: the move of other factors that keeps a concept's probed value."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from interpret_inn.types import Factor
from interpret_inn.types.numbers import NEGLIGIBLE

_STEPS = 4
"""Gauss-Newton steps: four leave less than a twentieth of the change even on strongly curved flows."""
_MOST_PROBES = 32
"""Values that are held at most: each needs a gradient through the flow in every step."""
_CUT = 1e-4
"""Slopes with a smaller share of the largest singular value are not inverted: the move would leave the data."""


def hold_probe(
    before: Tensor, after: Tensor, *, edited: Factor, weight: Tensor, decode: Callable[[Tensor], Tensor]
) -> Tensor:
    """Edited codes after the smallest move outside the edited factor that restores the values of linear probes.

    The values `r = W z(z̃)` are linear in the representation and therefore not in the code: Gauss-Newton steps solve
    `r(after) = r(before)`, each the least squares step on the axes that are free to move. Codes have unit variance, so
    the smallest move is also the most likely one. The edited factor keeps exactly its new value. All positions of an
    input move alike, as they do in a redraw.

    Args:
        before: Codes, float (n, d), or (n, P, d) at positions.
        after: Edited codes, likewise.
        edited: The factor that was edited, within the d axes.
        weight: float (C, d), the weights of the probes of all held concepts, one below the other.
        decode: Differentiable, from codes to the representation that the probes read, (n, d).

    Returns:
        float, in the shape of `after`.
    """
    weight = _independent(weight)
    if not len(weight):  # a probe that predicts nothing holds nothing
        return after.clone()
    wanted = decode(before) @ weight.T
    held = after.clone()
    for _ in range(_STEPS):
        predicted, slopes = _linearise(held, weight, decode)
        slopes[:, :, edited.slice] = 0
        step = torch.linalg.pinv(slopes, rtol=_CUT) @ (wanted - predicted)[:, :, None]
        step[:, edited.slice] = 0  # rounding leaves a little of it there
        moved = step[:, :, 0]
        held = held + (moved if held.ndim == 2 else moved[:, None])
    return held


def _independent(weight: Tensor) -> Tensor:
    """Orthonormal weights of at most 32 probes that span the given ones, the strongest."""
    _, values, rows = torch.linalg.svd(weight, full_matrices=False)
    kept = int((values > NEGLIGIBLE * values[0]).sum())
    independent: Tensor = rows[: min(kept, _MOST_PROBES)]
    return independent


def _linearise(codes: Tensor, weight: Tensor, decode: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Probed values (n, C) at codes (n, d) or (n, P, d), and their slopes (n, C, d) for moves of all positions."""
    # a model may run in inference mode, whose tensors have no gradients
    with torch.inference_mode(False), torch.enable_grad():
        weight = weight.clone()
        moving = codes.detach().clone().requires_grad_()
        predicted = decode(moving) @ weight.T
        slopes = [
            torch.autograd.grad(column.sum(), moving, retain_graph=True)[0] for column in predicted.unbind(1)
        ]
    if codes.ndim == 3:
        slopes = [slope.sum(1) for slope in slopes]
    return predicted.detach(), torch.stack(slopes, 1)
