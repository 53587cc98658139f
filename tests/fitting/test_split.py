"""The split into training, validation and test: by whole groups, in known shares, always the same."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpret_inn.errors import DataError
from interpret_inn.fitting.splitting import _taken_over, split

SEEDS = st.integers(0, 2**31)


@settings(deadline=None)
@given(count=st.integers(10, 3000), seed=SEEDS)
def test_every_sample_is_in_one_part_and_parts_have_their_shares(count, seed):
    parts = split(count, groups=None, seed=seed)
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(count))
    for part, share in zip(parts, (0.7, 0.1, 0.2), strict=True):
        assert part.dtype == torch.int64
        assert torch.equal(part, part.sort().values)
        assert len(part) >= 1
        assert abs(len(part) - share * count) <= 1


@settings(deadline=None)
@given(
    names=st.lists(st.integers(-50, 2**40), min_size=10, max_size=60, unique=True),
    sizes=st.lists(st.integers(1, 9), min_size=60, max_size=60),
    seed=SEEDS,
)
def test_no_group_is_in_two_parts_whatever_its_number(names, sizes, seed):
    groups = np.repeat(np.array(names), sizes[: len(names)])
    groups = np.random.default_rng(seed).permutation(groups)
    parts = [set(groups[part.numpy()].tolist()) for part in split(len(groups), groups=groups, seed=seed)]
    assert set.union(*parts) == set(names)
    assert sum(map(len, parts)) == len(names)
    for part, share in zip(parts, (0.7, 0.1, 0.2), strict=True):
        assert abs(len(part) - share * len(names)) <= 1


@settings(deadline=None)
@given(count=st.integers(10, 200), seed=SEEDS)
def test_it_is_determined_by_the_seed_and_reads_no_global_state(count, seed):
    before = torch.get_rng_state()
    first, second = (split(count, groups=None, seed=seed) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_another_seed_gives_another_split():
    assert not torch.equal(split(100, groups=None, seed=0).train, split(100, groups=None, seed=1).train)


def test_groups_that_do_not_fit_the_samples_are_refused():
    with pytest.raises(DataError, match="one group for each of 20 samples, found 19 groups"):
        split(20, groups=np.zeros(19, np.int64), seed=0)


@pytest.mark.parametrize(("count", "groups"), [(9, None), (100, np.arange(100) // 12)])
def test_too_few_groups_are_refused(count, groups):
    with pytest.raises(
        DataError, match=r"at least 10 samples \(groups of samples\) .* found 9. Give more data"
    ):
        split(count, groups=groups, seed=0)


def test_ten_samples_are_enough():
    assert [len(part) for part in split(10, groups=None, seed=0)] == [7, 1, 2]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([0, 0, 0], (14, 2, 4)),
        ([14, 2, 4], (14, 2, 4)),
        ([3, 1, 3], (14, 2, 4)),
        ([3, 0, 7], (11, 2, 7)),  # more test pictures than their share: the rest goes to the others
        ([0, 5, 0], (11, 5, 4)),
        ([18, 0, 0], (18, 0, 2)),  # too few are left: the test split comes first, then the validation split
        ([15, 0, 0], (15, 1, 4)),
    ],
)
def test_what_is_decided_stays_and_the_rest_fills_up_the_shares(known, expected):
    side = dict(enumerate(np.repeat([0, 1, 2], known).tolist()))
    decided = dict(side)
    parts = _taken_over(np.arange(20), side, 0)
    assert tuple(map(len, parts)) == expected
    assert all(name in parts[number] for name, number in decided.items())
    assert {name: number for number, part in enumerate(parts) for name in part.tolist()} == side
