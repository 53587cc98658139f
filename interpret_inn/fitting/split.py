"""Which samples are fitted on, which validate the fit, and which test it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from interpret_inn.errors import DataError
from interpret_inn.types import IntArray

SHARES = (0.7, 0.1, 0.2)


class Split(NamedTuple):
    """Indices of samples, int64, in ascending order; no group has members in two splits."""

    train: Tensor
    validation: Tensor
    test: Tensor


def split(samples: int, *, groups: IntArray | None, seed: int) -> Split:
    """Splits samples 70 : 10 : 20 by whole groups.

    Args:
        samples: How many there are.
        groups: int64 (samples,), the group of each; None: every sample is a group of its own.
        seed: The same seed, number and groups give the same split.

    Raises:
        DataError: fewer than 10 groups.
    """
    members = torch.arange(samples) if groups is None else torch.as_tensor(groups)
    if len(members) != samples:
        raise DataError(f"Expected one group for each of {samples} samples, found {len(members)} groups.")
    names, which = members.unique(return_inverse=True)
    if len(names) < 10:
        raise DataError(
            "Expected at least 10 samples (groups of samples) to train, validate and test on, "
            f"found {len(names)}. Give more data, or finer groups."
        )
    order = torch.randperm(len(names), generator=Generator().manual_seed(seed))
    first, second = round(SHARES[0] * len(names)), round((SHARES[0] + SHARES[1]) * len(names))
    part = torch.empty(len(names), dtype=torch.int64)
    part[order[:first]], part[order[first:second]], part[order[second:]] = 0, 1, 2
    of_sample = part[which]
    return Split(*(torch.nonzero(of_sample == number).flatten() for number in range(3)))
