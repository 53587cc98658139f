"""Baselines that methods compare images with, and the parts of images that they take away."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from interpret_inn.errors import LocalizerError
from interpret_inn.localizing import smoothed

Baseline = Literal["zero", "mean", "blur"] | float | Tensor | Callable[[Tensor], Tensor]
NAMES = ("zero", "mean", "blur")
_SHARE = 8  # the blur's standard deviation and the window's side are the longer side over this


def baseline_of(baseline: Any, prepared: Tensor, *, distribution: bool) -> Tensor:
    """Images to compare with, as the model takes them.

    Args:
        baseline: A name, a number, a tensor that fits the images, or a callable that makes one of them.
        prepared: (B, C, H, W).
        distribution: The method draws from the baselines, so that there may be any number of them.

    Returns:
        (B, C, H, W), or (N, C, H, W) if they are drawn from.

    Raises:
        LocalizerError: it is none of these, or does not fit.
    """
    if isinstance(baseline, str):
        return _named(baseline, prepared)
    found = baseline(prepared) if callable(baseline) else baseline
    try:
        found = torch.as_tensor(found).to(prepared)
        if not found.isfinite().all():
            raise LocalizerError(
                'Expected a baseline of finite numbers, found NaN or infinity. Type baseline="blur", "mean" or "zero".'
            )
        alone = distribution and found.ndim == 4 and found.shape[1:] == prepared.shape[1:]
        return found.detach() if alone else found.detach().expand_as(prepared).contiguous()
    except LocalizerError:  # a ValueError, too
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        found_text = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise LocalizerError(
            f"Expected a baseline of shape {tuple(prepared.shape)} or what fits it, found {found_text}. Type "
            'baseline="blur", "mean" or "zero".'
        ) from error


def _named(name: str, prepared: Tensor) -> Tensor:
    if name == "zero":
        return torch.zeros_like(prepared)
    if name == "mean":
        return prepared.mean((2, 3), keepdim=True).expand_as(prepared).contiguous()
    if name == "blur":
        return smoothed(prepared, max(prepared.shape[2:]) / _SHARE)
    raise LocalizerError(
        f'Expected baseline="zero", "mean" or "blur", a tensor, a number or a callable, found {name!r}.'
    )


def squares(prepared: Tensor, across: int) -> Tensor:
    """Number of the square that each pixel lies in, all channels together, int64 (1, 1, H, W).

    Args:
        prepared: (B, C, H, W).
        across: Squares along the longer side.
    """
    height, width = prepared.shape[2:]
    side = max(1, math.ceil(max(height, width) / across))
    rows, columns = torch.arange(height) // side, torch.arange(width) // side
    numbers = rows[:, None] * int(columns[-1] + 1) + columns
    return numbers[None, None].to(prepared.device)


def window(prepared: Tensor) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """What Occlusion covers by default, an eighth of the longer side, and its steps, half of that: (C, h, w)."""
    channels, height, width = prepared.shape[1:]
    side = max(1, round(max(height, width) / _SHARE))
    step = max(1, side // 2)
    covered = (channels, min(side, height), min(side, width))
    return covered, (channels, min(step, covered[1]), min(step, covered[2]))
