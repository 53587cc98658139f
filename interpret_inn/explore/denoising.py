"""Takes the noise floor out of samples again."""

from __future__ import annotations

import torch
from torch import Tensor

from interpret_inn.translating.codec import placed
from interpret_inn.translating.fitted import Fitted

_AT_ONCE = 1024
_STRIDE = 2.0  # one variance of the noise is Tweedie's estimate; two come as far in half as many steps


@torch.no_grad()
def denoised(fitted: Fitted, codes: Tensor, *, steps: int) -> Tensor:
    """Codes (n, D) after some steps up the density that the flow was fitted to.

    A flow is fitted to representations with noise, so that its samples have noise, too; and being continuous, it also
    leaves some of them between the clusters of the data. The mean of what a noisy `y` was before is
    `y + σ² ∇ log p(y)` (Tweedie's formula; Robbins 1956, Efron 2011). Each step moves the whitened representation twice
    as far, but by no more than one standard deviation of the noise on average over its axes. Few steps make samples
    cleaner; many make them all alike.

    Args:
        fitted: The flow, with its noise floor.
        codes: float (n, D).
        steps: How many; 0 leaves the codes as they are.

    Returns:
        float (n, D); axes that are not in the blocks stay.
    """
    network = fitted.network
    axes = network.shape.leading
    noise = (network.whitening.noise * network.whitening.scales[:axes]).to(codes)
    found = []
    for part in codes.split(_AT_ONCE):
        white = network.blocks.inverse(part[:, :axes])[0]
        for _ in range(steps):
            change = _STRIDE * noise.square() * _slope(fitted, white)
            length = (change / noise).square().mean(1, keepdim=True).sqrt()
            change = change / length.clamp_min(1.0)
            white = white + torch.where(change.isfinite().all(1, keepdim=True), change, 0.0)
        found.append(placed(part, slice(0, axes), network.blocks(white)[0]) if steps else part)
    return torch.cat(found)


def _slope(fitted: Fitted, white: Tensor) -> Tensor:
    """`∇ log p` by the whitened leading axes, float (n, d)."""
    with torch.enable_grad():
        place = white.detach().requires_grad_()
        codes, log_det = fitted.network.blocks(place)
        found: Tensor = torch.autograd.grad((log_det - codes.square().sum(1) / 2).sum(), place)[0]
    return found
