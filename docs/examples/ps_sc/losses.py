"""What the networks are trained by."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def stepped(latents: Tensor, eps: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """c' = c + p e_k: a step along one latent of each row.

    Args:
        latents: c, (B, K).
        eps: The step is p ~ eps · N(0, 2²), as in the published code.
        generator: Draws k, uniform over the K latents, and p.

    Returns:
        c', (B, K), and k, int64 (B,).
    """
    count, width = latents.shape
    which = torch.randint(width, (count,), generator=generator)
    step = 2 * eps * torch.randn(count, generator=generator)
    return latents + step[:, None] * functional.one_hot(which, width), which


def perceptual_simplicity(
    latents: Tensor, moved: Tensor, which: Tensor, seen: Tensor, seen_moved: Tensor
) -> Tensor:
    """Perceptual simplicity of a step along latent k, mean over rows (Zhu, Xu and Tao 2021, section 3.2).

    Half the sum over latents of (ĉ_k − c_k)² + (ĉ'_k − c'_k)² for the one that was stepped along, and of
    2 ((ĉ_i + ĉ'_i) / 2 − c_i)² for the others: of these only the mean of both images has to be right.

    Args:
        latents: c, (B, K).
        moved: c', (B, K), which differs from c at k.
        which: k, int64 (B,).
        seen: ĉ, what the recognizer reads in the image of c, (B, K).
        seen_moved: ĉ', what it reads in the image of c', (B, K).
    """
    both = (seen - latents).square() + (seen_moved - moved).square()
    mean = 2 * ((seen + seen_moved) / 2 - latents).square()
    chosen = functional.one_hot(which, latents.shape[1]).bool()
    return torch.where(chosen, both, mean).sum(1).mean() / 2


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Logistic loss of logits (B, 1) of drawn and of generated images."""
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Non-saturating loss of logits (B, 1) of generated images."""
    return functional.softplus(-fake).mean()


def steepness(discriminator: nn.Module, real: Tensor) -> Tensor:
    """R1 (Mescheder, Geiger and Nowozin 2018): the squared gradient at drawn images (B, 1, H, W), mean over them."""
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()
