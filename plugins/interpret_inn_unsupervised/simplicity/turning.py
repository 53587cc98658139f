"""The rotation of a code whose axes are shortest together and change images in different ways."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from interpret_inn_unsupervised.orthogonal import nearest_orthogonal, pointing_one_way
from interpret_inn_unsupervised.simplicity.metric import lengths

_RATE = 0.05  # of Adam at first, on entries of the antisymmetric matrix; it falls to 0 as a cosine
_SMOOTH = 1e-3  # of the root mean square length: the root's slope at 0 is infinite
_FLAT = 1e-4  # of the mean size of G, below which a point says nothing of which changes are alike
_WIDE = 32  # with this many axes or more there is one start only: each step is slow
_STILL = 1e-30  # the size of a G that is 0, in float32, so that nothing is divided by 0


def simplest_rotation(metric: Tensor, *, orthogonality: float, starts: int, steps: int, seed: int) -> Tensor:
    """Minimises length and overlap over orthogonal R = [r_1 … r_d].

    Length is the mean over axes of E √(r_kᵀ G r_k), the traversal length per unit step, in units of its root mean
    square. For a G that is the same everywhere it is least at the eigenvectors (which SeFa and GANSpace find). Where
    G changes from point to point, axes win that act strongly in some images and hardly in others: the root
    rewards that. Overlap is E[Σ_{k≠l} (r_kᵀ G r_l)² / |G|²], how much alike the changes of two axes are, from 0
    to 1 (orthogonal Jacobian regularisation, Wei et al. 2021). The sum has local minima, so that the search (Adam
    on the exponential of an antisymmetric matrix) begins at the eigenvectors of the mean of G and at random rotations,
    and the best end is taken.

    Args:
        metric: float64 (n, d, d), from `pullback_metric`.
        orthogonality: Weight of the overlap beside the length.
        starts: How many.
        steps: Of each search.
        seed: Of the random rotations.

    Returns:
        float64 (d, d), axes as columns, the longest first, each pointing so that its largest entry is positive. Where
        nothing changes the images, the identity.
    """
    mean = metric.mean(0)
    scale = float(mean.diagonal().mean())
    if not scale > 0:
        return torch.eye(len(mean), dtype=torch.float64)
    scaled = (metric / scale).float()
    generator = Generator().manual_seed(seed)
    begun = [torch.linalg.eigh(mean).eigenvectors.flip(1)]
    for _ in range(starts - 1 if len(mean) < _WIDE else 0):
        drawn = torch.randn(mean.shape, generator=generator, dtype=torch.float64)
        begun.append(torch.linalg.qr(drawn).Q)
    with torch.inference_mode(False), torch.enable_grad():
        ends = [_descended(scaled.clone(), start.float(), steps, orthogonality) for start in begun]
    axes = min(ends, key=lambda end: end[1])[0].double()
    # rounding over hundreds of products leaves the orthogonal matrices a little
    return _ordered(nearest_orthogonal(axes), metric)


def _descended(metric: Tensor, start: Tensor, steps: int, orthogonality: float) -> tuple[Tensor, float]:
    """The end of one search, (d, d), and its loss."""
    skew = torch.zeros_like(start).requires_grad_()
    optimizer = torch.optim.Adam([skew], lr=_RATE)
    best, kept = math.inf, start
    for step in tqdm(range(steps), desc="rotation", unit="step", disable=None, leave=False):
        optimizer.param_groups[0]["lr"] = _RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
        axes = start @ torch.matrix_exp(skew - skew.T)
        loss = simplicity_loss(axes.mT @ metric @ axes, orthogonality=orthogonality)
        if float(loss.detach()) < best:
            best, kept = float(loss.detach()), axes.detach()
        (skew.grad,) = torch.autograd.grad(loss, skew)
        optimizer.step()
    return kept, best


def simplicity_loss(metric: Tensor, *, orthogonality: float) -> Tensor:
    """Length and overlap of the axes in which a metric (n, d, d) stands; see `simplest_rotation`.

    The metric's diagonal is to be 1 on average for lengths to be in units of their root mean square.
    """
    squared = metric.diagonal(dim1=1, dim2=2)
    length = (squared.clamp_min(0) + _SMOOTH**2).sqrt().mean()
    size = metric.square().sum((1, 2))
    overlap = (
        (size - squared.square().sum(1)) / (size + _FLAT * size.detach().mean()).clamp_min(_STILL)
    ).mean()
    found: Tensor = length + orthogonality * overlap
    return found


def _ordered(axes: Tensor, metric: Tensor) -> Tensor:
    """Axes (d, d) sorted by their mean length, pointing one way."""
    order = lengths(metric, axes).mean(0).argsort(descending=True, stable=True)
    return pointing_one_way(axes[:, order])
