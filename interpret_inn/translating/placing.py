"""The one place where a slice of codes is written."""

from __future__ import annotations

import torch
from torch import Tensor

from interpret_inn.errors import EditError


def placed(codes: Tensor, where: slice, values: Tensor) -> Tensor:
    """Copies of codes with some axes replaced.

    Args:
        codes: float (..., D); they stay as they are.
        where: The axes.
        values: float, broadcasts with (..., size); more axes in front give more copies.

    Returns:
        float (..., D), the leading axes broadcast.

    Raises:
        EditError: values of another size, or for other numbers of codes.

    >>> placed(torch.zeros(2, 3), slice(0, 1), torch.tensor([[1.0], [2.0]])).tolist()
    [[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]
    >>> placed(torch.zeros(2, 3), slice(1, 3), torch.ones(5, 1, 2)).shape
    torch.Size([5, 2, 3])
    """
    size = codes[..., where].shape[-1]
    try:
        shape = torch.broadcast_shapes(values.shape, (*codes.shape[:-1], size))
    except RuntimeError:
        shape = torch.Size()
    if not shape or shape[-1] != size or shape[-codes.ndim : -1] != codes.shape[:-1]:
        raise EditError(
            f"Expected values that fit {size} axes of codes {tuple(codes.shape)}, found {tuple(values.shape)}."
        )
    changed = codes.expand(*shape[:-1], codes.shape[-1]).clone()
    changed[..., where] = values.to(codes)
    return changed
