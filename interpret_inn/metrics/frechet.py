"""How far generated images are from real ones: the Fréchet distance of their features (FID)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from interpret_inn.backbones import as_found
from interpret_inn.backbones.state import device_and_dtype
from interpret_inn.errors import InputError, warn

Features = Callable[[Tensor], Any]

_OVER = 1e-4
"""Rounding may take an image so far over its range; more of it would change the distance."""


@torch.no_grad()
def frechet_distance(real: Any, generated: Any, *, features: Features, batch_size: int = 64) -> float:
    """The Fréchet distance between Gaussians around the features of two sets of images.

    `|m − m'|² + tr(C + C' − 2 (C C')^½)` with means and covariances of the features (Heusel et al. 2017, FID), summed
    up in float64 by torchmetrics. Nothing is downloaded: the distance is one *of these features*, so that figures
    of other feature networks (the usual Inception among them) cannot be compared with it. It is biased upwards for
    few images: compare sets of one size.

    Args:
        real: Images (N, …), floats in [0, 1] or uint8, tensor or array.
        generated: Images (M, …), likewise; M need not be N.
        features: What looks at the images: a module or any callable, from float32 images (B, …) in [0, 1] to features
            (B, F). A module runs in eval mode and is given back as found.
        batch_size: Images at a time.

    Returns:
        The distance, at least 0, in squared units of the features; 0 for the same images.

    Raises:
        InputError: images of another form or range, features that are not finite numbers (B, F), or torchmetrics is
            not installed.

    Warns:
        InnWarning: fewer images than features.
    """
    metric_class = _metric_class()
    if not callable(features):
        raise InputError(
            f"Expected features to be a network or a function of images, found {type(features).__name__}. Type "
            "features=classifier.features, say."
        )
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InputError(f"Expected a batch_size of at least 1, found {batch_size!r}.")
    sets = {"real": _images(real, "real"), "generated": _images(generated, "generated")}
    one, other = (tuple(images.shape[1:]) for images in sets.values())
    if one != other:
        raise InputError(f"Expected real and generated images of one shape, found {one} and {other}.")
    found = {name: _features(images, features, batch_size) for name, images in sets.items()}
    width = found["real"].shape[1]
    few = min(len(values) for values in found.values())
    if few <= width:
        warn(
            f"{few} images tell too little of the spread of {width} features: the distance comes out too large. "
            f"Give more than {width} images, better ten times as many."
        )
    metric = metric_class(_Passing(width)).set_dtype(torch.float64)
    for name, values in found.items():
        metric.update(values, real=name == "real")
    return max(0.0, float(metric.compute()))


class _Passing(nn.Module):
    """Takes the place of torchmetrics' network: features are computed before, and pass through it."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, values: Tensor) -> Tensor:
        """The features (B, F) themselves."""
        return values


def _metric_class() -> Any:
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
    except ImportError as error:
        raise InputError(
            "The Fréchet distance is computed by torchmetrics, which is not installed. "
            "Type pip install 'interpret-inn[fid]'."
        ) from error
    return FrechetInceptionDistance


def _images(images: Any, name: str) -> Tensor:
    """Images as a tensor, checked."""
    try:
        found = torch.as_tensor(images)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"Expected {name} images as a tensor or an array (N, …), found {type(images).__name__}."
        ) from error
    if found.ndim < 2 or len(found) < 2:
        raise InputError(f"Expected at least 2 {name} images (N, …), found shape {tuple(found.shape)}.")
    if found.dtype == torch.uint8:
        return found
    if not found.is_floating_point():
        raise InputError(f"Expected {name} images of floats in [0, 1] or uint8, found {found.dtype}.")
    low, high = float(found.min()), float(found.max())
    if not (low >= -_OVER and high <= 1 + _OVER):
        raise InputError(
            f"Expected {name} images in [0, 1], found {low:.3g} to {high:.3g}. For images in [−1, 1] type "
            "(images + 1) / 2; for others clamp or scale them first."
        )
    return found


def _features(images: Tensor, features: Features, batch_size: int) -> Tensor:
    """Features of images, float64 (N, F), on the CPU."""
    module = features if isinstance(features, nn.Module) else None
    device = images.device if module is None else device_and_dtype(module)[0]
    found: list[Tensor] = []
    with nullcontext() if module is None else as_found(module):
        for batch in images.split(batch_size):
            pictures = batch.float() / 255 if batch.dtype == torch.uint8 else batch.float()
            values = features(pictures.to(device))
            if not isinstance(values, Tensor) or values.ndim != 2 or len(values) != len(batch):
                shown = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
                raise InputError(
                    f"Expected features ({len(batch)}, F) of {len(batch)} images, found {shown}. Maps need pooling: "
                    "type features=lambda images: network(images).mean((2, 3)), say."
                )
            if not bool(values.isfinite().all()):
                raise InputError("Expected finite features, found NaN or infinity. Check the images' range.")
            found.append(values.detach().cpu().double())
    return torch.cat(found)
