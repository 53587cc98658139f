"""Distances of images: of their pixels, of their structure, and of what a network makes of them.

All take two batches (B, C, H, W) and give (B,), are 0 for equal images, follow the images' device and precision, and
let gradients through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpret_inn.errors import InputError, suggest

Distance = Callable[[Tensor, Tensor], Tensor]
"""From two batches of images (B, C, H, W) to (B,)."""

_UNDER_ROOTS = 1e-12
"""Added under roots, whose slope at 0 is infinite; far under the squared step of 8 bits (1.5e-5)."""
_COARSEST = 4
"""Pixels along the shorter side of the coarsest scale, at least: fewer show no shape."""
_WINDOW, _SIGMA = 11, 1.5
"""Width of the window of structural similarity and its standard deviation, in pixels: the published ones."""
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the scales of structural similarity, the finest first: the published ones."""
_STABLE = (0.01, 0.03)
"""K1 and K2 of structural similarity, which keep its quotients finite: the published ones."""


def pixel_distance(first: Tensor, second: Tensor) -> Tensor:
    """Root of the mean squared difference of pixels, (B,), in the images' own units."""
    return _root((first - second).square().flatten(1).mean(1))


def multi_scale_pixels(first: Tensor, second: Tensor) -> Tensor:
    """Root of the mean squared difference of pixels, mean over scales, (B,), in the images' own units.

    Images are halved until their shorter side has less than 8 pixels. The distance of fine pixels stops growing once a
    thing has moved by its own width; the distance of coarse pixels goes on.
    """
    _require_images(first, second)
    difference, squared = first - second, []
    while True:
        squared.append(difference.square().flatten(1).mean(1))
        if min(difference.shape[2:]) < 2 * _COARSEST:
            return _root(torch.stack(squared).mean(0))
        difference = functional.avg_pool2d(difference, 2)


def _root(squared: Tensor) -> Tensor:
    """A root whose slope at 0 is finite, and that is 0 there."""
    return (squared + _UNDER_ROOTS).sqrt() - math.sqrt(_UNDER_ROOTS)


def ms_ssim_distance(first: Tensor, second: Tensor, *, span: float = 1.0) -> Tensor:
    """1 less the multi-scale structural similarity, (B,), in [0, 1].

    Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment" (2003): a Gaussian
    window of 11 pixels, five scales with their weights; of images under 176 pixels as many scales as have room for the
    window, their weights scaled to 1.

    Args:
        first: (B, C, H, W), at least 11 pixels each way.
        second: The same.
        span: From the darkest value possible to the brightest.

    Raises:
        InputError: smaller images, or two that differ in shape.
    """
    _require_images(first, second)
    shorter = min(first.shape[2:])
    if shorter < _WINDOW:
        raise InputError(
            f"Expected images of at least {_WINDOW} pixels each way for structural similarity, found "
            f"{tuple(first.shape[2:])}. Take multi_scale_pixels."
        )
    count = min(len(_SCALES), 1 + int(math.log2(shorter / _WINDOW)))
    weights = torch.tensor(_SCALES[:count]).to(first)
    weights = weights / weights.sum()
    found = torch.ones(len(first)).to(first)
    for scale, weight in enumerate(weights):
        similarity, contrast = _ssim(first, second, span)
        last = scale == count - 1
        found = found * (similarity if last else contrast).clamp_min(_UNDER_ROOTS) ** weight
        first, second = functional.avg_pool2d(first, 2), functional.avg_pool2d(second, 2)
    return 1 - found


def _ssim(first: Tensor, second: Tensor, span: float) -> tuple[Tensor, Tensor]:
    """Structural similarity, and its part without brightness, (B,) each."""
    places = torch.arange(_WINDOW).to(first) - _WINDOW // 2
    line = torch.exp(-0.5 * (places / _SIGMA) ** 2)
    window = torch.outer(line, line) / line.sum() ** 2
    channels = first.shape[1]
    kernel = window.expand(channels, 1, _WINDOW, _WINDOW)

    def mean(images: Tensor) -> Tensor:
        return functional.conv2d(images, kernel, groups=channels)

    one, other = mean(first), mean(second)
    spread = mean(first * first) - one**2, mean(second * second) - other**2
    common = mean(first * second) - one * other
    low, high = ((constant * span) ** 2 for constant in _STABLE)
    contrast = (2 * common + high) / (spread[0] + spread[1] + high)
    light = (2 * one * other + low) / (one**2 + other**2 + low)
    return (light * contrast).flatten(1).mean(1), contrast.flatten(1).mean(1)


class FeatureDistance:
    """How differently a network sees two images: its features, layer by layer.

    The formula of LPIPS (Zhang, Isola, Efros, Shechtman and Wang, "The unreasonable effectiveness of deep features as a
    perceptual metric", 2018): features of unit length at every place, their squared difference, mean over places, sum
    over layers. The network runs in evaluation mode, and its training flags are put back.

    Args:
        network: Any module that takes images.
        layers: Paths of modules whose outputs are maps (B, C, h, w).
        prepare: Called with the images first, to take off a mean, say; None: they are taken unchanged.
        weights: For each layer the weights of its channels, (C,), as LPIPS has learnt them; None: all channels alike,
            each 1.

    Raises:
        InputError: no layers, or one that the network does not have.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        >>> images = torch.zeros(2, 3, 8, 8)
        >>> FeatureDistance(network, ["1"])(images, images).tolist()
        [0.0, 0.0]
    """

    def __init__(
        self,
        network: nn.Module,
        layers: Sequence[str],
        *,
        prepare: Callable[[Tensor], Tensor] | None = None,
        weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        known = [path for path, _ in network.named_modules() if path]
        if isinstance(layers, str) or not layers:
            raise InputError(f"Expected the paths of one layer or several, found {layers!r}.")
        for path in layers:
            if path not in known:
                raise InputError(f"The network has no layer {path!r}. {suggest(path, known)}")
        for path in weights or ():
            if path not in layers:
                raise InputError(f"Expected weights of the layers {list(layers)}, found some of {path!r}.")
        self.network, self.layers = network, tuple(layers)
        self._prepare, self._weights = prepare, dict(weights or {})

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Distances (B,) of images (B, C, H, W)."""
        _require_images(first, second)
        seen = self._features(torch.cat([first, second]))
        total = first.new_zeros(len(first))
        for path in self.layers:
            one, other = seen[path].chunk(2)
            squared = (_unit(one) - _unit(other)).square()
            if path in self._weights:
                squared = squared * self._weights[path].to(squared).view(1, -1, 1, 1)
            total = total + squared.sum(1).flatten(1).mean(1)
        return total

    def _features(self, images: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}

        def keep(path: str) -> Callable[[nn.Module, object, Tensor], None]:
            # a copy: what follows may overwrite it in place
            return lambda _module, _given, made: found.__setitem__(
                path, made.clone() if isinstance(made, Tensor) else made
            )

        flags = [(module, module.training) for module in self.network.modules()]
        handles = [self.network.get_submodule(path).register_forward_hook(keep(path)) for path in self.layers]
        try:
            for module, _ in flags:
                module.training = False
            self.network(images if self._prepare is None else self._prepare(images))
        finally:
            for handle in handles:
                handle.remove()
            for module, flag in flags:
                module.training = flag
        for path in self.layers:
            made = found.get(path)
            if not isinstance(made, Tensor) or made.ndim != 4:
                what = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
                raise InputError(f"Expected the layer {path!r} to give maps (B, C, h, w), found {what}.")
        return found


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True) + _UNDER_ROOTS).sqrt()


def _require_images(first: Tensor, second: Tensor) -> None:
    if first.ndim != 4 or first.shape != second.shape:
        raise InputError(
            f"Expected two batches of images of one shape (B, C, H, W), found {tuple(first.shape)} and "
            f"{tuple(second.shape)}."
        )
