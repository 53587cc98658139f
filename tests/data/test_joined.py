"""`Joined`: several samples one after the other; and where the cache is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from interpret_inn.data import Joined, Part, cache_folder, samples
from interpret_inn.errors import DataError
from interpret_inn.types import Samples


@pytest.fixture
def parts() -> list[Samples]:
    pictures = samples(np.arange(5 * 12, dtype=np.uint8).reshape(5, 2, 2, 3), groups=[7, 7, 9, 9, 7])
    latents = samples(torch.arange(12.0).reshape(4, 3))
    return [pictures, latents, Part(latents, [3, 0])]


def test_order_length_and_names(parts: list[Samples]) -> None:
    whole = Joined(parts)
    assert isinstance(whole, Samples)
    assert len(whole) == 11
    assert list(whole.names or ()) == ["0", "1", "2", "3", "4", "0", "1", "2", "3", "3", "0"]
    assert samples(whole) is whole


def test_batches_give_every_input_once_in_the_form_of_its_part(parts: list[Samples]) -> None:
    for size in (1, 2, 100):
        batches = list(Joined(parts).batches(size))
        assert sum(map(len, batches)) == 11
        kinds = [type(batch) for batch in batches]
        assert kinds == sorted(kinds, key=lambda kind: kind is torch.Tensor)
        rows = torch.cat([batch for batch in batches if isinstance(batch, torch.Tensor)])
        assert rows[:, 0].tolist() == [0, 3, 6, 9, 9, 0]


def test_taking_from_one_part_or_several(parts: list[Samples]) -> None:
    whole = Joined(parts)
    assert torch.equal(whole.take([8, 5]), torch.tensor([[9.0, 10, 11], [0, 1, 2]]))
    assert isinstance(whole.take([4, 0]), np.ndarray)
    mixed = whole.take([10, 0, 6])
    assert isinstance(mixed, list)
    assert mixed[0].tolist() == [0, 1, 2]
    assert mixed[1].shape == (2, 2, 3)
    assert mixed[2].tolist() == [3, 4, 5]
    assert whole.take(np.array([9]))[0].tolist() == [9, 10, 11]


def test_places_told_apart_keep_their_order(parts: list[Samples]) -> None:
    whole = Joined(parts)
    assert sorted(whole.apart([9, 0, 6, 10, 3, 5])) == [[0, 3], [6, 5], [9, 10]]
    assert whole.apart(np.array([4, 1])) == [[4, 1]]
    assert whole.apart([]) == []


@pytest.mark.parametrize("place", [-1, 11])
def test_places_that_are_not_there(parts: list[Samples], place: int) -> None:
    with pytest.raises(DataError, match=rf"Expected indices from 0 to 10, found \[{place}\]\."):
        Joined(parts).take([0, place])


def test_groups_of_different_parts_never_meet(parts: list[Samples]) -> None:
    groups = Joined([parts[0], parts[0], parts[1]]).groups
    assert groups is not None
    assert groups.dtype == np.int64
    first, second, apart = groups[:5], groups[5:10], groups[10:]
    for own in (first, second):
        assert (own[:, None] == own).tolist() == (parts[0].groups[:, None] == parts[0].groups).tolist()
    assert len(set(apart)) == 4
    assert not set(first) & set(second) and not (set(first) | set(second)) & set(apart)


def test_what_was_skipped_and_the_digest_are_of_all_parts(parts: list[Samples]) -> None:
    parts[0].skipped, parts[1].skipped = ("a.png: broken",), ("b.png: empty",)
    whole = Joined(parts[:2])
    assert list(whole.skipped) == ["a.png: broken", "b.png: empty"]
    assert whole.fingerprint() == Joined(parts[:2]).fingerprint()
    assert len({whole.fingerprint(), Joined(parts[1::-1]).fingerprint(), Joined(parts).fingerprint()}) == 3


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERPRET_INN_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()
    monkeypatch.setenv("INTERPRET_INN_CACHE", "~/kept")
    assert cache_folder() == Path.home() / "kept"
    monkeypatch.delenv("INTERPRET_INN_CACHE")
    assert cache_folder().name == "interpret_inn"
