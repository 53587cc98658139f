"""Folds of a fit's samples: each group is tested once in five of them, and splits are as large as those of a fit."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.fitting.folds import folds, separable_groups
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.store import FitData
from interpret_inn.testing import toy_images

ROWS = torch.randn(120, 3, generator=torch.Generator().manual_seed(0))
GROUPS = np.arange(120) // 2


def source(data: Any, name: str, groups: Any = None) -> Any:
    return inn.concept_source("labels", data=data, labels={name: np.arange(len(data)) % 2}, groups=groups)


def data_of(*sources: Any) -> FitData:
    return FitData(Pool(sources, seed=0), ())


def splits(data: FitData) -> dict[str, set[int]]:
    return {part: set(data.pool.indices(part).tolist()) for part in ("train", "validation", "test")}


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_every_sample_is_tested_once_and_no_group_is_divided(groups: Any) -> None:
    data = data_of(source(ROWS, "a", groups))
    tested = []
    for fold in folds(data, 5, seed=3):
        found = splits(fold)
        assert [len(found[part]) for part in found] == [84, 12, 24]
        assert len(set.union(*found.values())) == 120
        tested.append(found["test"])
        members = fold.pool.groups_at(torch.arange(120))
        for one, other in itertools.combinations(found.values(), 2):
            assert not {members[row] for row in one} & {members[row] for row in other}
    assert len(set.union(*tested)) == sum(map(len, tested)) == 120


def test_more_than_five_begin_again_with_others() -> None:
    data = data_of(source(ROWS, "a"))
    found = [splits(fold)["test"] for fold in folds(data, 12, seed=3)]
    assert len(set.union(*found[5:10])) == 120
    assert all(one not in found[:5] for one in found[5:])
    assert [splits(fold)["test"] for fold in folds(data, 12, seed=3)] == found
    assert [splits(fold)["test"] for fold in folds(data, 12, seed=4)] != found


def test_the_pool_of_the_fit_stays_as_it_is() -> None:
    data = data_of(source(ROWS, "a"))
    before = splits(data)
    for fold in folds(data, 5, seed=3):
        assert splits(fold) != before
    assert splits(data) == before


def test_a_picture_of_two_sources_stays_on_one_side() -> None:
    images, _ = toy_images(60)
    order = np.random.default_rng(3).permutation(60)[:45]
    data = data_of(source(images, "a"), source(images[order], "b"))
    groups = separable_groups(data.pool)
    assert (groups[60:] == groups[order]).all()
    assert len(np.unique(groups)) == 60
    for fold in folds(data, 5, seed=0):
        first, second = fold.pool.parts
        for part in ("train", "validation", "test"):
            shown = set(getattr(first.split, part).tolist())
            assert {order[at] for at in getattr(second.split, part).tolist()} == shown & set(order.tolist())


def test_a_small_source_has_samples_in_every_split() -> None:
    data = data_of(source(ROWS, "a"), source(torch.randn(30, 3), "b"))
    for fold in folds(data, 10, seed=1):
        small = fold.pool.parts[1].split
        assert [len(part) for part in small] in ([21, 3, 6], [20, 4, 6], [22, 2, 6])
