import numpy as np
import pytest
import torch
from PIL import Image

from interpret_inn.data import samples
from interpret_inn.errors import DataError
from interpret_inn.types import Samples


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (10, 6, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_rows_come_in_order_and_in_their_own_type(images, kind):
    found = samples(kind(images))

    assert isinstance(found, Samples)
    parts = list(found.batches(4))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert all(isinstance(part, type(kind(images))) for part in parts)
    assert np.array_equal(np.concatenate([np.asarray(part) for part in parts]), images)
    assert np.array_equal(np.asarray(found.take([7, 0, 7])), images[[7, 0, 7]])
    assert found.scan() is None
    assert found.groups is None


def test_batches_may_begin_and_end_anywhere(images):
    parts = list(samples(images).batches(4, start=3, stop=9))
    assert np.array_equal(np.concatenate(parts), images[3:9])


def test_fingerprint_is_of_the_contents(images):
    same, other = images.copy(), images.copy()
    other[-1, -1, -1, -1] ^= 1

    assert samples(images).fingerprint() == samples(same).fingerprint()
    assert samples(images).fingerprint() != samples(other).fingerprint()
    assert samples(images).fingerprint() != samples(images.reshape(10, 5, 6, 3)).fingerprint()
    assert samples(images[::2]).fingerprint() == samples(images[::2].copy()).fingerprint()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int64, torch.bool])
def test_tensors_of_every_type_have_a_fingerprint(dtype):
    values = torch.arange(12).reshape(4, 3).to(dtype)
    assert samples(values).fingerprint() == samples(values.clone()).fingerprint()


def test_mapped_files_are_read_and_never_written_to(tmp_path, images):
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")

    for part in samples(mapped).batches(4):
        torch.from_numpy(part)  # warns, and so fails here, for arrays that cannot be written to


def test_labels_beside_the_images(images):
    labels = np.arange(10) % 3
    assert samples((images, labels)).scan() == {"label": labels.tolist()}
    assert samples((images, {"a": list("abcdefghij")})).scan() == {"a": list("abcdefghij")}
    with pytest.raises(DataError, match="Expected 10 labels 'label', one a sample, found 9"):
        samples((images, labels[:9]))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.zeros((0, 3, 4, 4)), "at least one input, found none"),
        (np.zeros(7), r"shape \(N, ...\), one row a sample, found shape \(7,\)"),
        (
            np.zeros((9, 8, 3), np.uint8),
            r"looks like one picture. Pass a single picture as one row: `images\[None\]`",
        ),
        (np.array([["a", "b"]]), "an array of numbers, found one of type <U1"),
        ([], "at least one input, found none: an empty list"),
        (3.5, "Expected an array or tensor .* a folder of images; found float"),
        ({"a": 1}, "found dict"),
    ],
)
def test_what_is_no_set_of_images_is_refused(data, said):
    with pytest.raises(DataError, match=said):
        samples(data)


def test_indices_outside_are_refused(images):
    with pytest.raises(DataError, match=r"indices from 0 to 9, found \[10, -1\]"):
        samples(images).take([3, 10, -1])


def test_samples_stay_the_same_object_and_are_not_changed_by_groups(images):
    found = samples(images)
    grouped = samples(found, groups=["a", "b"] * 5)

    assert samples(found) is found
    assert found.groups is None
    assert grouped.groups.tolist() == [0, 1] * 5
    assert grouped.groups.dtype == np.int64


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([1, 2], "one value for each of 10 samples, found 2"),
        (np.zeros((10, 2)), r"found an array of shape \(10, 2\)"),
        ([float("nan")] + [1.0] * 9, "Expected a group for every sample, found 1 missing"),
        (["a", None] * 5, "Expected a group for every sample, found 5 missing"),
        ("patient", "There are no labels 'patient' to group by"),
    ],
)
def test_groups_that_do_not_fit_are_refused(images, groups, said):
    with pytest.raises(DataError, match=said):
        samples(images, groups=groups)


def test_a_label_may_name_the_groups(images):
    data = (images, {"patient": list("aabbccddee"), "label": list(range(10))})
    found = samples(data, groups="patient")

    assert found.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert list(found.scan()) == ["label"]


def test_one_pil_image_is_one_sample():
    found = samples(Image.new("RGB", (4, 3)))
    assert len(found) == 1
    assert found.take([0])[0].size == (4, 3)


def test_csv_belongs_to_folders(images):
    with pytest.raises(
        DataError, match=r"Expected a folder together with csv=, found ndarray. Leave csv= out"
    ):
        samples(images, csv="labels.csv")
