"""The pixels of a mask in the order in which they matter.

A region is found as a whole, and its cells are much coarser than what stands in them: its middle may well lie beside a
narrow object. What each pixel adds while the region fades in tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from interpret_inn.localizing import heat_to_masks
from interpret_inn_masks.smoothing import softened

FADES = (0.125, 0.375, 0.625, 0.875)
"""How far a mask has faded in where slopes are taken."""
_SMOOTH = 0.45  # the Gaussian over what pixels add, in cells
_FLATTEST, _HALVINGS = 0.01, 25


def added_by(value: Callable[[Tensor], Tensor], masks: Tensor) -> Tensor:
    """What each pixel of a mask adds to a value while the whole mask fades in.

    Integrated gradients (Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017) with the mask as
    the input and the empty one as the baseline: over pixels they sum to the value of the mask less that of the empty
    one, as far as four slopes tell.

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


def ranked(value: Callable[[Tensor], Tensor], masks: Tensor, areas: Tensor, cell: float) -> Tensor:
    """Masks of given areas (B,) whose pixels are as high as what they add, float (B, 1, H, W) in [0, 1].

    Args:
        value: As in `added_by`.
        masks: The regions, float (B, 1, H, W) in [0, 1]; one whose pixels add nothing keeps its middle highest.
        areas: Shares of the image that masks shall sum to, (B,).
        cell: Pixels along a cell: somewhat less is smoothed over, so that no pixel counts by itself.
    """
    added = added_by(value, masks).clamp_min(0)
    nothing = added.amax((1, 2, 3), keepdim=True) <= 0
    return with_areas(softened(torch.where(nothing, masks, added), _SMOOTH * cell), areas)


def with_areas(heat: Tensor, areas: Tensor) -> Tensor:
    """Masks (B, 1, H, W) in [0, 1] of given areas, in the order of their heat.

    Args:
        heat: Not negative, float (B, 1, H, W).
        areas: Shares of the image that masks shall sum to, (B,), in (0, 1).

    Returns:
        The heat over its own maximum, to the power at which it has the area.
    """
    masks = heat_to_masks(heat)
    low, high = torch.full_like(areas, _FLATTEST), torch.full_like(areas, 1 / _FLATTEST)
    for _ in range(_HALVINGS):
        middle = (low * high).sqrt()
        wide = (masks ** middle[:, None, None, None]).mean((1, 2, 3)) > areas
        low, high = torch.where(wide, middle, low), torch.where(wide, high, middle)
    return masks ** (low * high).sqrt()[:, None, None, None]
