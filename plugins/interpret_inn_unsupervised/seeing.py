"""What sources without labels ask of the model that they watch: images, and its own coordinates."""

from __future__ import annotations

import torch
from torch import Tensor

from interpret_inn.errors import ConceptError
from interpret_inn.types import AxesView

WIDEST = 4096
"""Axes of a representation that are all taken if there are no more."""


def require_images(outputs: Tensor) -> None:
    """Raises ConceptError where outputs are no images (B, C, H, W)."""
    if outputs.ndim != 4:
        raise ConceptError(
            f"Expected a model that makes images, (B, C, H, W), found outputs {tuple(outputs.shape)}. Wrap a generator "
            "or an autoencoder, or take the concept source 'unsupervised'."
        )


def own_axes(view: AxesView) -> Tensor:
    """The representation's own coordinates, as they are: raw latents.

    Args:
        view: The model as a function of the whitened axes.

    Returns:
        float64 (d, d), orthonormal columns: the d coordinates that the axes hold most of. Whitening turns the
        coordinates and scales them a little; the nearest orthogonal matrix undoes the turn.

    Raises:
        ConceptError: more than 4,096 coordinates.
    """
    width = view.width
    if width > WIDEST:
        raise ConceptError(
            f"Expected a representation of at most {WIDEST} coordinates for method='latents', found {width}. Choose "
            "the latents as the site, or another method."
        )
    seen = view.seen(torch.eye(width)).double().cpu()
    kept = seen.norm(dim=1).argsort(descending=True, stable=True)[: view.axes].sort().values
    return nearest_orthogonal(seen[kept].T)


def nearest_orthogonal(matrix: Tensor) -> Tensor:
    """The orthonormal columns nearest to those of a matrix (d, m), m ≤ d."""
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    nearest: Tensor = left @ right
    return nearest
