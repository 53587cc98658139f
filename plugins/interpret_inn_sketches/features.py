"""The style of a picture by what the first layers of a network make of it, reached by gradient steps.

`gram`: correlations of channels (Gatys, Ecker and Bethge, "Image style transfer using convolutional neural
networks", 2016). `moments`: mean and standard deviation of each channel (Huang and Belongie, "Arbitrary style
transfer in real-time with adaptive instance normalization", 2017; Li et al., "Demystifying neural style transfer",
2017, for reaching them by gradients).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from interpret_inn.backbones import Address, Attachment, Backbone
from interpret_inn.errors import ConceptError, suggest
from interpret_inn_sketches.filters import from_opponent, matched, quantiles, to_opponent

_LAYERS = 3  # the first convolutions, which are looked at if no layers are named
_STILL = 1e-6  # variance of maps that do not vary, so that its root has a slope
_EMPTY = 1e-8  # squared size of statistics that are 0, so that nothing is divided by 0


class FeatureStylizer:
    """Renders images in the style of examples by the statistics of a network's first layers.

    The network is run in eval mode and given back as found.

    Args:
        network: A module that takes pictures in [0, 1]; or a `Backbone` or `Interpreter`, whose mean and
            standard deviation are then applied.
        layers: Addresses of maps in it, in the order in which they run; None: its first three convolutions.
        gram: Compare correlations of channels, not their means and standard deviations alone.
        steps: Gradient steps (Adam).
        rate: Length of a step, in [0, 1] of the range of pixels.
        content: Weight of what the image was, at the deepest layer, against the style.
    """

    def __init__(
        self,
        network: Any,
        *,
        layers: Sequence[str] | None = None,
        gram: bool = True,
        steps: int = 15,
        rate: float = 0.05,
        content: float = 0.05,
    ) -> None:
        found = getattr(network, "backbone", network)
        if not isinstance(found, (Backbone, nn.Module)):
            raise ConceptError(
                f"Expected a network (torch.nn.Module, Backbone or Interpreter), found {type(found).__name__}. "
                'Type network=interpreter, or stylizer="filters", which needs none.'
            )
        model = found.model if isinstance(found, Backbone) else found
        self.model: nn.Module = model
        self._backbone = Backbone(model, ".:in", preprocess="identity")
        own = (
            found.preprocess if isinstance(found, Backbone) and found.preprocess.mode == "pictures" else None
        )
        self._mean = own.mean if own and own.mean else (0.0,)
        self._std = own.std if own and own.std else (1.0,)
        self._channels = _channels(model)
        self.layers = first_layers(model) if layers is None else tuple(layers)
        self.gram, self.steps, self.rate, self.content = gram, steps, rate, content

    def fingerprint(self) -> str:
        """A digest of the network's weights and all settings."""
        numbers = (self.gram, self.steps, self.rate, self.content, self._mean, self._std)
        return f"{self._backbone.fingerprint()} {self.layers} {numbers}"

    def __call__(self, images: Tensor, examples: Tensor) -> Tensor:
        """Float (B, C, H, W) in the style of float (B, C, h, w), image by image; both in [0, 1]."""
        with torch.inference_mode(False), self._backbone.session(gradients=True):
            images, examples = images.clone(), examples.clone()  # may have been made in inference mode
            with torch.no_grad():
                targets = [self._statistics(maps) for maps in self._maps(examples)]
                kept = self._maps(images)[-1]
                # colours need no gradients, and would take many steps
                colours = matched(to_opponent(images), quantiles(to_opponent(examples)))
            found = from_opponent(colours).clamp(0, 1).requires_grad_()
            optimiser = torch.optim.Adam([found], lr=self.rate)
            for _ in range(self.steps):
                maps = self._maps(found)
                loss = self.content * _distance(maps[-1], kept)
                for one, target in zip(maps, targets, strict=True):
                    loss = loss + _distance(self._statistics(one), target)
                (found.grad,) = torch.autograd.grad(loss.sum(), found)
                optimiser.step()
                with torch.no_grad():
                    found.clamp_(0, 1)
            return found.detach()

    def _prepared(self, images: Tensor) -> Tensor:
        if images.shape[1] == 1 and self._channels == 3:
            images = images.expand(-1, 3, -1, -1)
        if images.shape[1] == 3 and self._channels == 1:
            images = images.mean(1, keepdim=True)
        mean, std = (images.new_tensor(values)[:, None, None] for values in (self._mean, self._std))
        return self._backbone.prepare((images - mean) / std)

    def _maps(self, images: Tensor) -> list[Tensor]:
        """The pixels themselves, then what each layer carries, (B, c, h, w), the deepest last."""
        prepared = self._prepared(images)
        with ExitStack() as stack:
            last = len(self.layers) - 1
            attached = [
                stack.enter_context(Attachment(self.model, layer, stop=at == last))
                for at, layer in enumerate(self.layers)
            ]
            self.model(prepared)
        maps = [site.captured for site in attached]
        wrong = [(layer, tuple(m.shape)) for layer, m in zip(self.layers, maps, strict=True) if m.ndim != 4]
        if wrong:
            raise ConceptError(
                f"Expected layers that carry maps (B, C, H, W), found {wrong[0][1]} at {wrong[0][0]!r}. "
                "Type layers=[…] with early convolutions."
            )
        return [images, *maps]

    def _statistics(self, maps: Tensor) -> Tensor:
        """(B, k): the Gram matrix of the channels, or their means and standard deviations."""
        rows = maps.flatten(2)
        if self.gram:
            # with a constant channel beside them, the matrix holds the channels' means, too
            rows = torch.cat((rows, torch.ones_like(rows[:, :1])), 1)
            return (rows @ rows.transpose(1, 2) / rows.shape[2]).flatten(1)
        spread = (rows.var(2, correction=0) + _STILL).sqrt()
        return torch.cat((rows.mean(2), spread), 1)


def first_layers(model: nn.Module) -> tuple[str, ...]:
    """The first three convolutions.

    Raises:
        ConceptError: the network has none.
    """
    found = [path for path, module in model.named_modules() if isinstance(module, nn.Conv2d)][:_LAYERS]
    if not found:
        raise ConceptError(
            "The network has no convolutions whose maps could tell a style. Type layers=[…], or "
            'stylizer="filters", which needs no network.'
        )
    return tuple(found)


def checked_layers(model: nn.Module, layers: Sequence[str]) -> None:
    """Refuses layers that there are not.

    Raises:
        ConceptError: an unknown layer, or none.
    """
    known = [name for name, _ in model.named_modules() if name]
    if not layers:
        raise ConceptError("Expected at least one layer, found none. Leave layers= out to have them chosen.")
    for layer in layers:
        if Address.parse(layer).path not in known:
            raise ConceptError(f"The network has no layer {layer!r}. {suggest(layer, known)}")


def _distance(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance of each image's values, as a share of those wanted, (B,)."""
    difference = (found - wanted).flatten(1).square().sum(1)
    return difference / wanted.flatten(1).square().sum(1).clamp_min(_EMPTY)


def _channels(model: nn.Module) -> int | None:
    """Channels of the images that the network takes; None if it has no convolution that tells."""
    first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    return None if first is None else first.in_channels
