"""The style of a picture by fixed multi-scale filters: no network is needed.

Sub-bands of an image (scales, orientations, colours) get the distributions that they have in an example, again
and again: Heeger and Bergen, "Pyramid-based texture analysis/synthesis" (1995), begun from the image instead of
from noise. Portilla and Simoncelli (2000) add correlations between sub-bands, which are left out here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_OPPONENT = torch.tensor(
    [[3**-0.5, 3**-0.5, 3**-0.5], [2**-0.5, 0.0, -(2**-0.5)], [6**-0.5, -2 * 6**-0.5, 6**-0.5]]
)
"""Light, red against blue, green against both: orthonormal, so that its transpose goes back."""
_ORIENTATIONS = 4  # of sub-bands: the masks of `_oriented` sum to 1 for four
_KNOTS = 65  # quantiles of a distribution
_SAMPLED = 4096  # pixels that they are taken from, about
_SMALLEST = 4  # pixels of the shorter side at the coarsest scale
_FLAT = 1e-9  # between two quantiles that are equal, so that nothing is divided by 0


class FilterStylizer:
    """Renders images in the style of examples by matching sub-bands.

    Args:
        steps: How often all sub-bands are matched.
        scales: Largest number of octaves; small images and examples have fewer.
    """

    def __init__(self, *, steps: int = 3, scales: int = 4) -> None:
        self.steps, self.scales = steps, scales

    def __call__(self, images: Tensor, examples: Tensor) -> Tensor:
        """Float (B, C, H, W) in the style of float (B, C, h, w), image by image; both in [0, 1], C is 1 or 3.

        A single example (1, C, h, w) counts for all images.
        """
        smallest = min(*images.shape[-2:], *examples.shape[-2:])
        scales = max(1, min(self.scales, int(math.log2(smallest / _SMALLEST))))
        found, wanted = to_opponent(images), to_opponent(examples)
        one_each = (len(images), -1, -1)
        targets = [quantiles(band).expand(one_each) for band in analyse(wanted, scales)]
        pixels = quantiles(wanted).expand(one_each)
        for _ in range(self.steps):
            bands = [matched(b, t) for b, t in zip(analyse(found, scales), targets, strict=True)]
            found = matched(synthesise(bands, scales, colours=found.shape[1]), pixels)
        return from_opponent(found).clamp(0, 1)


def to_opponent(images: Tensor) -> Tensor:
    """Colours (B, 3, H, W) as light and two opponents; grey (B, 1, H, W) stays."""
    return images if images.shape[1] == 1 else torch.einsum("oc,bchw->bohw", _OPPONENT.to(images), images)


def from_opponent(images: Tensor) -> Tensor:
    """Undoes `to_opponent`."""
    return images if images.shape[1] == 1 else torch.einsum("oc,bohw->bchw", _OPPONENT.to(images), images)


def analyse(images: Tensor, scales: int) -> list[Tensor]:
    """Sub-bands of images (B, C, H, W).

    For each scale the light's orientations (B, 4, h, w) and the other colours (B, C − 1, h, w) if there are any; last
    what is left at the coarsest scale (B, C, h, w).
    """
    bands = []
    for _ in range(scales):
        small = _shrunk(images)
        detail = images - _grown(small, images)
        bands.append(_oriented(detail[:, :1]))
        if images.shape[1] > 1:
            bands.append(detail[:, 1:])
        images = small
    return [*bands, images]


def synthesise(bands: list[Tensor], scales: int, *, colours: int) -> Tensor:
    """Images (B, C, H, W) from what `analyse` gave; exact if nothing was changed."""
    each = 1 if colours == 1 else 2
    images = bands[-1]
    for scale in reversed(range(scales)):
        light = bands[scale * each].sum(1, keepdim=True)
        detail = light if each == 1 else torch.cat((light, bands[scale * each + 1]), 1)
        images = _grown(images, detail) + detail
    return images


def quantiles(band: Tensor) -> Tensor:
    """65 quantiles of each channel's values, float (B, C, 65), from at most about 4,096 pixels."""
    flat = band.flatten(2)
    # a stride that is odd does not fall in step with rows of an even width
    stride = max(1, flat.shape[2] // _SAMPLED) | 1
    ordered = flat[..., ::stride].sort(-1).values
    places = torch.linspace(0, ordered.shape[-1] - 1, _KNOTS, device=band.device)
    low = places.floor().long().clamp_max(ordered.shape[-1] - 2)
    return torch.lerp(ordered[..., low], ordered[..., low + 1], places - low)


def matched(band: Tensor, target: Tensor) -> Tensor:
    """The band (B, C, H, W) with its values moved to the distribution (B, C, 65), their order kept."""
    own, flat = quantiles(band), band.flatten(2).contiguous()
    place = torch.searchsorted(own.contiguous(), flat).clamp(1, _KNOTS - 1)
    low, high = own.gather(2, place - 1), own.gather(2, place)
    share = ((flat - low) / (high - low).clamp_min(_FLAT)).clamp(0, 1)
    moved = torch.lerp(target.gather(2, place - 1), target.gather(2, place), share)
    return moved.reshape(band.shape)


def _shrunk(images: Tensor) -> Tensor:
    """Half the size, after a small blur."""
    return functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 2)


def _grown(small: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(small, like.shape[-2:], mode="bilinear", align_corners=False)


def _oriented(detail: Tensor) -> Tensor:
    """Four orientations (B, 4, h, w) that sum to the detail (B, 1, h, w)."""
    height, width = detail.shape[-2:]
    y = torch.fft.fftfreq(height, device=detail.device)[:, None]
    x = torch.fft.rfftfreq(width, device=detail.device)[None]
    angle = torch.atan2(y, x)
    centres = torch.arange(_ORIENTATIONS, device=detail.device)[:, None, None] * math.pi / _ORIENTATIONS
    # Σ_o cos⁴(θ − o π/4) = 3/2 for four orientations
    masks = (angle - centres).cos().pow(4) / 1.5
    masks[:, 0, 0] = 1 / _ORIENTATIONS
    oriented: Tensor = torch.fft.irfft2(torch.fft.rfft2(detail) * masks, s=(height, width))
    return oriented
