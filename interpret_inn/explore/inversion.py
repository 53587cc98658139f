"""Inversion of a generator: latents whose outputs come nearest to given images, by optimisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Generator, Tensor
from tqdm import tqdm

from interpret_inn.backbones import Backbone, primary
from interpret_inn.backbones.picture_forms import channels_first, single
from interpret_inn.errors import BackboneError, EditError, InputError, warn
from interpret_inn.types.numbers import TINY

_POOL = 1024
"""Latents that the model draws, among which starts are looked for; the search stays within their range."""
_AT_ONCE = 64  # images in one forward
_STEP = 0.1  # of Adam, in standard deviations of latents
_LEAST_SCALE = 1e-6  # of latents: latents that are all alike have no spread to move by
_SLACK = 0.02  # share of the range of outputs by which images may lie outside it
_SIGNED = -0.5  # if outputs go below this, images without a negative value are probably of another range


class HasBackbone(Protocol):
    """A wrapped model, fitted or not, as far as this room needs it."""

    @property
    def backbone(self) -> Backbone:
        """The frozen network and its site."""
        ...


@dataclass(frozen=True)
class Projection:
    """Latents whose outputs come nearest to given images.

    Attributes:
        latents: Inputs of the model, (B, ...): encode, edit and traverse these.
        outputs: Outputs of the model for them, (B, C, H, W), on the CPU.
        error: float (B,), the squared error of each output, as a share of that of the model's mean image: 0 is exact,
            1 no better than the mean image.
    """

    latents: Tensor = field(repr=False)
    outputs: Tensor = field(repr=False)
    error: Tensor


def project(
    interpreter: HasBackbone, images: Any, *, steps: int = 300, starts: int = 4, seed: int = 0
) -> Projection:
    """Finds latents of a generator whose outputs come nearest to real images.

    The model draws 1,024 latents. The `starts` whose outputs lie nearest to an image move along the gradient of the
    squared error (Adam, with a step that falls to 0) within the range of the draws; the best one is given. Nothing of
    the model is changed. Look at `error` before you believe edits: they know nothing of what is not in `outputs`.

    Args:
        interpreter: With a generator; it need not be fitted.
        images: `B` images of the size of the model's outputs: pictures (uint8 arrays, PIL images), which are
            scaled to the model's range, or a float tensor (B, C, H, W) in that range.
        steps: Steps of each start.
        starts: Starts for each image.
        seed: Of the draws.

    Raises:
        BackboneError: the model has no latents of its own, or lets no gradient through.
        EditError: no step, or no start.
        InputError: images of another size, or out of range.
    """
    backbone = interpreter.backbone
    for name, value in (("steps", steps), ("starts", starts)):
        if not isinstance(value, int) or value < 1:
            raise EditError(f"Expected {name} to be at least 1, found {value!r}.")
    with torch.inference_mode(False), backbone.session(gradients=True):
        pool = _draw_pool(backbone, seed)
        targets = _targets(backbone, images, pool)
        nearest = _nearest(targets, pool.outputs, min(starts, len(pool.latents)))
        found = []
        with tqdm(total=len(targets), desc="project", disable=None, leave=False) as bar:
            for chunk in torch.arange(len(targets)).split(max(1, _AT_ONCE // starts)):
                found.append(_search(backbone, targets[chunk], pool, nearest[chunk], steps=steps))
                bar.update(len(chunk))
    latents, outputs, error = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Projection(latents, outputs, error)


class _Pool(NamedTuple):
    """Latents (N, ...) that the model draws itself, and its outputs for them (N, C, H, W)."""

    latents: Tensor
    outputs: Tensor


def _draw_pool(backbone: Backbone, seed: int) -> _Pool:
    if backbone.sample_inputs is None:
        raise BackboneError(
            f"{backbone.name} has no latents to look for: expected a generator. Type wrap(model, "
            "backbone='generator'); an autoencoder's codes come from interpreter.encode(images)."
        )
    with torch.no_grad():
        drawn = backbone.prepare(backbone.sample_inputs(_POOL, Generator().manual_seed(seed)))
        outputs = torch.cat([primary(backbone.outputs(part)).float() for part in drawn.split(_AT_ONCE)])
    if outputs.ndim != 4:
        raise BackboneError(
            f"Expected a model that gives images (B, C, H, W), found outputs {tuple(outputs.shape)}."
        )
    return _Pool(drawn.detach(), outputs)


def _targets(backbone: Backbone, images: Any, pool: _Pool) -> Tensor:
    """Images as the model would give them, float (B, C, H, W) on its device."""
    channels, *size = pool.outputs.shape[1:]
    known = backbone.value_range
    low, high = known or (float(pool.outputs.min()), float(pool.outputs.max()))
    if isinstance(images, Tensor) and images.is_floating_point():
        found = images.detach().float()
        if found.ndim == 4 and found.numel():
            _refuse_other_range(found, low, high)
    else:
        if known is None:
            warn(
                f"The range of {backbone.name}'s outputs is not known; pictures are scaled to that of {_POOL:,} "
                f"of its own, {low:.2f} to {high:.2f}. Type wrap(…, value_range=(−1, 1)) if you know better."
            )
        found = _read(images, channels) * (high - low) + low
    if found.ndim != 4 or tuple(found.shape[1:]) != (channels, *size) or not len(found):
        raise InputError(
            f"Expected images of the size of the model's outputs, (B, {channels}, {size[0]}, {size[1]}), "
            f"found {tuple(found.shape)}. Resize them first."
        )
    return found.detach().to(pool.outputs.device)


def _read(images: Any, channels: int) -> Tensor:
    """Pictures as float (B, C, H, W) in [0, 1]."""
    if isinstance(images, Sequence):
        wanted = channels if channels in (1, 3) else None
        arrays = [single(item, channels=wanted, index=place) for place, item in enumerate(images)]
        if len({array.shape for array in arrays}) > 1:
            raise InputError("Expected images of one size, found several. Resize them first.")
        images = np.stack(arrays) if arrays else np.zeros((0, 1, 1, channels), np.uint8)
        if not len(images):
            raise InputError("Expected at least one image, found none.")
    return channels_first(images, channels=channels)


def _refuse_other_range(images: Tensor, low: float, high: float) -> None:
    """Refuses images outside the range of outputs, and warns if they seem to be of a range from 0 on."""
    slack = _SLACK * (high - low)
    least, most = float(images.min()), float(images.max())
    if not (low - slack <= least and most <= high + slack):
        raise InputError(
            f"Expected images in the range of the model's outputs, {low:.2f} to {high:.2f}, found {least:.2f} to "
            f"{most:.2f}. Pass pictures (uint8), which are scaled."
        )
    if low < _SIGNED and least >= 0 and len(images) > 1:
        warn(
            f"The model's outputs lie in {low:.2f} to {high:.2f} and these images in {least:.2f} to {most:.2f}: "
            "they are taken as they are. Pass pictures (uint8), which are scaled."
        )


def _nearest(targets: Tensor, outputs: Tensor, count: int) -> Tensor:
    """Places of the `count` outputs nearest to each target, int64 (B, count)."""
    return torch.cdist(targets.flatten(1), outputs.flatten(1)).topk(count, largest=False).indices


def _search(
    backbone: Backbone, targets: Tensor, pool: _Pool, nearest: Tensor, *, steps: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Latents, outputs and errors of the best start of each target."""
    count = nearest.shape[1]
    wanted = targets.repeat_interleave(count, 0)
    low, high = pool.latents.amin(0), pool.latents.amax(0)
    with torch.enable_grad():
        latents = pool.latents[nearest.flatten()].clone().requires_grad_()
        optimiser = torch.optim.Adam([latents], lr=_STEP)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        scale = pool.latents.std().clamp_min(_LEAST_SCALE)
        best = torch.full((len(latents),), torch.inf, device=latents.device)
        kept = latents.detach().clone()
        for step in range(steps + 1):
            loss = _squared_error(backbone, latents, wanted)
            better = loss.detach() < best
            best = torch.where(better, loss.detach(), best)
            kept[better] = latents.detach()[better]
            if step == steps:
                break
            # the gradient for latents alone: those of the model's own parameters stay as they are
            (latents.grad,) = torch.autograd.grad(loss.sum(), [latents])
            before = latents.detach().clone()
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                latents.copy_((before + (latents - before) * scale).clamp(low, high))
    chosen = best.view(-1, count).argmin(1) + torch.arange(len(targets), device=best.device) * count
    with torch.no_grad():
        outputs = primary(backbone.outputs(kept[chosen])).float()
        about = (targets - pool.outputs.mean(0)).flatten(1).square().sum(1).clamp_min(TINY)
        error = (targets - outputs).flatten(1).square().sum(1) / about
    return kept[chosen].cpu(), outputs.cpu(), error.cpu()


def _squared_error(backbone: Backbone, latents: Tensor, wanted: Tensor) -> Tensor:
    """Squared error of each output, (B,).

    Raises:
        BackboneError: the model cuts gradients.
    """
    outputs = primary(backbone.outputs(latents))
    if not outputs.requires_grad:
        raise BackboneError(
            f"{backbone.name} lets no gradient from its outputs to its inputs (torch.no_grad within it, say), so "
            "latents cannot be looked for."
        )
    return (outputs.float() - wanted).flatten(1).square().sum(1)
