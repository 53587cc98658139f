"""Conditional edits: what must move elsewhere so that a concept reads as it did before."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from interpret_inn.types import Factor
from interpret_inn.types.numbers import NEGLIGIBLE

_STEPS = 4
_MOST_READ_OUTS = 32
_CUT = 1e-4


def hold_probe(
    before: Tensor, after: Tensor, *, edited: Factor, weight: Tensor, decode: Callable[[Tensor], Tensor]
) -> Tensor:
    """The smallest move outside the edited factor that puts linear probes of the representation back.

    The probes `r = W z(z̃)` are linear in the representation and so not in the code: Gauss-Newton
    steps solve `r(after) = r(before)`, each the least squares step on the axes that are free to move. Codes
    have unit variance, so the smallest move is also the most likely one. The edited factor itself stays
    exactly as asked for.

    Args:
        before: Codes, float (n, d).
        after: Edited codes, float (n, d).
        edited: The factor that was edited, within the d axes.
        weight: float (C, d), the probes of all held concepts one below the other.
        decode: Differentiable; codes (n, d) to the representation that the probes read, (n, d).

    Returns:
        float (n, d).
    """
    weight = _independent(weight)
    if not len(weight):  # a concept that nothing can be read of cannot move
        return after.clone()
    wanted = decode(before) @ weight.T
    held = after.clone()
    for _ in range(_STEPS):
        reading, slopes = _linearise(held, weight, decode)
        slopes[:, :, edited.slice] = 0
        step = torch.linalg.pinv(slopes, rtol=_CUT) @ (wanted - reading)[:, :, None]
        step[:, edited.slice] = 0  # rounding leaves a little of it there
        held = held + step[:, :, 0]
    return held


def _independent(weight: Tensor) -> Tensor:
    """At most 32 orthonormal probes that span what can be moved: logits only count up to a constant."""
    _, values, rows = torch.linalg.svd(weight, full_matrices=False)
    kept = int((values > NEGLIGIBLE * values[0]).sum())
    independent: Tensor = rows[: min(kept, _MOST_READ_OUTS)]
    return independent


def _linearise(codes: Tensor, weight: Tensor, decode: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Probes (n, C) at codes (n, d), and their slopes (n, C, d)."""
    # a model may run in inference mode, whose tensors know no gradients
    with torch.inference_mode(False), torch.enable_grad():
        weight = weight.clone()
        moving = codes.detach().clone().requires_grad_()
        reading = decode(moving) @ weight.T
        slopes = [
            torch.autograd.grad(column.sum(), moving, retain_graph=True)[0] for column in reading.unbind(1)
        ]
    return reading.detach(), torch.stack(slopes, 1)
