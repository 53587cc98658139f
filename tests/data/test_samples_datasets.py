import random

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from interpret_inn.data import samples, stream
from interpret_inn.errors import DataError


class Numbers(Dataset):
    """Item i is a picture full of i, with a label."""

    def __init__(self, count=10, noise=None):
        self.count, self.noise = count, noise

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        image = torch.full((3, 4, 4), float(index))
        return (image + self.noise() if self.noise else image), index % 3


class Stream(IterableDataset):
    def __iter__(self):
        for index in range(7):
            yield torch.full((3, 2, 2), float(index)), index


def values(parts):
    return [int(row.flatten()[0]) for part in parts for row in part]


def test_a_data_set_gives_its_images_in_order_and_its_labels():
    found = samples(Numbers())

    assert found.targets is None
    assert found.scan() == {"label": [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]}
    assert values(found.batches(4)) == list(range(10))
    assert found.take([9, 2]).shape == (2, 3, 4, 4)
    assert found.fingerprint() == samples(Numbers()).fingerprint()
    assert found.fingerprint() != samples(Numbers(9)).fingerprint()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_shuffling_loader_is_read_in_data_set_order(workers):
    loader = DataLoader(Numbers(), batch_size=3, shuffle=True, num_workers=workers)
    found = samples(loader)

    assert found.batch_size == 3
    assert found.scan()["label"] == [index % 3 for index in range(10)]
    assert values(found.batches(4)) == list(range(10))
    assert values(found.batches(4, start=5)) == list(range(5, 10))
    assert found.fingerprint() == samples(Numbers()).fingerprint()


def test_a_loaders_subset_is_kept_and_other_samplers_are_named():
    chosen = samples(DataLoader(Numbers(), sampler=SubsetRandomSampler([8, 1, 3])))
    weighted = samples(DataLoader(Numbers(), sampler=WeightedRandomSampler([1.0] * 10, 50)))

    assert values(chosen.batches(8)) == [1, 3, 8]
    assert chosen.notes == ()
    assert len(weighted) == 10
    assert weighted.notes == (
        "The loader's WeightedRandomSampler is not used: the data set is read in order, every item once.",
    )


def test_a_loaders_own_collate_makes_the_batches():
    def doubled(items):
        return torch.stack([image for image, _ in items]) * 2, torch.tensor([label for _, label in items])

    found = samples(DataLoader(Numbers(), batch_size=4, collate_fn=doubled))
    assert found.scan() == {"label": [index % 3 for index in range(10)]}
    assert values(found.batches(3)) == [2 * index for index in range(10)]
    assert values([found.take([4])]) == [8]

    lost = samples(DataLoader(Numbers(), collate_fn=lambda items: torch.zeros(1, 3)))
    with pytest.raises(DataError, match=r"one input for each of 2 items .* found Tensor \(1\)"):
        lost.take([0, 1])


@pytest.mark.parametrize(
    "noise",
    [
        lambda: torch.rand(()),
        lambda: random.random(),
        lambda: np.random.rand(),  # noqa: NPY002
        np.random.default_rng(0).random,
    ],
)
@pytest.mark.parametrize("first", ["fingerprint", "batches"])
def test_random_augmentation_is_noticed(noise, first):
    found = samples(Numbers(noise=noise))
    with pytest.raises(DataError, match=r"change from read to read \(item 0 does; random augmentation\?\)"):
        for _ in range(2):
            list(found.batches(4)) if first == "batches" else found.fingerprint()


def test_rare_augmentation_is_noticed_at_the_item():
    draws = iter([0.0] * 27 + [1.0] * 20)
    found = samples(Numbers(noise=lambda: next(draws)))
    found.fingerprint()  # 10 items and the first 8 again
    with pytest.raises(DataError, match="item 9 does"):
        list(found.batches(4))


def test_random_augmentation_is_noticed_in_workers():
    found = samples(DataLoader(Numbers(noise=lambda: torch.rand(())), num_workers=1))
    with pytest.raises(DataError, match="pass the data set without random transforms"):
        found.fingerprint()


def test_padding_in_collate_is_suspected():
    def padded(items):
        return torch.stack([image[:, : len(items)] for image, _ in items])

    found = samples(DataLoader(Numbers(), collate_fn=padded))
    found.take([0, 1])
    with pytest.raises(DataError, match="a collate_fn that pads to the largest of a batch"):
        found.take([0])


@pytest.mark.parametrize("raises", [False, True])
def test_global_random_states_are_kept(raises):
    def draw():
        torch.rand(3), random.random(), np.random.rand()  # noqa: NPY002
        if raises:
            raise KeyError("gone")
        return 0

    torch.manual_seed(5), random.seed(5), np.random.seed(5)  # noqa: NPY002
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    found = samples(Numbers(noise=draw))
    try:
        found.scan()
        for _ in found.batches(3):
            pass
        samples(DataLoader(Numbers(noise=draw), shuffle=True, num_workers=1)).scan()
    except DataError:
        assert raises

    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()
    assert np.array_equal(before[2], np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("workers", [0, 1])
def test_a_failing_item_is_named(workers):
    class Broken(Numbers):
        def __getitem__(self, index):
            if index == 6:
                raise OSError("no such file: six.png")
            return super().__getitem__(index)

    found = samples(DataLoader(Broken(), batch_size=4, num_workers=workers))
    said = "Item 6 of the Broken" if workers == 0 else "One of the items 4 to 7 of the Broken"
    with pytest.raises(DataError, match=rf"(?s){said} cannot be read: OSError: .*six.png"):
        found.scan()


@pytest.mark.parametrize(
    ("items", "targets"),
    [
        ([torch.zeros(3)], None),
        ([(torch.zeros(3),)], None),
        ([(torch.zeros(3), "cat")], {"label": ["cat"]}),
        ([(torch.zeros(3), {"a": 1, "b": torch.tensor(2.5)})], {"a": [1], "b": [2.5]}),
        ([(torch.zeros(3), 4, np.float32(0.5))], {"label": [4], "label_2": [0.5]}),
        ([{"image": torch.zeros(3), "label": np.int64(7)}], {"label": [7]}),
        ([(torch.zeros(3), {"a": 1}), (torch.ones(3), {"b": "x"})], {"a": [1, None], "b": [None, "x"]}),
    ],
)
def test_labels_are_found_in_items_of_many_forms(items, targets):
    assert samples(items).scan() == targets


def test_labels_of_several_numbers_stay_arrays():
    found = samples(TensorDataset(torch.zeros(3, 2), torch.arange(6).reshape(3, 2)))
    assert [row.tolist() for row in found.scan()["label"]] == [[0, 1], [2, 3], [4, 5]]
    assert samples([(torch.zeros(3), [1.0, 2.0])]).scan()["label"][0].tolist() == [1.0, 2.0]


def test_what_is_no_label_is_left_out_and_said():
    found = samples([(torch.zeros(3), {"mask": torch.zeros(4, 4), "kind": 1})])
    assert found.scan() == {"kind": [1]}
    assert found.notes == ("What the items carry as 'mask' is no label, so it is left out.",)


def test_pictures_of_several_sizes_stay_a_list():
    pictures = [Image.new("RGB", (4, 3)), Image.new("L", (5, 3))]
    arrays = [np.zeros((4, 3, 3), np.uint8), np.ones((5, 3, 3), np.uint8)]
    assert samples(pictures).take([0, 1]) == pictures
    assert [part.shape for part in samples(arrays).take([1, 0])] == [(5, 3, 3), (4, 3, 3)]
    assert samples([arrays[0], arrays[0]]).take([0, 1]).shape == (2, 4, 3, 3)
    assert samples(pictures).fingerprint() != samples(pictures[::-1]).fingerprint()


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (
            [torch.zeros(3, 4), torch.zeros(3, 5)],
            r"one shape, found \(3, 4\) \(item 0\) and \(3, 5\) \(item 1\). Resize them in the data set",
        ),
        ([np.zeros((3, 4)), np.zeros((3, 5))], r"found \(3, 4\) \(item 0\) and \(3, 5\) \(item 1\)"),
        ([torch.zeros(3), np.zeros(3)], r"one kind, found a tensor \(item 0\) and an array \(item 1\)"),
        ([torch.zeros(3), None], "found NoneType as item 1"),
        ([()], r"Expected an input or `\(input, label\)` as item 0, found nothing in it: \(\)"),
        ([{"a": 1}], r"under one of 'image', .*, found the keys \['a'\] in item 0"),
        ([("gone.png", 1)], "Expected an image as item 0, but gone.png cannot be read"),
    ],
)
def test_items_that_do_not_fit_are_named(items, said):
    with pytest.raises(DataError, match=said):
        list(samples(items).batches(4))


def test_tensors_of_another_shape_in_a_later_batch_are_named():
    found = samples([torch.zeros(3, 4)] * 4 + [torch.zeros(3, 5)] * 4)
    with pytest.raises(DataError, match=r"found \(3, 4\) \(item 0\) and \(3, 5\) \(item 4\)"):
        list(found.batches(4))


@pytest.mark.slow
def test_streams_are_refused_where_data_is_read_again():
    for data in (Stream(), DataLoader(Stream()), iter([torch.zeros(3)])):
        with pytest.raises(
            DataError, match=r"read again and again, in one order, found a stream .* map-style"
        ):
            samples(data)

    class Endless(Dataset):
        def __getitem__(self, index):
            return torch.zeros(3)

    with pytest.raises(DataError, match="a data set with a length, found Endless without `__len__`"):
        samples(Endless())


def test_streams_are_read_where_once_is_enough():
    assert values(stream(Stream(), 3)) == list(range(7))
    assert [len(part) for part in stream(Stream(), 3)] == [3, 3, 1]
    assert values(stream(DataLoader(Stream(), batch_size=2))) == list(range(7))
    assert values(stream((item for item in Stream()), 4)) == list(range(7))
    assert values(stream(Numbers(), 4)) == list(range(10))
    assert values(stream(np.arange(6).reshape(3, 2), 2)) == [0, 2, 4]


def test_streams_keep_the_random_states():
    before = torch.get_rng_state()
    for _ in stream((torch.rand(3) for _ in range(3)), 1):
        assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(before, torch.get_rng_state())


def test_a_subset_is_a_data_set():
    assert values(samples(Subset(Numbers(), [4, 2])).batches(5)) == [4, 2]
