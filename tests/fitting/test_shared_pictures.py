"""No training picture of one source is a test picture of another."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import interpret_inn as inn
from interpret_inn.data import samples
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.splitting import (
    _canonical,
    connected,
    merged_groups,
    picture_digests,
    split,
)
from interpret_inn.testing import toy_images

IMAGES, LABELS = toy_images(240)
GROUPS = np.arange(240) // 4


def source(data: Any, name: str, *, groups: Any = None, values: Any = None) -> Any:
    labels = np.arange(len(data)) % 2 if values is None else values
    return inn.concept_source("labels", data=data, labels={name: labels}, groups=groups)


def pictures(pool: Pool, number: int, part: str, images: Any) -> set[bytes]:
    """What is in one part of one source's samples, by content."""
    entry = pool.parts[number]
    return {np.asarray(images[at]).tobytes() for at in getattr(entry.split, part).tolist()}


def crossing(pool: Pool, first: Any, second: Any) -> int:
    """How many training pictures of one test or validate the other, either way."""
    found = 0
    for part in ("test", "validation"):
        found += len(pictures(pool, 0, "train", first) & pictures(pool, 1, part, second))
        found += len(pictures(pool, 1, "train", second) & pictures(pool, 0, part, first))
    return found


ORDER = np.random.default_rng(3).permutation(240)


@pytest.mark.parametrize("order", [ORDER, ORDER[:150], np.concatenate((ORDER, ORDER[:40]))])
@pytest.mark.parametrize("groups", [GROUPS, None])
def test_no_training_picture_of_one_source_tests_the_other(order: Any, groups: Any) -> None:
    """Other orders, subsets and copies of the images; one source with groups, one without."""
    other = IMAGES[order]
    pool = Pool([source(IMAGES, "a", groups=groups), source(other, "b")], seed=0)
    assert crossing(pool, IMAGES, other) == 0
    assert not pool.notes
    if groups is not None:  # nor has a group members on two sides, in either source
        for one, which in ((0, GROUPS), (1, GROUPS[order])):
            sides = [
                set(which[getattr(pool.parts[one].split, part).numpy()])
                for part in ("train", "validation", "test")
            ]
            assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
    for entry, count in zip(pool.parts, (240, len(order)), strict=True):
        sizes = [len(part) for part in entry.split]
        assert sum(sizes) == count
        assert np.allclose(np.array(sizes) / count, (0.7, 0.1, 0.2), atol=0.12)
    # the control: split each by itself, they cross
    apart = SimpleNamespace(
        parts=[SimpleNamespace(split=split(n, groups=None, seed=0)) for n in (240, len(order))]
    )
    assert crossing(apart, IMAGES, other) > 5  # type: ignore[arg-type]


def test_the_same_samples_with_groups_and_without_share_their_rows() -> None:
    pool = Pool([source(IMAGES, "a"), source(IMAGES, "b", groups=GROUPS)], seed=0)
    assert pool.rows == 240 and pool.parts[0].split is pool.parts[1].split
    sides = [set(GROUPS[part.numpy()]) for part in pool.parts[0].split]
    assert not sides[0] & sides[2]
    assert np.array_equal(pool.groups_at(torch.arange(240)), GROUPS)
    alike = Pool([source(IMAGES, "b", groups=GROUPS)], seed=0)
    assert all(map(torch.equal, pool.parts[0].split, alike.parts[0].split))


def test_sources_without_a_picture_in_common_are_split_as_ever() -> None:
    pool = Pool([source(IMAGES[:100], "a"), source(IMAGES[100:], "b")], seed=4)
    for entry, count in zip(pool.parts, (100, 140), strict=True):
        assert all(map(torch.equal, entry.split, split(count, groups=None, seed=4)))
    twice = np.concatenate(
        [IMAGES[:50], IMAGES[:50]]
    )  # copies within one source are its own affair, and are counted
    apart = Pool([source(twice, "a"), source(IMAGES[100:], "b")], seed=4)
    assert all(map(torch.equal, apart.parts[0].split, split(100, groups=None, seed=4)))
    alone = Pool([source(IMAGES, "a")], seed=4)
    assert all(map(torch.equal, alone.parts[0].split, split(240, groups=None, seed=4)))
    assert not alone.digests  # nothing is read for it


def test_transforms_stay_with_their_pictures() -> None:
    with_labels = source(IMAGES[ORDER], "a")
    transforms = inn.concept_source("transforms", data=IMAGES, transforms=["blur"])
    pool = Pool([with_labels, transforms], seed=0)
    assert not pool.notes
    fitted = pictures(pool, 0, "train", IMAGES[ORDER])
    of = {image.tobytes(): at for at, image in enumerate(IMAGES)}
    tested = {int(transforms.samples.source[at]) for at in pool.parts[1].split.test.tolist()}
    assert tested and not {of[picture] for picture in fitted} & tested


def test_variants_that_cannot_be_told_are_warned_of() -> None:
    one, other = source(IMAGES, "a"), source(255 - IMAGES, "b")
    other.samples.origins = np.arange(240)
    pool = Pool([one, other], seed=0)
    assert len(pool.notes) == 1
    assert "it cannot be told whether other sources show the same pictures" in pool.notes[0]
    model = nn.Sequential(nn.Flatten(), nn.Linear(24 * 24 * 3, 8)).eval()
    with pytest.warns(inn.InnWarning, match="are variants of pictures, and it cannot be told"):
        it = inn.wrap(model, "1").fit(
            one, other, steps=2, every=1, samples_per_axis=1, cache=None, checkpoint=None
        )
    assert sum("it cannot be told whether" in note for note in it.fitted.notes) == 1


def test_groups_that_connect_everything_are_said() -> None:
    across = np.arange(240) % 12
    pool = Pool([source(IMAGES, "a", groups=GROUPS), source(IMAGES[::-1].copy(), "b", groups=across)], seed=0)
    assert "show the same pictures, but what their groups hold together is too much" in pool.notes[0]


def test_the_same_picture_has_the_same_digest_in_every_form() -> None:
    forms: list[Any] = [
        IMAGES[:4], [Image.fromarray(one) for one in IMAGES[:4]], IMAGES[:4].astype(np.float32) / 255,
        torch.from_numpy(IMAGES[:4]).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(IMAGES[:4]).permute(0, 3, 1, 2).double() / 255,
    ]  # fmt: skip
    found = [picture_digests(samples(form)) for form in forms]
    assert all(one == found[0] for one in found)
    assert len(set(found[0])) == 4
    rows = torch.rand(4, 6)
    assert picture_digests(samples(rows)) == picture_digests(samples(rows.numpy()))
    dim = torch.rand(4, 3, 8, 8) / 300  # all black in eight bits, and yet not the same
    assert len(set(picture_digests(samples(dim)))) == 4


def test_rows_of_numbers_are_no_pictures_of_eight_bits() -> None:
    rows = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    assert picture_digests(samples(rows)) != picture_digests(samples((rows * 255).to(torch.uint8)))


def test_components_are_those_of_a_slow_search() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        labels = [generator.integers(0, 15, 20), generator.integers(0, 12, 20)]
        found = connected(20, labels)
        near = (labels[0][:, None] == labels[0]) | (labels[1][:, None] == labels[1])
        reach = np.linalg.matrix_power(near.astype(float), 20) > 0
        assert np.array_equal(found[:, None] == found, reach)
        assert np.array_equal(found, reach.argmax(1))


def test_a_fit_of_two_sources_is_the_same_twice(tmp_path: Any) -> None:
    """The split is the same the second time, with a checkpoint and without one."""

    def sources() -> list[Any]:
        return [source(IMAGES, "a", groups=GROUPS), source(IMAGES[ORDER[:150]], "b")]

    model = nn.Sequential(nn.Flatten(), nn.Linear(24 * 24 * 3, 8)).eval()
    settings: dict[str, Any] = {
        "steps": 6, "every": 2, "samples_per_axis": 1, "cache": None, "checkpoint": tmp_path,
    }  # fmt: skip
    straight = inn.wrap(model, "1").fit(*sources(), **{**settings, "checkpoint": None})
    first, second = Pool(sources(), seed=0), Pool(sources(), seed=0)
    assert torch.equal(first.indices("train"), second.indices("train"))
    assert torch.equal(
        straight.fitted.reference_codes,
        inn.wrap(model, "1").fit(*sources(), **settings).fitted.reference_codes,
    )


def test_three_sources_of_some_pictures_never_cross_and_keep_their_shares() -> None:
    """The third shares pictures with the first alone; the smallest is split first, whichever it is."""
    data = [IMAGES[:100], IMAGES[60:200], IMAGES[:50]]
    pool = Pool([source(images, name) for images, name in zip(data, "abc", strict=True)], seed=0)
    assert not pool.notes
    for one, other in ((0, 1), (0, 2), (1, 2)):
        pair = SimpleNamespace(parts=[pool.parts[one], pool.parts[other]])
        assert crossing(pair, data[one], data[other]) == 0  # type: ignore[arg-type]
    sizes = [[len(part) for part in entry.split] for entry in pool.parts]
    assert sizes == [[70, 10, 20], [98, 14, 28], [35, 5, 10]]


def test_ten_pictures_that_are_shared_can_be_split() -> None:
    pool = Pool([source(IMAGES[:10], "a"), source(IMAGES[9::-1].copy(), "b")], seed=0)
    assert not pool.notes
    assert [[len(part) for part in entry.split] for entry in pool.parts] == [[7, 1, 2]] * 2


def test_one_source_of_variants_has_no_other_to_be_warned_of() -> None:
    assert Pool([inn.concept_source("transforms", data=IMAGES, transforms=["blur"])], seed=0).notes == []


def test_groups_of_the_same_samples_are_merged_while_ten_are_left() -> None:
    pairs = np.arange(20) // 2
    assert merged_groups(pairs, pairs.copy(), names=("a", "b")) is pairs
    found = merged_groups(np.arange(20), pairs, names=("a", "b"))
    assert found is not None and found.tolist() == (pairs * 2).tolist()
    few = np.arange(240) // 60  # the same groups: it is not that they differ, but that they are few
    with pytest.raises(inn.DataError, match=r"at least 10 samples \(groups of samples\) .* found 4"):
        Pool([source(IMAGES, "a", groups=few), source(IMAGES, "b", groups=few.copy())], seed=0)


GREY = np.random.default_rng(0).integers(0, 256, (4, 6), np.uint8)
GREY[0, :2] = 0, 255
ALPHA = np.random.default_rng(0).integers(0, 256, (4, 6, 4), np.uint8)
TALL = np.random.default_rng(0).integers(0, 256, (3, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("form", "picture"),
    [
        (Image.fromarray(GREY), GREY),
        (GREY[..., None], GREY),
        (GREY[None], GREY),
        (GREY[None] / np.float32(255), GREY),
        (GREY / np.float32(255), GREY),
        (Image.fromarray(GREY).convert("P"), np.repeat(GREY[..., None], 3, 2)),  # a palette of greys
        (Image.fromarray(ALPHA), ALPHA),
        (ALPHA.transpose(2, 0, 1), ALPHA),
        (Image.fromarray(TALL), TALL),
        (TALL, TALL),  # three pixels high: still channels last
        (TALL[:1, :, :1], TALL[:1, :, 0]),
        (ALPHA[:, :5], ALPHA[:, :5]),
        (torch.from_numpy(GREY.astype(np.int64)), GREY.astype(np.int64)),
        (np.array([[-1.0, 1.0]] * 2), np.array([[-1, 1]] * 2, np.float32)),  # numbers, not pixels
        (np.array([[0.0, 2.0]] * 2), np.array([[0, 2]] * 2, np.float32)),
        (np.array([0.0, 1.0]), np.array([0, 1], np.float32)),
        (np.zeros((0, 3)), np.zeros((0, 3), np.float32)),
    ],
)
def test_every_form_of_a_picture_is_brought_to_one(form: Any, picture: Any) -> None:
    found = _canonical(form)
    assert found.dtype == picture.dtype
    assert np.array_equal(found, picture)


def test_samples_that_miscount_have_no_digests() -> None:
    class Miscounted:
        def __len__(self) -> int:
            return 5

        def batches(self, size: int) -> Any:
            yield IMAGES[:4]

    assert picture_digests(Miscounted()) == []  # type: ignore[arg-type]
