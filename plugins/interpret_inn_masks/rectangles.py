"""Masks of a few soft rectangles, and how they are fitted to maps.

Zhu, Xu and Tao, "Where and What? Examining Interpretable Disentangled Representations" (2021), section 3.1: with
cumax = cumsum ∘ softmax, g = cumax(v₁) ⊙ (1 − cumax(v₂)) is an interval along one side of the image, and
π = g_height ⊗ g_width a rectangle; a mask joins J of them. As published, 1 − cumax(v₂) is 0 at the last place, so
that no rectangle reaches the last row or column; here the cumulative sum of v₂ leaves the place itself out.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Combine = Literal["union", "mean"]

_SHARPNESS = 1.5
"""How steeply logits fall off around an edge at the start: it is spread over about two places."""
_RATE = 0.1
_WOBBLE = 0.1


def intervals(starts: Tensor, ends: Tensor) -> Tensor:
    """Soft intervals g = cumax(v₁) ⊙ (1 − cumax′(v₂)), where cumax′ leaves out the place itself.

    Args:
        starts: Logits of the first place inside, v₁, float (..., n).
        ends: Logits of the last place inside, v₂, float (..., n).

    Returns:
        (..., n) in [0, 1].
    """
    begun = starts.softmax(-1).cumsum(-1)
    last = ends.softmax(-1)
    return begun.clamp_max(1) * (1 - (last.cumsum(-1) - last)).clamp(0, 1)


def joined(rectangles: Tensor, combine: Combine = "union") -> Tensor:
    """Rectangles (..., J, H, W) as one mask (..., H, W).

    Args:
        rectangles: In [0, 1].
        combine: "mean", as published, reaches 1 only where all J lie on each other; "union",
            1 − Π (1 − π), is inside wherever one of them is.
    """
    return rectangles.mean(-3) if combine == "mean" else 1 - (1 - rectangles).prod(-3)


def best_rectangle(gain: Tensor) -> tuple[Tensor, Tensor]:
    """The rectangle of largest sum in each map: the best pair of columns (Kadane's scan) for every pair of rows.

    Args:
        gain: float (N, H, W), what each place is worth, negative where it costs.

    Returns:
        First row, last row, first column and last column, int64 (N, 4); and the sums, (N,).
    """
    count, height, width = gain.shape
    rows = torch.nn.functional.pad(gain.cumsum(1), (0, 0, 1, 0))  # sum of all rows above
    best = gain.new_full((count,), -torch.inf)
    where = torch.zeros(count, 4, dtype=torch.int64)
    for top in range(height):
        columns = rows[:, top + 1 :] - rows[:, top : top + 1]
        sums = torch.nn.functional.pad(columns.cumsum(2), (1, 0))
        least, left = sums[..., :-1].cummin(2)
        value, place = (sums[..., 1:] - least).flatten(1).max(1)
        right = place % width
        found = torch.stack(
            [torch.full_like(place, top), top + place // width, left.flatten(1).gather(1, place[:, None])[:, 0], right], 1
        )  # fmt: skip
        better = value > best
        best = torch.where(better, value, best)
        where = torch.where(better[:, None], found, where)
    return where, best


def fit_rectangles(
    change: Tensor, *, rectangles: int, combine: Combine, area_weight: float, steps: int, seed: int = 0
) -> Tensor:
    """Masks that hold most of the change in little area.

    What is minimised for each map, with the shares e of the change at each place (their sum is 1):
    Σ (1 − M) e + area_weight · mean(M). The first term is the share of the change that lies outside; for hard masks it
    is the error of x′ = x (1 − M) + x_changed M, an image that is changed inside the mask only. For soft masks that
    error is Σ (1 − M)² e, which leaves edges and whole regions half inside. It is used for "mean" only, where without
    the square every rectangle would be fitted by itself, and all of them would become the same.

    Rectangles start one after the other at the best hard one for what is not yet covered, so that no random start
    decides; then all edges are fitted together (Adam), and the best masks on the way are kept.

    Args:
        change: Squared change, float (N, H, W), none of it negative; a map without any gets an empty mask.
        rectangles: J, at most so many in a mask.
        combine: See `joined`.
        area_weight: λ: a place is worth covering where its change exceeds λ times the map's mean.
        steps: Of Adam. 0 leaves the rectangles as they start.
        seed: Of the small differences between rectangles that start as the same.

    Returns:
        float (N, H, W) in [0, 1].
    """
    total = change.sum((1, 2), keepdim=True)
    share = change / torch.where(total > 0, total, torch.ones_like(total))
    with torch.inference_mode(False), torch.enable_grad():
        share = share.detach().clone()
        logits = _started(share, rectangles, combine, area_weight, seed)
        optimizer = torch.optim.Adam(logits, lr=_RATE)
        best = share.new_full((len(share),), torch.inf)
        kept = torch.zeros_like(share)
        for step in range(steps + 1):
            masks = _masks(logits, combine)
            lost = (1 - masks).square() if combine == "mean" else 1 - masks
            loss = (lost * share).sum((1, 2)) + area_weight * masks.mean((1, 2))
            better = loss.detach() < best
            best = torch.where(better, loss.detach(), best)
            kept = torch.where(better[:, None, None], masks.detach(), kept)
            if step < steps:
                gradients = torch.autograd.grad(loss.sum(), logits)
                for logit, gradient in zip(logits, gradients, strict=True):
                    logit.grad = gradient
                optimizer.step()
    return torch.where(total > 0, kept, torch.zeros_like(kept)).clamp(0, 1)


def _masks(logits: list[Tensor], combine: Combine) -> Tensor:
    """Masks (N, H, W) of the logits of first rows, last rows, first columns, last columns, each (N, J, ·)."""
    down, across = intervals(logits[0], logits[1]), intervals(logits[2], logits[3])
    return joined(down[..., :, None] * across[..., None, :], combine)


def _started(share: Tensor, count: int, combine: Combine, area_weight: float, seed: int) -> list[Tensor]:
    """Logits whose rectangles are the best hard ones, one after the other."""
    gain = share * share[0].numel() - area_weight
    found: list[Tensor] = []
    for _ in range(count):
        where, worth = best_rectangle(gain)
        # one that is worth nothing repeats the first, which changes no union
        where = torch.where((worth > 0)[:, None], where, found[0] if found else where)
        found.append(where)
        if combine == "union":
            gain = torch.where(_inside(where, gain), 0.0, gain)
    edges = torch.stack(found, 1)  # (N, J, 4)
    generator = torch.Generator().manual_seed(seed)
    logits = []
    for side in range(4):
        places = torch.arange(share.shape[1 if side < 2 else 2])
        fall = -_SHARPNESS * (places - edges[..., side, None]).abs().float()
        wobble = _WOBBLE * torch.randn(fall.shape[1:], generator=generator)
        logits.append((fall + wobble).requires_grad_())
    return logits


def _inside(where: Tensor, like: Tensor) -> Tensor:
    """Places inside rectangles (N, 4), bool (N, H, W)."""
    rows, columns = torch.arange(like.shape[1]), torch.arange(like.shape[2])
    down = (rows >= where[:, :1]) & (rows <= where[:, 1:2])
    across = (columns >= where[:, 2:3]) & (columns <= where[:, 3:])
    return down[:, :, None] & across[:, None, :]
