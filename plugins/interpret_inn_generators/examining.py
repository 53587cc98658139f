"""What may be odd about an autoencoder, said in sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from interpret_inn.backbones import primary
from interpret_inn.types.numbers import TINY

from .ranges import FEW, RANDOM, guess_range, outside, shown

if TYPE_CHECKING:
    from interpret_inn.backbones import Backbone

_FEWEST = 4  # of fewer images a mean image says nothing
_ENCODED_TWICE = 8  # images that tell whether the encoder draws random numbers


def examiner(backbone: Backbone) -> Callable[[Tensor, Any], list[str]]:
    """A function that looks at prepared images (B, C, H, W) and their reconstructions."""

    def examine(prepared: Tensor, outputs: Any) -> list[str]:
        images = primary(outputs).detach()
        with backbone.session():
            notes = _random_code(backbone, prepared)
        return [*notes, *_ranges(backbone, prepared, images), *_reconstruction(prepared, images)]

    return examine


def _random_code(backbone: Backbone, prepared: Tensor) -> list[str]:
    """The encoder is run twice: one that samples gives two codes."""
    encode = backbone.model.encode
    with torch.no_grad():
        first, second = (encode(prepared[:_ENCODED_TWICE]).float() for _ in range(2))  # type: ignore[operator]
    if not bool(first.isfinite().all()):  # said by the fit itself, by the names of the inputs
        return []
    spread = float(first.std()) if first.numel() > 1 else 0.0
    difference = float((first - second).square().mean().sqrt())
    if difference <= RANDOM * max(spread, TINY):
        return []
    return [
        f"The encoder draws random numbers: the same images gave codes that differ by {difference:.3g} (root mean "
        f"square; the codes' own spread is {spread:.3g}). Type wrap(..., code=...) to take the mean instead of a "
        "sample; else each sample is used as it was drawn first."
    ]


def _ranges(backbone: Backbone, prepared: Tensor, images: Tensor) -> list[str]:
    """A sentence if the decoder's images have another range than the encoder's."""
    expected = backbone.value_range or guess_range(prepared)
    if expected is None or outside(images, expected) <= FEW:
        return []
    low, high = shown(images)
    channels = images.shape[1] if images.ndim == 4 else 1
    half = "(" + "0.5, " * channels + ")"
    cure = (
        f"If it was trained on images from −1 to 1, type wrap(..., preprocess=dict(mean={half}, std={half}))."
        if guess_range(images) == (-1.0, 1.0)
        else "Type wrap(..., preprocess=...) with what it was trained with, or value_range=(low, high)."
    )
    return [
        f"The decoder gives values from {low:.3g} to {high:.3g}, while images are expected from "
        f"{expected[0]:.3g} to {expected[1]:.3g}. {cure}"
    ]


def _reconstruction(prepared: Tensor, images: Tensor) -> list[str]:
    """A sentence if the images that come out are not those that went in."""
    if images.shape != prepared.shape:
        return [
            f"The decoder gives images of shape {tuple(images.shape[1:])}, while the encoder took "
            f"{tuple(prepared.shape[1:])}: how well they agree is not known."
        ]
    if len(prepared) < _FEWEST:
        return []
    truth, found = prepared.cpu().double(), images.cpu().double()  # some devices have no float64
    if not bool(found.isfinite().all()):
        return []
    left = float((found - truth).square().mean() / (truth - truth.mean(0)).square().mean().clamp_min(TINY))
    if left < 1:
        return []
    return [
        f"Images come back from the autoencoder no better than their mean would (R² {1 - left:.2f} over "
        f"{len(prepared)} images): the encoder may not match the decoder, or images are prepared otherwise than "
        "in training (preprocess=)."
    ]
