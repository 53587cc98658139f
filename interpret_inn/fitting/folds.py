"""Folds of a fit's samples, for fits of the same size to other samples: each sample is tested once in five of them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from interpret_inn.data.process import derived_seed
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.splitting import SHARES, Split, connected
from interpret_inn.fitting.store import FitData
from interpret_inn.types import IntArray
from interpret_inn.types.numbers import BoolArray

FOLDS = round(1 / SHARES[2])
"""Folds that share out all groups; each is as large as the test split of a fit."""
_VALIDATION = SHARES[1] / (SHARES[0] + SHARES[1])
"""Share of the groups outside a fold that is the validation split, so that a refit is as large as the fit."""


def folds(data: FitData, count: int, *, seed: int) -> Iterator[FitData]:
    """The same data, split anew `count` times by whole groups, 70 : 10 : 20 as for a fit.

    The test splits of five in a row have no group in common and hold all groups. The next five are drawn anew. Each
    source is shared out alike, so that a small one has samples in every split; classes are not, nor are they by a fit.

    Args:
        data: Of a fit.
        count: How many.
        seed: The same seed gives the same folds.
    """
    groups = separable_groups(data.pool)
    names, where = _places(data.pool, groups)
    for number in range(count):
        turn, place = divmod(number, FOLDS)
        random = np.random.default_rng(derived_seed(seed, f"folds {turn}"))
        order = random.permutation(len(names))
        dealt = names[order[np.argsort(where[order], kind="stable")]]  # source by source, at random in each
        test = np.arange(len(dealt)) % FOLDS == place
        others = dealt[~test]
        chosen = max(1, round(_VALIDATION * len(others)))
        validation = others[((np.arange(chosen) + 0.5) * len(others) / chosen).astype(int)]
        yield data._replace(
            pool=_split_anew(data.pool, np.isin(groups, validation), np.isin(groups, dealt[test]))
        )


def _places(pool: Pool, groups: IntArray) -> tuple[IntArray, IntArray]:
    """The groups, and for each a number that tells in which sets of samples it has members; both int64 (G,)."""
    names = np.unique(groups)
    inside = [
        np.isin(names, groups[part.offset : part.offset + len(part.source.samples)]) for part in pool.unique()
    ]
    return names, np.unique(np.stack(inside), axis=1, return_inverse=True)[1].reshape(-1)


def separable_groups(pool: Pool) -> IntArray:
    """The group of each row, int64 (rows,): rows of one group, or of one picture in several sources, stay together."""
    groups = pool.groups_at(torch.arange(pool.rows))
    if len(pool.unique()) == 1:
        return groups
    pictures: list[Any] = []
    for entry in pool.unique():
        shown = pool.digests.get(entry.source.samples.fingerprint(), [])
        pictures += shown or [(entry.offset, place) for place in range(len(entry.source.samples))]
    return connected(pool.rows, [groups, pictures])


def _split_anew(pool: Pool, validation: BoolArray, test: BoolArray) -> Pool:
    """The pool with other splits; the two masks are bool (rows,)."""
    anew = copy.copy(pool)
    anew.parts = []
    for part in pool.parts:
        own = slice(part.offset, part.offset + len(part.source.samples))
        masks = (~(validation | test)[own], validation[own], test[own])
        split = Split(*(torch.from_numpy(np.flatnonzero(mask)) for mask in masks))
        anew.parts.append(dataclasses.replace(part, split=split))
    return anew
