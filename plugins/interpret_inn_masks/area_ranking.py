"""The pixels of a mask in the order in which they matter.

A region is found as a whole, and its cells are much coarser than what stands in them: its middle may well lie beside a
narrow object. What each pixel adds while the region fades in tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from interpret_inn_masks.fills import softened

FADES = (0.125, 0.375, 0.625, 0.875)
"""How far a mask has faded in where slopes are taken."""
_SMOOTH = 0.45  # the Gaussian over what pixels add, in cells
_BORDER = 0.15  # width of a mask's border, in shares of its area


def added_by(value: Callable[[Tensor], Tensor], masks: Tensor) -> Tensor:
    """What each pixel of a mask adds to a value while the whole mask fades in.

    Integrated gradients (Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017) with the mask as
    the input and the empty one as the baseline: over pixels they sum to the value of the mask less the value of the
    empty one, as far as four slopes tell.

    Args:
        value: Of masks (B, 1, H, W), one for each, (B,), differentiable.
        masks: Float (B, 1, H, W) in [0, 1].

    Returns:
        Float (B, 1, H, W), of either sign.
    """
    added = torch.zeros_like(masks)
    for share in FADES:
        with torch.enable_grad():
            fading = (share * masks.detach()).requires_grad_()
            (slope,) = torch.autograd.grad(value(fading).sum(), fading)
        added += slope * masks / len(FADES)
    return added


def ranked(value: Callable[[Tensor], Tensor], masks: Tensor, cell: float) -> Tensor:
    """Heat (B, 1, H, W) that is as high as what pixels of the masks add, at least 0.

    Args:
        value: As in `added_by`.
        masks: The regions, float (B, 1, H, W) in [0, 1]; one whose pixels add nothing is highest in its middle.
        cell: Pixels along a cell: somewhat less is smoothed over, so that no pixel counts by itself.
    """
    added = added_by(value, masks).clamp_min(0)
    nothing = added.amax((1, 2, 3), keepdim=True) <= 0
    return softened(torch.where(nothing, masks, added), _SMOOTH * cell)


def with_area(heat: Tensor, area: float) -> Tensor:
    """Masks (B, 1, H, W) in [0, 1] of a given area, in the order of their heat, with a border that is soft.

    Args:
        heat: Not negative, float (B, 1, H, W).
        area: Share of the image that masks shall sum to, in (0, 1).
    """
    flat = heat.flatten(1)
    place = flat.argsort(dim=1, descending=True).argsort(dim=1).to(heat) / flat.shape[1]
    masks = ((area - place) / (_BORDER * area)).sigmoid()
    return torch.where(flat > 0, masks, 0.0).view_as(heat)
