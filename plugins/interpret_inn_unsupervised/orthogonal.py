"""Orthogonal matrices: the nearest one, the one that rotates to given axes, and which way axes point."""

from __future__ import annotations

import torch
from torch import Tensor


def nearest_orthogonal(matrix: Tensor) -> Tensor:
    """The orthonormal columns nearest to the columns of a matrix (d, m), m ≤ d (orthogonal Procrustes problem)."""
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    nearest: Tensor = left @ right
    return nearest


def rotation_to(axes: Tensor, span: Tensor) -> Tensor:
    """Rotates axes to given ones, in their order; exactly if all are free, else as near as can be.

    Args:
        axes: float64 (d, d), orthonormal columns.
        span: float (d, m), orthonormal columns: the axes that are free to be rotated.

    Returns:
        An orthogonal matrix, float64 (m, m).
    """
    return nearest_orthogonal(span.cpu().double().T @ axes[:, : span.shape[1]])


def pointing_one_way(axes: Tensor) -> Tensor:
    """Columns (d, m), each turned around if its largest entry is negative: an eigenvector may point either way."""
    largest = axes.abs().argmax(0)
    turned: Tensor = axes * axes.gather(0, largest[None]).sign()
    return turned
