"""What makes a factor simple, as pure functions: recognized in two images, and acting in one place.

Zhu, Xu and Tao, "Where and What? Examining Interpretable Disentangled Representations" (2021), sections 3.1 and 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpret_inn.localizing import soft_intervals
from interpret_inn.types.numbers import TINY

_GAIN = 50.0  # of logits by parameters, so that edges move at the learning rate of a flow
_EDGE = 9.0  # logits at the border at first: masks cover nearly all
_WOBBLE = 0.1  # of logits at first, so that rectangles that begin as the same can part
GRID = 16
"""Rows and columns of the maps that masks are fitted on."""


def perceptual_simplicity(
    found: Tensor, found_after: Tensor, codes: Tensor, codes_after: Tensor, which: Tensor
) -> Tensor:
    """How badly a recognizer reads the code before and after a step along one factor.

    Of the stepped factor k both predictions have to be right, (ĉ_k − c_k)² + (ĉ′_k − c′_k)²; of all others only their
    mean, 2 ((ĉ_i + ĉ′_i) / 2 − c_i)²: the recognizer may read them differently before and after. The loss is half the
    sum over all factors.

    Args:
        found: What was read before the step, float (B, K).
        found_after: After it.
        codes: What it was, float (B, K).
        codes_after: After it; differs from `codes` in the stepped factor alone.
        which: The stepped factor of each, int64 (B,).

    Returns:
        float (B,).
    """
    both = (found - codes).square() + (found_after - codes_after).square()
    mean = 2 * ((found + found_after) / 2 - codes).square()
    stepped = functional.one_hot(which, codes.shape[1]).bool()
    return torch.where(stepped, both, mean).sum(1) / 2


class SoftMasks(nn.Module):
    """A mask for each factor: the mean of J soft rectangles of learnt edges (spatial constriction).

    At the start they cover nearly all of the image.

    Args:
        factors: K.
        rectangles: J.
        generator: Draws small differences between the rectangles, which else would all stay the same.
    """

    def __init__(self, factors: int, rectangles: int, generator: torch.Generator) -> None:
        super().__init__()
        wobble = _WOBBLE * torch.randn(4, factors, rectangles, GRID, generator=generator)
        # first row, last row, first column, last column: begun at the border
        slope = torch.linspace(_EDGE, -_EDGE, GRID)
        begun = wobble + torch.stack([slope, -slope, slope, -slope])[:, None, None]
        self.edges = nn.Parameter(begun / _GAIN)

    def forward(self) -> Tensor:
        """Masks, float (K, GRID, GRID) in [0, 1]."""
        top, bottom, left, right = _GAIN * self.edges
        rows, columns = soft_intervals(top, bottom), soft_intervals(left, right)
        return (rows[..., :, None] * columns[..., None, :]).mean(1)


def constriction(change: Tensor, masks: Tensor, *, area_weight: float) -> Tensor:
    """Share of each change that lies outside its mask, and what the mask's area costs.

    Args:
        change: Squared change of each image, float (B, h, w).
        masks: The mask of the stepped factor of each, float (B, GRID, GRID).
        area_weight: What covering the whole image costs.

    Returns:
        float (B,), between 0 and 1 + area_weight. The area alone if nothing changes.
    """
    placed = functional.adaptive_avg_pool2d(change[:, None], GRID)[:, 0]
    share = placed / placed.sum((1, 2), keepdim=True).clamp_min(TINY)
    return ((1 - masks) * share).sum((1, 2)) + area_weight * masks.mean((1, 2))
