"""How many directions of a concept are above chance."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.types import IntArray
from interpret_inn.types.numbers import NEGLIGIBLE

_DRAWS, _LEVEL = 59, 0.95
"""Draws of what chance brings, and the share of them that directions must exceed."""
_PARTS = 256
"""Parts of the rows that get a sign each, at most: more take longer and tell the same."""
_NUMBERS = 2**25
"""Numbers in all parts together, 256 MiB in float64. Where slopes are many, parts are fewer, but 16 at least."""


def clear_directions(maps: Tensor, functions: Tensor, groups: IntArray) -> int:
    """How many singular vectors of `maps @ functions` are above chance, tested from the strongest on; 0 or more.

    A direction counts if it and all weaker ones, taken together, exceed what chance brings outside the directions
    before them (as in Bartlett's test of canonical correlations, 1947): directions of equal strength, such as those of
    many classes, need not stand out one by one. Chance is drawn from the rows: if they had nothing to do with the
    functions, either sign of what a part of them adds would be as likely as the other. Rows of one group are of one
    part, as variants of one thing go together by no more than one chance.

    Args:
        maps: From functions of the samples to slopes along axes, float64 (d, N).
        functions: Of the concept's values, of mean 0, float64 (N, k).
        groups: Of the samples, int64 (N,).
    """
    left, values, right = torch.linalg.svd(maps @ functions, full_matrices=False)
    drawn = _by_chance(maps, functions, groups)
    whole = drawn.square().sum((1, 2))
    rows, columns = (left.T @ drawn).square().sum(2), (drawn @ right.T).square().sum(1)
    both = (left.T @ drawn @ right.T).square()
    most = int((values.square() > NEGLIGIBLE * values.square().max()).sum())
    for clear in range(most):
        # outside the first singular vectors on either side
        taken = rows[:, :clear].sum(1) + columns[:, :clear].sum(1) - both[:, :clear, :clear].sum((1, 2))
        if not float(values[clear:].square().sum()) > float((whole - taken).quantile(_LEVEL)):
            return clear
    return most


def _by_chance(maps: Tensor, functions: Tensor, groups: IntArray) -> Tensor:
    """Slopes (draws, d, k) that rows and functions would have if they had nothing to do with each other."""
    generator = Generator().manual_seed(0)
    names = np.unique(groups, return_inverse=True)[1]
    order = torch.randperm(int(names.max()) + 1, generator=generator)
    most = min(_PARTS, max(16, _NUMBERS // (len(maps) * functions.shape[1])))
    part = (order % most)[torch.from_numpy(names)].to(maps.device)
    slopes = maps @ functions
    found = []
    for number in range(min(len(order), most)):
        mine = part == number
        found.append(maps[:, mine] @ functions[mine] - mine.double().mean() * slopes)
    parts = torch.stack(found)
    signs = 2 * torch.randint(2, (_DRAWS, len(parts)), generator=generator).to(maps) - 1
    # what all parts have in common was taken out, and with it one of so many degrees of freedom
    drawn: Tensor = torch.tensordot(signs, parts, 1) * (len(parts) / max(len(parts) - 1, 1)) ** 0.5
    return drawn
