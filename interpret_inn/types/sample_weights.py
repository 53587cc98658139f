"""Weights that a source gives its samples: read in any form, and what is wrong with them, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_weights(given: Any) -> Tensor | None:
    """A tensor, an array or a list of real numbers as float64; None if it is something else."""
    if isinstance(given, Tensor):
        return None if given.is_complex() else given.detach().cpu().double()
    try:
        found = np.asarray(given)
    except ValueError:  # rows of several lengths
        return None
    return torch.from_numpy(found.astype(np.float64)) if found.dtype.kind in "biuf" else None


def weight_faults(given: Any, count: int) -> Iterator[str]:
    """What is wrong with the weights of `count` samples, in sentences; nothing if all samples count alike."""
    if given is None:
        return
    weights = as_weights(given)
    if weights is None or tuple(weights.shape) != (count,):
        found = type(given).__name__ if weights is None else tuple(weights.shape)
        yield f"Expected sample_weights(among) to give {count} numbers or None, found {found}."
    elif not bool(torch.isfinite(weights).all()) or bool((weights < 0).any()):
        yield "Expected sample_weights(among) to give finite numbers of 0 or more, found others."
    elif not bool((weights > 0).any()):
        yield "Expected sample_weights(among) to give some sample a weight above 0, found none."
