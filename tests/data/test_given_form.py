"""Pictures made of others come in the same form."""

import numpy as np
import pytest
import torch
from PIL import Image

from interpret_inn.data.given_form import GivenForm, stacked

COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        COLOUR,
        COLOUR[..., 0],
        COLOUR[..., :1],
        (COLOUR / 255).astype(np.float32).astype(np.float64),
        torch.from_numpy(COLOUR).permute(2, 0, 1),
        torch.from_numpy(COLOUR).permute(2, 0, 1).half() / 255,
        Image.fromarray(COLOUR),
        Image.fromarray(COLOUR[..., 0]),
    ],
    ids=["uint8", "flat", "grey", "float64", "tensor", "half", "pillow", "grey pillow"],
)
def test_a_picture_is_restored_as_it_came(picture):
    form = GivenForm.of(picture)
    values = picture if isinstance(picture, torch.Tensor) else torch.from_numpy(np.array(picture))
    values = values.float()
    values = values / 255 if form.whole else values
    planes = {"hw": values[None], "hwc": values.movedim(-1, 0) if values.ndim == 3 else None, "chw": values}
    found = form.restored(planes[form.axes])
    assert type(found) is type(picture)
    assert getattr(found, "dtype", None) == getattr(picture, "dtype", None)
    assert np.array_equal(np.asarray(found), np.asarray(picture))


@pytest.mark.parametrize(
    "picture",
    [np.eye(6, 8, dtype=bool), np.full((6, 8), 9, np.uint16), torch.eye(6, 8).bool(), torch.eye(6, 8).int()],
    ids=["bool", "uint16", "bool tensor", "int32 tensor"],
)
def test_greys_between_come_as_floats_where_the_form_has_none(picture):
    """A bool would be white wherever it is not quite black, and whole numbers of another unit black or nearly."""
    greys = torch.rand(1, 6, 8, generator=torch.Generator().manual_seed(0))
    found = GivenForm.of(picture).restored(greys)
    assert type(found) is type(picture)
    assert str(found.dtype).endswith("float32")
    assert np.array_equal(np.asarray(found), greys[0].numpy())


@pytest.mark.parametrize("shape", [(6,), (6, 8, 2), (2, 3, 6, 8), (0, 8)])
def test_what_is_no_picture_has_no_form(shape):
    assert GivenForm.of(np.zeros(shape)) is None
    assert GivenForm.of(torch.zeros(shape)) is None


def test_channels_of_arrays_stand_last_and_of_tensors_first():
    assert GivenForm.of(np.zeros((3, 8, 3))).axes == "hwc"
    assert GivenForm.of(torch.zeros(3, 8, 3)).axes == "chw"


def test_only_what_is_of_one_kind_shape_and_type_is_stacked():
    ones = [np.ones((2, 3)), np.ones((2, 3))]
    assert stacked(ones).shape == (2, 2, 3)
    assert stacked([torch.ones(2), torch.ones(2)]).shape == (2, 2)
    for apart in (
        [],
        [ones[0], ones[0][:1]],
        [ones[0], ones[0].astype(np.float32)],
        [ones[0], torch.ones(2, 3)],
    ):
        assert stacked(apart) is apart
