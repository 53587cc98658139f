"""The three networks: a generator whose latents act inside masks, a discriminator and a recognizer.

Zhu, Xu and Tao, "Where and What? Examining Interpretable Disentangled Representations" (CVPR 2021), section 3.1:
each latent c_i restyles a feature map Γ inside a mask Π that is joined from rectangles,
Γ' = Γ ⊙ (1 − Π) + AdaIN(Γ, c_i) ⊙ Π.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = 32
"""Pixels along a side of the images."""
_SLOPE = 0.2
_TINY = 1e-5  # a channel that is the same everywhere has no spread
_SHARPNESS = 1.5
"""How steeply a rectangle's logits fall off around its edges at the start."""
_GAIN = 0.1
"""How much a mask depends on the features at the start."""


def cumax(logits: Tensor, *, exclusive: bool = False) -> Tensor:
    """The cumulative sum of a softmax over the last dimension, (..., n) in [0, 1].

    Args:
        logits: (..., n).
        exclusive: Each place leaves itself out: the first gets 0, and no place gets 1.
    """
    share = logits.softmax(-1)
    total = share.cumsum(-1)
    return ((total - share) if exclusive else total).clamp(0, 1)  # rounding may lead out by 1e-7


def interval(starts: Tensor, ends: Tensor) -> Tensor:
    """Soft interval g = cumax(v₁) ⊙ (1 − cumax(v₂)), (..., n) in [0, 1].

    As published, cumax(v₂) is 1 at the last place, which therefore lies outside every interval. With the exclusive sum
    v₂ are the logits of the last place *inside*, and every place can be reached.

    Args:
        starts: Logits of the first place inside, v₁, (..., n).
        ends: Logits of the last place inside, v₂, (..., n).
    """
    return cumax(starts) * (1 - cumax(ends, exclusive=True))


class Rectangles(nn.Module):
    """Reads a mask from pooled features: the mean of J soft rectangles.

    Args:
        channels: C of the feature maps.
        side: Their height and width, n.
        count: J.
    """

    def __init__(self, channels: int, side: int, count: int = 4) -> None:
        super().__init__()
        self.side, self.count = side, count
        self.read = nn.Linear(channels, count * 4 * side)
        with torch.no_grad():
            self.read.weight.mul_(_GAIN)
            self.read.bias.copy_(self._started().flatten())

    def _started(self) -> Tensor:
        """Logits (J, 4, n) of rectangles that begin in the first half of a side and end in the second.

        With logits near 0, g would peak at a quarter and π at a sixteenth: hardly any latent could act at first.
        """
        half = self.side // 2
        begin = torch.randint(half, (self.count, 2, 1))
        end = half + torch.randint(self.side - half, (self.count, 2, 1))
        edges = torch.stack([begin, end], 2).flatten(1, 2)  # start and end along the height, then the width
        return -_SHARPNESS * (torch.arange(self.side) - edges).abs().float()

    def forward(self, features: Tensor) -> Tensor:
        """Masks (B, 1, n, n) in [0, 1] of features (B, C, n, n)."""
        logits = self.read(features.mean((2, 3))).unflatten(1, (self.count, 4, self.side))
        down = interval(logits[:, :, 0], logits[:, :, 1])
        across = interval(logits[:, :, 2], logits[:, :, 3])
        return (down[..., :, None] * across[..., None, :]).mean(1, keepdim=True)


class Style(nn.Module):
    """AdaIN: every channel is normalised over its places, then scaled and shifted as one latent says.

    Args:
        channels: C of the feature maps.
        hidden: Width of the network from the latent to scales and shifts.
    """

    def __init__(self, channels: int, hidden: int = 32) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(1, hidden), nn.LeakyReLU(_SLOPE), nn.Linear(hidden, 2 * channels)
        )

    def forward(self, features: Tensor, latent: Tensor) -> Tensor:
        """Features (B, C, n, n) restyled by latents (B,)."""
        scale, shift = self.network(latent[:, None])[..., None, None].chunk(2, 1)
        centred = features - features.mean((2, 3), keepdim=True)
        spread = centred.square().mean((2, 3), keepdim=True)
        return centred * ((spread + _TINY).rsqrt() * (1 + scale)) + shift


class Constriction(nn.Module):
    """One latent's place in the generator: it restyles the features inside its mask.

    Args:
        channels: C of the feature maps.
        side: Their height and width, n.
        rectangles: J.
    """

    def __init__(self, channels: int, side: int, rectangles: int = 4) -> None:
        super().__init__()
        self.mask = Rectangles(channels, side, rectangles)
        self.style = Style(channels)

    def forward(self, features: Tensor, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Γ' (B, C, n, n) and the mask Π (B, 1, n, n) of features Γ and latents (B,)."""
        mask = self.mask(features)
        return features * (1 - mask) + self.style(features, latent) * mask, mask


class Generator(nn.Module):
    """From latents (B, K) of N(0, I) to images (B, 1, 32, 32) in [0, 1].

    A learnt constant of 4 × 4 places is doubled to 8 and 16. At each size some latents act, one after the other, each
    followed by a convolution; the image is put together from four maps of 16 × 16.

    Args:
        latents: How many latents act at 4 × 4, at 8 × 8 and at 16 × 16; K is their sum.
        channels: C of these sizes.
        rectangles: J.
    """

    def __init__(
        self,
        latents: tuple[int, int, int] = (3, 2, 2),
        channels: tuple[int, int, int] = (64, 48, 24),
        rectangles: int = 4,
    ) -> None:
        super().__init__()
        self.latents = sum(latents)
        self.start = nn.Parameter(torch.randn(1, channels[0], 4, 4))
        self.grow, self.act, self.mix = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        stages = []
        for stage, width in enumerate(channels):
            self.grow.append(_convolution(channels[max(stage - 1, 0)], width))
            for _ in range(latents[stage]):
                self.act.append(Constriction(width, 4 * 2**stage, rectangles))
                self.mix.append(_convolution(width, width))
            stages += [stage] * latents[stage]
        self.stages = tuple(stages)
        self.paint = nn.Conv2d(channels[-1], 4, 3, padding=1)

    def forward(self, latents: Tensor) -> Tensor:
        """Images (B, 1, 32, 32) in [0, 1] of latents (B, K)."""
        return self.with_masks(latents)[0].clamp(0, 1)

    def with_masks(self, latents: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Images (B, 1, 32, 32) as they are painted, and each latent's mask (B, 1, n, n), in order.

        These images may leave [0, 1]. The training takes them: a clamp or a sigmoid has no slope where all is black,
        and a generator of black images would stay one.

        Raises:
            ValueError: latents of another width than K.
        """
        if latents.ndim != 2 or latents.shape[1] != self.latents:
            raise ValueError(f"Expected latents (B, {self.latents}), found {tuple(latents.shape)}.")
        features, masks = self.start.expand(len(latents), -1, -1, -1), []
        for stage, grow in enumerate(self.grow):
            if stage:
                features = functional.interpolate(features, scale_factor=2, mode="nearest")
            features = grow(features)
            for number, acts_at in enumerate(self.stages):
                if acts_at == stage:
                    features, mask = self.act[number](features, latents[:, number])
                    features = self.mix[number](features)
                    masks.append(mask)
        return functional.pixel_shuffle(self.paint(features), 2), masks


class _Reader(nn.Module):
    """Reads `outputs` numbers from images (B, 1, 32, 32), whose sides are halved three times."""

    def __init__(self, outputs: int, channels: tuple[int, ...] = (24, 48, 96)) -> None:
        super().__init__()
        # four neighbouring pixels as channels: the same view, at a quarter of the places
        layers: list[nn.Module] = [nn.PixelUnshuffle(2), _convolution(4, channels[0])]
        layers += [_convolution(before, after, 4, stride=2) for before, after in pairwise(channels)]
        side = SIZE // 2 ** len(channels)
        layers += [nn.Flatten(), nn.Linear(channels[-1] * side**2, outputs)]
        self.network = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        return self.network(2 * images - 1)


class Discriminator(_Reader):
    """Logits (B, 1) that images (B, 1, 32, 32) in [0, 1] are drawn ones."""

    def __init__(self) -> None:
        super().__init__(1)


class Recognizer(_Reader):
    """Q: what the latents of images (B, 1, 32, 32) in [0, 1] probably were, ĉ (B, K).

    Args:
        latents: K.
    """

    def __init__(self, latents: int) -> None:
        super().__init__(latents)


def _convolution(before: int, after: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the strength of the signal, and a leaky ReLU.

    With torch's own first weights signals shrink from layer to layer, and the discriminator is slow to begin.
    """
    layer = nn.Conv2d(before, after, size, stride, padding=1)
    nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
    nn.init.zeros_(layer.bias)
    return nn.Sequential(layer, nn.LeakyReLU(_SLOPE))
