"""Training, validation and test splits: groups, and pictures that several sources share, stay on one side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Generator, Tensor

from interpret_inn.data.digests import digest
from interpret_inn.errors import DataError
from interpret_inn.types import IntArray, Samples
from interpret_inn.types.numbers import SLACK

SHARES = (0.7, 0.1, 0.2)
"""Shares of the groups that go to the training, validation and test split."""
FEWEST = 10
"""The smallest number of groups that can be split: each split gets one at least."""
_READ = 256
"""Samples whose pictures are read at once."""


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
    if len(names) < FEWEST:
        raise DataError(
            f"Expected at least {FEWEST} samples (groups of samples) to train, validate and test on, "
            f"found {len(names)}. Give more data, or finer groups."
        )
    order = torch.randperm(len(names), generator=Generator().manual_seed(seed))
    first, second = round(SHARES[0] * len(names)), round((SHARES[0] + SHARES[1]) * len(names))
    part = torch.empty(len(names), dtype=torch.int64)
    part[order[:first]], part[order[first:second]], part[order[second:]] = 0, 1, 2
    of_sample = part[which]
    return Split(*(torch.nonzero(of_sample == number).flatten() for number in range(3)))


class SampleSet(NamedTuple):
    """Samples that one or several sources share.

    Attributes:
        name: Of their first source.
        samples: The samples.
        groups: int64 (N,), the samples that must not be split, by all these sources together; None: all apart.
    """

    name: str
    samples: Samples
    groups: IntArray | None


def split_together(
    sets: Sequence[SampleSet], *, seed: int, digests: Mapping[str, list[bytes]]
) -> tuple[list[Split], list[str]]:
    """Splits several sets of samples so that a picture in two of them is on the same side in both.

    Sets without a picture in common are split each by itself, as `split` does. Otherwise samples that a group or a
    picture connects go to one side. The smallest set is split first; the others take over what is decided, and fill
    up the shares with the rest.

    Args:
        sets: The sets.
        seed: As in `split`.
        digests: What each sample shows (see `picture_digests`), by the samples' fingerprint; empty for one set.

    Returns:
        A split for each set, and sentences on what could not be kept together.
    """
    apart = [split(len(one.samples), groups=one.groups, seed=seed) for one in sets]
    shown = [digests.get(one.samples.fingerprint(), []) for one in sets]
    notes = _notes_on_variants(sets, shown)
    if not _meet(shown):
        return apart, notes
    components = _components(sets, shown)
    few = [one.name for one, mine in zip(sets, components, strict=True) if len(np.unique(mine)) < FEWEST]
    if few:
        names = ", ".join(repr(one.name) for one in sets)
        notes.append(
            f"The sources {names} show the same pictures, but what their groups hold together is too much to be "
            "split: training pictures of one are test pictures of another, and scores are too good. Type the same "
            "groups=… for all of them."
        )
        return apart, notes
    side: dict[int, int] = {}
    found: dict[int, Split] = {}
    for at in sorted(range(len(sets)), key=lambda at: len(np.unique(components[at]))):
        found[at] = _taken_over(components[at], side, seed)
    return [found[at] for at in range(len(sets))], notes


def picture_digests(samples: Samples) -> list[bytes]:
    """A digest of what each sample shows, the same for an array, a tensor and a PIL image of one picture.

    Empty if there are fewer or more inputs than the samples say; `encode` refuses such samples.
    """
    found = [digest(_canonical(item)) for batch in samples.batches(_READ) for item in batch]
    return found if len(found) == len(samples) else []


def connected(count: int, labels: Sequence[Sequence[Any] | IntArray]) -> IntArray:
    """Connected components of items: two items are linked if they have a value in common in any of the labels.

    Args:
        count: Number of items.
        labels: Each has a value for every item.

    Returns:
        int64 (count,), the first item of each one's component.

    >>> connected(5, [[0, 0, 1, 2, 3], [7, 8, 8, 9, 4]]).tolist()
    [0, 0, 0, 3, 4]
    """
    hubs: list[int] = []  # each value is a place of its own, which its items are linked to
    size = count
    for values in labels:
        numbers: dict[Any, int] = {}
        own = values.tolist() if isinstance(values, np.ndarray) else values
        hubs.extend(numbers.setdefault(value, size + len(numbers)) for value in own)
        size += len(numbers)
    items = np.tile(np.arange(count), len(labels))
    graph = coo_array((np.ones(len(items), np.int8), (items, np.array(hubs, np.int64))), shape=(size, size))
    component = connected_components(graph, directed=False)[1][:count]
    first, number = np.unique(component, return_index=True, return_inverse=True)[1:]
    return np.asarray(first[number.reshape(-1)], np.int64)


def merged_groups(one: IntArray | None, other: IntArray | None, *, names: tuple[str, str]) -> IntArray | None:
    """Groups of the same samples that hold together what either of two sources holds together.

    Raises:
        DataError: too few are left to be split.
    """
    if one is other or (one is not None and other is not None and np.array_equal(one, other)):
        return one
    if one is None or other is None:
        return other if one is None else one
    found = connected(len(one), [one, other])
    if len(np.unique(found)) < FEWEST:
        raise DataError(
            f"The sources {names[0]!r} and {names[1]!r} group the same samples differently. Give both the same groups."
        )
    return found


def _meet(shown: Sequence[Sequence[bytes]]) -> bool:
    """Whether a picture is in two sets."""
    seen: set[bytes] = set()
    for mine in map(set, shown):
        if seen & mine:
            return True
        seen |= mine
    return False


def _notes_on_variants(sets: Sequence[SampleSet], shown: Sequence[Sequence[bytes]]) -> list[str]:
    """Notes on sets of variants that share no picture with other sets: their originals may still be the same."""
    notes = []
    for at, one in enumerate(sets):
        others = [set(mine) for place, mine in enumerate(shown) if place != at]
        if (
            getattr(one.samples, "origins", None) is None
            or not others
            or set(shown[at]) & set().union(*others)
        ):
            continue
        notes.append(
            f"The samples of {one.name!r} are variants of pictures, and it cannot be told whether other sources show "
            "the same pictures. If they do, training pictures of one are test pictures of another, and scores are too "
            "good. Give each source pictures of its own."
        )
    return notes


def _components(sets: Sequence[SampleSet], shown: Sequence[Sequence[bytes]]) -> list[IntArray]:
    """Connected components of the samples of all sets, by set, int64 (N,) each."""
    groups: list[Any] = []
    pictures: list[Any] = []
    for at, (one, mine) in enumerate(zip(sets, shown, strict=True)):
        count = len(one.samples)
        own = range(count) if one.groups is None else one.groups.tolist()
        groups += [(at, group) for group in own]
        pictures += mine or [(at, place) for place in range(count)]
    found = connected(len(groups), [groups, pictures])
    ends = np.cumsum([len(one.samples) for one in sets])[:-1]
    return list(np.split(found, ends))


def _taken_over(mine: IntArray, side: dict[int, int], seed: int) -> Split:
    """Splits one set by its components: those in `side` keep it, the others fill up the shares and are added to it.

    If the others are too few, the test split is filled up first, then the validation split.
    """
    names = np.unique(mine).tolist()
    free = [name for name in names if name not in side]
    known = [side[name] for name in names if name in side]
    first, second = round(SHARES[0] * len(names)), round((SHARES[0] + SHARES[1]) * len(names))
    test = max(len(names) - second - known.count(2), 0)
    validation = max(second - first - known.count(1), 0)
    ends = (len(free) - test - validation, len(free) - test)
    order = torch.randperm(len(free), generator=Generator().manual_seed(seed)).tolist()
    for rank, place in enumerate(order):
        side[free[place]] = int(rank >= ends[0]) + int(rank >= ends[1])
    sides = torch.tensor([side[name] for name in mine.tolist()])
    return Split(*(torch.nonzero(sides == number).flatten() for number in range(3)))


def _canonical(item: Any) -> npt.NDArray[Any]:
    """The contents of an input as one kind of array, the same for all forms: pictures uint8 (H, W) or (H, W, C)."""
    if isinstance(item, Image.Image):
        item = item if item.mode in ("L", "RGB", "RGBA") else item.convert("RGB")
    if isinstance(item, Tensor):
        item = item.detach().cpu()
        item = (item.float() if item.is_floating_point() else item).numpy()
    values = np.asarray(item)
    if values.ndim == 3 and values.shape[0] in (1, 3, 4) and values.shape[2] not in (1, 3, 4):
        values = values.transpose(1, 2, 0)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.dtype.kind != "f":
        return np.ascontiguousarray(values)
    if values.ndim > 1 and values.size and values.min() >= 0 and values.max() <= 1:
        scaled = values.astype(np.float64) * 255
        whole = np.rint(scaled)
        if np.abs(scaled - whole).max() < SLACK:  # eight-bit pictures, only scaled
            return whole.astype(np.uint8)
    return np.ascontiguousarray(values, np.float32)
