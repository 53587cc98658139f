"""The shapes of masks: maps and soft intervals made to masks, and masks drawn over pictures."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from interpret_inn.errors import LocalizerError
from interpret_inn.types import Picture
from interpret_inn.types.numbers import BoolArray

_GREY = 0.12  # share of white that is added to dimmed parts, so that black stays apart from a dark page
_INSIDE = 0.5  # a mask's border is drawn where it passes this value
_OUTLINE = np.array([255, 60, 0], np.float32)


def fit_size(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (B, 1, h, w) resized to (H, W), the size of the image; the centres of cells keep their places.

    Interpolation is bilinear; maps that become smaller are averaged.
    """
    return torch.nn.functional.interpolate(
        maps, size, mode="bilinear", align_corners=False, antialias=maps.shape[-1] > size[-1]
    )


def heat_to_masks(heat: Tensor) -> Tensor:
    """Heat (B, 1, H, W) as masks in [0, 1]: negative values become 0, the largest value of each image 1.

    Values that are not finite count as 0. Heat that is nowhere positive gives an empty mask.
    """
    heat = torch.nan_to_num(heat, nan=0.0, posinf=0.0, neginf=0.0).clamp_min(0)
    return heat / heat.amax((1, 2, 3), keepdim=True).clamp_min(torch.finfo(heat.dtype).tiny)


def overlay(picture: Picture, mask: Tensor, *, dimmed: float = 0.25) -> Picture:
    """A picture that is unchanged where the mask is 1 and dark grey where it is 0, with a line at one half.

    Args:
        picture: uint8 (H, W, 3).
        mask: float (H, W) or (1, H, W) in [0, 1].
        dimmed: Brightness of the rest, 0 to 1.

    Raises:
        LocalizerError: the mask is not of the picture's size.
    """
    flat = mask.detach().float().cpu().reshape(mask.shape[-2:]).numpy()
    if flat.shape != picture.shape[:2]:
        raise LocalizerError(
            f"Expected a mask of the picture's size {picture.shape[:2]}, found {flat.shape}. "
            "Resize one of them: interpret_inn.localizing.fit_size(masks, size)."
        )
    image = picture.astype(np.float32)
    grey = image.mean(2, keepdims=True) * dimmed + 255 * _GREY
    shown = flat[..., None] * image + (1 - flat[..., None]) * grey
    shown[_edge(flat > _INSIDE)] = _OUTLINE
    result: Picture = shown.round().clip(max=255).astype(np.uint8)
    return result


def _edge(inside: BoolArray) -> BoolArray:
    """Pixels inside that touch the outside, on all four sides; the image's own border is no edge."""
    padded = np.pad(inside, 1, mode="edge")
    surrounded = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(inside & ~surrounded)


def soft_intervals(starts: Tensor, ends: Tensor) -> Tensor:
    """Soft intervals g = cumax(v₁) ⊙ (1 − cumax′(v₂)), where cumax′ leaves out the place itself.

    cumax = cumsum ∘ softmax: Zhu, Xu and Tao, "Where and What? Examining Interpretable Disentangled Representations"
    (2021), section 3.1. As published, 1 − cumax(v₂) is 0 at the last place, so that no interval reaches it; here the
    cumulative sum of v₂ leaves the place itself out.

    Args:
        starts: Logits of the first place inside, v₁, float (..., n).
        ends: Logits of the last place inside, v₂, float (..., n).

    Returns:
        (..., n) in [0, 1].
    """
    begun = starts.softmax(-1).cumsum(-1)
    last = ends.softmax(-1)
    return begun.clamp_max(1) * (1 - (last.cumsum(-1) - last)).clamp_min(0)
