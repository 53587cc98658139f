"""How long a small step of the code is in the image: the generator's pullback metric, point by point.

With φ an embedding in which distances of images are Euclidean, a step v at a point z moves the image by
|J v| = √(vᵀ G v), G = JᵀJ, J = ∂φ(images)/∂z. Once G is known at some points, lengths along *any* axes there cost
a small matrix product, and no further image. Summed over the axes of a code and averaged over the points that is akin
to the traversal perceptual length (Zhu, Xu and Tao 2021, section 4.3), of small steps where the data are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from interpret_inn.errors import ConceptError
from interpret_inn.types import AxesView
from interpret_inn_unsupervised.watching import require_images

Embed = Callable[[Tensor], Tensor]
"""From images (B, C, H, W) to vectors (B, F) whose Euclidean distances are the distances of the images."""

STEP = 0.15
"""Of the finite differences, in standard deviations: long enough to look over the kinks of a network."""
_AT_ONCE = 128  # images in one forward
_LEAST = 4  # pixels of the shorter side of the coarsest scale


def multi_scale(images: Tensor) -> Tensor:
    """Images (B, C, H, W) at every scale, one after the other, (B, F).

    The Euclidean distance of two of them is `metrics.traversals.multi_scale_pixels` of the images.
    """
    found = []
    while True:
        found.append(images.flatten(1) / images[0].numel() ** 0.5)
        if min(images.shape[2:]) < 2 * _LEAST:
            every: Tensor = torch.cat(found, 1) / len(found) ** 0.5
            return every
        images = functional.avg_pool2d(images, 2)


@torch.no_grad()
def pullback_metric(
    view: AxesView, white: Tensor, rest: Tensor, embed: Embed, *, frame: Tensor | None = None
) -> Tensor:
    """G = JᵀJ at some points, by central differences: 2 d images for each.

    Differences to one side would give every column of J at another point. The error of finite steps is largest along
    the axes of the steps, and hides weak directions that lie across these. So steps are best taken along axes that
    may mean something, such as the representation's own.

    Args:
        view: The model as a function of the whitened axes.
        white: Leading axes of the points, float (n, d).
        rest: All others, float (n, D − d).
        embed: See `Embed`.
        frame: Directions of the steps, orthonormal columns, float (d, d); None: the whitened axes.

    Returns:
        float64 (n, d, d), in squared units of the embedding, along the whitened axes.

    Raises:
        ConceptError: outputs that are no images, or not finite.
    """
    count, axes = white.shape
    columns = (torch.eye(axes) if frame is None else frame).to(white)
    steps = STEP * torch.cat([-columns.T, columns.T])
    together = max(1, _AT_ONCE // (2 * axes))
    found = []
    bar = tqdm(total=count, desc="metric of the images", unit="point", disable=None, leave=False)
    with bar:
        for part, others in zip(white.split(together), rest.split(together), strict=True):
            moved = (part[:, None] + steps).flatten(0, 1)
            # to the CPU, as some devices have no float64
            seen = _embedded(view, moved, others.repeat_interleave(2 * axes, 0), embed).cpu()
            before, after = seen.unflatten(0, (len(part), 2, axes)).double().unbind(1)
            # slopes along the frame's axes (rows), brought back to the whitened axes
            slopes = columns.cpu().double() @ ((after - before) / (2 * STEP))
            found.append(slopes @ slopes.mT)
            bar.update(len(part))
    metric = torch.cat(found)
    if not bool(metric.isfinite().all()):
        raise ConceptError(
            "Expected finite images from the model, found NaN or infinity. Look at its images."
        )
    return metric


def _embedded(view: AxesView, white: Tensor, rest: Tensor, embed: Embed) -> Tensor:
    """Embedded images of points, (B, F)."""
    found = []
    for part, others in zip(white.split(_AT_ONCE), rest.split(_AT_ONCE), strict=True):
        images = view.outputs(part, others)
        require_images(images)
        vectors = embed(images.float())
        if not isinstance(vectors, Tensor) or vectors.ndim != 2 or len(vectors) != len(images):
            what = tuple(vectors.shape) if isinstance(vectors, Tensor) else type(vectors).__name__
            raise ConceptError(
                f"Expected the function in embed= to give vectors ({len(images)}, F) of {len(images)} images, "
                f"found {what}. Flatten what it gives."
            )
        found.append(vectors)
    return torch.cat(found)


def lengths(metric: Tensor, axes: Tensor) -> Tensor:
    """Length of a unit step along each axis at each point: √(rᵀ G r).

    Args:
        metric: float (n, d, d).
        axes: float (d, k), as columns.

    Returns:
        float (n, k).
    """
    squared = torch.einsum("nde,dk,ek->nk", metric, axes, axes)
    return squared.clamp_min(0).sqrt()
