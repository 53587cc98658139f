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

from interpret_inn.localizing import soft_intervals

Combine = Literal["union", "mean"]

_SHARPNESS = 1.5
"""How steeply logits fall off around an edge at the start: it is spread over about two places."""
_RATE = 0.1  # of Adam, on logits
_WOBBLE = 0.1  # of logits at the start, so that rectangles that begin as the same can part
_PRICES = (0.0, 0.15, 0.3, 0.6)
"""What area costs at the start, between its weight (0) and the highest change (1)."""
_ROUNDS = 1  # how often each rectangle is put anew beside the others
_LEAST = 0.005
"""A rectangle that adds less of the change than this, beyond what its area costs, is left out."""


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
        start = left.flatten(1).gather(1, place[:, None])[:, 0]
        found = torch.stack([torch.full_like(place, top), top + place // width, start, right], 1)
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

    Rectangles start at the best hard ones (`best_rectangles`), so that no random start decides; then all edges are
    fitted together (Adam), and the best masks on the way are kept.

    Args:
        change: Squared change, float (N, H, W), none of it negative; a map without any gets an empty mask.
        rectangles: J, the number in a mask at most.
        combine: See `joined`.
        area_weight: λ: a place is worth covering if its change exceeds λ times the map's mean.
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
    down, across = soft_intervals(logits[0], logits[1]), soft_intervals(logits[2], logits[3])
    return joined(down[..., :, None] * across[..., None, :], combine)


def _started(share: Tensor, count: int, combine: Combine, area_weight: float, seed: int) -> list[Tensor]:
    """Logits whose rectangles are the best hard ones that were found."""
    edges = best_rectangles(share * share[0].numel(), count, area_weight)
    if combine == "mean":  # which holds most where all of them lie on each other
        edges = edges[:, :1].expand(-1, count, -1)
    generator = torch.Generator().manual_seed(seed)
    logits = []
    for side in range(4):
        places = torch.arange(share.shape[1 if side < 2 else 2])
        fall = -_SHARPNESS * (places - edges[..., side, None]).abs().float()
        wobble = _WOBBLE * torch.randn(fall.shape[1:], generator=generator)
        logits.append((fall + wobble).requires_grad_())
    return logits


def best_rectangles(density: Tensor, count: int, area_weight: float) -> Tensor:
    """Hard rectangles whose union is worth most: the sum inside of density less the weight of area.

    One after the other, the best for what the others leave; and then each once more. If area is cheap, the first may
    cover several places with all that lies between them, and stay there. So the search also begins at what is best if
    area costs more, and the best end is taken.

    Args:
        density: float (N, H, W), 1 on average.
        count: How many rectangles, J.
        area_weight: What a place costs.

    Returns:
        First row, last row, first and last column of each, int64 (N, J, 4), those worth most first. A rectangle that
        is not needed ends before it begins.
    """
    gain = density - area_weight
    best = torch.full_like(gain[:, 0, 0], -torch.inf)
    found = torch.zeros(len(gain), count, 4, dtype=torch.int64)
    for part in _PRICES:
        price = area_weight + part * (density.amax((1, 2), keepdim=True) - area_weight).clamp_min(0)
        edges = _one_by_one(density - price, _none(gain, count))
        for _ in range(_ROUNDS):
            edges = _one_by_one(gain, edges)
        covered = torch.stack([_inside(edges[:, j], gain) for j in range(count)]).any(0)
        worth = (gain * covered).sum((1, 2))
        better = worth > best
        best, found = torch.where(better, worth, best), torch.where(better[:, None, None], edges, found)
    each = torch.stack([(gain * _inside(found[:, j], gain)).sum((1, 2)) for j in range(count)], 1)
    return found.gather(1, each.argsort(dim=1, descending=True, stable=True)[..., None].expand_as(found))


def _one_by_one(gain: Tensor, edges: Tensor) -> Tensor:
    """Each of the rectangles (N, J, 4) put where it is worth most beside the others."""
    edges = edges.clone()
    none = _none(gain, 1)[:, 0]
    inside = [_inside(edges[:, j], gain) for j in range(edges.shape[1])]
    for j in range(edges.shape[1]):
        others = [one for place, one in enumerate(inside) if place != j]
        left = gain.masked_fill(torch.stack(others).any(0), 0.0) if others else gain
        where, worth = best_rectangle(left)
        enough = worth > _LEAST * gain[0].numel()
        edges[:, j] = torch.where(enough[:, None], where, none)
        inside[j] = _inside(edges[:, j], gain)
    return edges


def _none(like: Tensor, count: int) -> Tensor:
    """Rectangles that hold nothing, int64 (N, count, 4): they end at the first place and begin at the last."""
    height, width = like.shape[1:]
    return torch.tensor([height - 1, 0, width - 1, 0]).expand(len(like), count, 4)


def _inside(where: Tensor, like: Tensor) -> Tensor:
    """Places inside rectangles (N, 4), bool (N, H, W)."""
    rows, columns = torch.arange(like.shape[1]), torch.arange(like.shape[2])
    down = (rows >= where[:, :1]) & (rows <= where[:, 1:2])
    across = (columns >= where[:, 2:3]) & (columns <= where[:, 3:])
    return down[:, :, None] & across[:, None, :]
