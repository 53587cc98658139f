from __future__ import annotations

import itertools
import json
import re
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data.transforms import ResizeKeepRatio, str_to_interp_mode

from interpret_inn.backbones import Preprocess
from interpret_inn.errors import InputError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def create_transform(size: tuple[int, int, int], *, interpolation: str, **options: Any) -> Any:
    """What timm does. Before 1.0.31 it resized bilinearly for inputs that are not square, whatever it was told."""
    transform = timm.data.create_transform(size, interpolation=interpolation, **options)
    if tuple(map(int, timm.__version__.split(".")[:3])) < (1, 0, 31):
        for step in transform.transforms:
            if isinstance(step, ResizeKeepRatio):
                step.interpolation = str_to_interp_mode(interpolation)
    return transform


def picture(height: int, width: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_geometry_is_timms(mode: str, interpolation: str) -> None:
    shapes = [(50, 71), (71, 50), (20, 21)]
    for size, crop_pct, shape in itertools.product([(32, 32), (24, 32)], [0.875, 1.0, 1.15], shapes):
        ours = Preprocess(size, MEAN, STD, crop_pct, mode, interpolation, channels=3)
        image = Image.fromarray(picture(*shape))
        theirs = create_transform(
            (3, *size), crop_pct=crop_pct, crop_mode=mode, interpolation=interpolation, mean=MEAN, std=STD
        )
        torch.testing.assert_close(
            ours([image]), theirs(image)[None], rtol=0, atol=1e-5,
            msg=lambda text, case=(size, crop_pct, shape): f"size, crop_pct and shape {case}: {text}",
        )  # fmt: skip


def test_every_form_of_the_same_pictures_gives_the_same_inputs() -> None:
    arrays = np.stack([picture(20, 30, seed) for seed in range(3)])
    preprocess = Preprocess((16, 16), MEAN, STD, 0.9, channels=3)
    expected = preprocess([Image.fromarray(array) for array in arrays])
    tensor = torch.from_numpy(arrays)
    for batch in (
        arrays,
        list(arrays),
        tensor,
        tensor.permute(0, 3, 1, 2),
        arrays.transpose(0, 3, 1, 2),
        list(tensor),
        list(tensor.permute(0, 3, 1, 2)),
    ):
        assert torch.equal(preprocess(batch), expected)
    # Floats are resized without rounding to 8 bits.
    torch.testing.assert_close(preprocess(tensor.permute(0, 3, 1, 2) / 255), expected, rtol=0, atol=0.25)
    torch.testing.assert_close(preprocess(arrays / 255), expected, rtol=0, atol=0.25)


def test_pictures_of_the_models_size_are_used_as_they_are() -> None:
    arrays = np.stack([picture(16, 16, seed) for seed in range(2)])
    preprocess = Preprocess((16, 16), crop_pct=0.5, channels=3)
    expected = torch.from_numpy(arrays).permute(0, 3, 1, 2) / 255
    for batch in (arrays, list(arrays), [Image.fromarray(a) for a in arrays], expected):
        assert torch.equal(preprocess(batch), expected)


def test_lists_may_hold_several_sizes_and_kinds() -> None:
    items = [
        picture(20, 30),
        Image.fromarray(picture(9, 7)),
        picture(8, 8)[:, :, 0],
        Image.new("RGBA", (5, 5)),
    ]
    assert Preprocess((8, 8), MEAN, STD, channels=3)(items).shape == (4, 3, 8, 8)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "I;16", "I", "F"])
def test_pillow_modes(mode: str) -> None:
    image = Image.new(mode, (4, 4))
    assert Preprocess(channels=3)([image]).shape == (1, 3, 4, 4)
    assert Preprocess(channels=1)([image]).shape == (1, 1, 4, 4)


def test_sixteen_bits() -> None:
    array = np.full((1, 5, 5), 65535, dtype=np.uint16)
    assert Preprocess()(array).max() == 1
    assert Preprocess()([Image.fromarray(array[0])]).max() == 1
    assert Preprocess((2, 2))([Image.fromarray(array[0])]).shape == (1, 1, 2, 2)


def test_grey_pictures() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    assert Preprocess()(grey).shape == (5, 1, 28, 28)
    assert Preprocess(channels=1)(grey[:, None]).shape == (5, 1, 28, 28)
    as_colour = Preprocess(channels=3)(grey)
    assert as_colour.shape == (5, 3, 28, 28)
    assert torch.equal(as_colour[:, 0], as_colour[:, 2])
    assert torch.equal(Preprocess()(grey / np.float32(255)), Preprocess()(grey))
    assert Preprocess()(grey > 128).unique().tolist() == [0, 1]


def test_other_numbers_of_channels() -> None:
    assert Preprocess(channels=13)(torch.rand(2, 13, 8, 8)).shape == (2, 13, 8, 8)
    assert Preprocess(channels=13)(np.random.default_rng(0).random((2, 8, 8, 13))).shape == (2, 13, 8, 8)


RANDOM = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (
            RANDOM * 4 - 2,
            r"values in \[0, 1\] \(or uint8\), found -[12].*type wrap\(\.\.\., preprocess='identity'\)",
        ),
        (RANDOM * 255, r"found 0.* to 25\d"),
        (
            RANDOM.index_fill(0, torch.tensor([1, 3]), torch.nan),
            r"NaN or infinity in 2 of 4 inputs \(indices 1, 3\)",
        ),
        (RANDOM.index_fill(0, torch.tensor([2]), torch.inf), r"in 1 of 4 inputs \(indices 2\)"),
        (torch.rand(4, 4, 8, 8), r"Expected pictures of 3 channels, found 4 in \(4, 4, 8, 8\)"),
        (
            np.zeros((8, 8, 3), np.uint8),
            r"found \(8, 8, 3\), which looks like a single picture. Type images\[None\]",
        ),
        (torch.rand(3, 8, 8), r"looks like a single picture.*or images\[:, None\]"),
        (torch.rand(4, 8), r"found shape \(4, 8\); if they are already normalised"),
        (torch.rand(0, 3, 8, 8), r"found shape \(0, 3, 8, 8\)"),
        (torch.zeros(4, 3, 8, 8, dtype=torch.int64), r"found int64. Type images.astype\('uint8'\)"),
        ("cat.png", "found str"),
        ([], "found an empty list"),
        (["cat.png"], "Expected a list of PIL images or of arrays .* found str at index 0"),
        ([picture(4, 4), np.zeros(3)], r"found ndarray of shape \(3,\) at index 1"),
        (
            [picture(4, 4), np.zeros((4, 4, 4), np.uint8)],
            r"Picture 1 of the list: Expected pictures of 3 channels",
        ),
        (
            [picture(4, 4), picture(5, 4)],
            r"pictures of one size, found \[\(4, 4\), \(5, 4\)\].*preprocess=\{'size'",
        ),
        (np.array([["a"]]), "Expected|found shape"),
    ],
)
def test_wrong_pictures_are_refused(batch: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Preprocess(channels=3)(batch)


def test_lists_of_several_channels_and_too_many_channels_are_refused() -> None:
    with pytest.raises(InputError, match=r"same number of channels everywhere, found \[1, 3\]"):
        Preprocess()([picture(4, 4), picture(4, 4)[:, :, 0]])
    with pytest.raises(InputError, match="Expected pictures of 4 channels, found a PIL image in 'RGB'"):
        Preprocess(channels=4)([Image.new("RGB", (4, 4))])
    with pytest.raises(
        InputError, match=r"Expected 3 channels to normalise, found 1\. .*'channels': 3, which repeats grey"
    ):
        Preprocess(mean=MEAN, std=STD)(torch.rand(2, 1, 4, 4))
    assert Preprocess(mean=MEAN, std=STD, channels=3)(torch.rand(2, 1, 4, 4)).shape == (2, 3, 4, 4)
    with pytest.raises(InputError, match="Expected an array of numbers, found dtype <U1"):
        Preprocess()(np.full((2, 5, 5), "a"))


def test_identity_checks_that_values_are_finite_and_no_more() -> None:
    identity = Preprocess.identity()
    x = torch.randn(3, 7) * 100
    assert identity(x) is x
    assert torch.equal(identity(list(x)), x)
    assert identity(x.numpy().astype("float64")).dtype == torch.float64
    assert identity(torch.tensor([[1], [2]])).dtype == torch.int64
    assert identity(np.zeros((2, 2), np.uint8)).dtype == torch.float32
    with pytest.raises(InputError, match=r"NaN or infinity in 1 of 3 inputs \(indices 2\). Leave them out"):
        identity(x.index_fill(0, torch.tensor([2]), torch.nan))
    with pytest.raises(InputError, match=r"Expected prepared inputs .* found a list of Image"):
        identity([Image.new("RGB", (2, 2))])
    with pytest.raises(InputError, match=r"prepared inputs of one shape, found \(3,\) and \(7,\)"):
        identity([x[0], x[0, :3]])
    with pytest.raises(InputError, match="at least one input"):
        identity(torch.zeros(0, 3))


def test_undo() -> None:
    arrays = np.stack([picture(8, 8, seed) for seed in range(2)])
    for preprocess in (
        Preprocess(),
        Preprocess(mean=MEAN, std=STD),
        Preprocess(size=(8, 8), mean=MEAN, std=STD),
    ):
        assert np.array_equal(preprocess.undo(preprocess(arrays)), arrays)
    grey = Preprocess().undo(torch.rand(2, 1, 4, 4))
    assert grey is not None
    assert grey.shape == (2, 4, 4, 3)
    assert Preprocess().undo(torch.rand(2, 4)) is None
    assert Preprocess().undo(torch.rand(2, 5, 4, 4)) is None


def test_undo_of_inputs_prepared_elsewhere() -> None:
    identity, x = Preprocess.identity(), torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3)
    for prepared in (x, x * 2 - 1, x * 6 - 2):
        shown = identity.undo(prepared)
        assert shown is not None
        assert shown[0, 0, :, 0].tolist() == [0, 128, 255]
    assert identity.undo(torch.full((1, 3, 2, 2), 7.0)) is not None


@pytest.mark.parametrize(
    "preprocess",
    [Preprocess(), Preprocess.identity(), Preprocess((4, 6), MEAN, STD, 0.9, "squash", "bilinear", 3)],
)
def test_json_and_back(preprocess: Preprocess) -> None:
    assert Preprocess.from_dict(json.loads(json.dumps(preprocess.to_dict()))) == preprocess


def half(batch: Any) -> torch.Tensor:
    return torch.as_tensor(batch) / 2


def test_callables() -> None:
    preprocess = Preprocess.of(half)
    assert torch.equal(preprocess(torch.ones(2, 3)), torch.full((2, 3), 0.5))
    assert torch.equal(preprocess([torch.ones(3)]), torch.full((1, 3), 0.5))
    stored = json.loads(json.dumps(preprocess.to_dict()))
    assert stored["mode"] == "callable"
    assert stored["name"].endswith("test_preprocess.half")
    assert stored == Preprocess.of(half).to_dict()
    assert Preprocess.of(lambda b: b).to_dict() != Preprocess.of(lambda b: b + 1).to_dict()
    with pytest.raises(InputError, match=r"callable of your own, which is not stored. Pass it again"):
        Preprocess.from_dict(stored)(torch.ones(2, 3))
    with pytest.raises(InputError, match="Expected `preprocess` to return a tensor, found int"):
        Preprocess.of(lambda b: 3)(torch.ones(2, 3))
    with pytest.raises(InputError, match="NaN or infinity in 2 of 2"):
        Preprocess.of(lambda b: b * torch.nan)(torch.ones(2, 3))


def test_callables_that_tell_nothing_of_themselves_are_never_taken_for_each_other() -> None:
    class Opaque:
        def __call__(self, batch: Any) -> Any:
            return batch

    same = Opaque()
    assert Preprocess.of(same).to_dict()["digest"] != Preprocess.of(same).to_dict()["digest"]


def test_what_may_be_given() -> None:
    assert Preprocess.of(None) == Preprocess()
    assert Preprocess.of("identity") == Preprocess.identity()
    assert Preprocess.of({"mean": [0.5], "std": [0.5]}) == Preprocess(mean=(0.5,), std=(0.5,))
    preprocess = Preprocess((4, 4))
    assert Preprocess.of(preprocess) is preprocess


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "imagenet",
            "Expected preprocess to be None, 'identity', a Preprocess, a dict of its fields or a callable",
        ),
        ({"means": [0.5]}, r"Expected fields of a preprocess .* found ['means']"),
        ({"mean": [0.5]}, r"mean and a standard deviation above 0 for each channel, found (0.5,) and ()"),
        ({"crop_pct": 0}, "Expected crop_pct in (0, 2], found 0"),
        ({"interpolation": "bicubik"}, "There is no interpolation 'bicubik'. Did you mean 'bicubic'"),
        ({"crop_mode": "middle"}, "Expected crop_mode to be one of center, squash, border, found 'middle'"),
        ({"mode": "magic"}, "Expected mode to be one of pictures, identity, callable, found 'magic'"),
    ],
)
def test_what_may_not_be_given(given: Any, message: str) -> None:
    pattern = ".*".join(map(re.escape, message.split(" .* ")))
    with pytest.raises(InputError, match=pattern):
        Preprocess.of(given)


@pytest.mark.parametrize(
    ("fields", "pattern"),
    [
        ({"mean": 0.5, "std": 0.5}, "Expected mean of a preprocess to be a list of finite numbers"),
        ({"mean": [0.5], "std": "1"}, "Expected std of a preprocess to be a list of finite numbers"),
        ({"mean": [float("nan")], "std": [1]}, "Expected mean of a preprocess"),
        ({"mean": [True], "std": [1]}, "Expected mean of a preprocess"),
        (
            {"size": 224},
            r"Expected size of a preprocess to be two whole numbers from 1, \(height, width\), found 224",
        ),
        ({"size": [0, 4]}, "Expected size of a preprocess"),
        ({"size": [4, 4, 4]}, "Expected size of a preprocess"),
        ({"size": [4.5, 4]}, "Expected size of a preprocess"),
        (
            {"channels": "three"},
            "Expected channels of a preprocess to be a whole number from 1, found 'three'",
        ),
        ({"crop_pct": "0.9"}, r"Expected crop_pct in \(0, 2\], found '0.9'"),
        ({"interpolation": ["bilinear"]}, "There is no interpolation"),
    ],
)
def test_fields_that_nothing_can_be_prepared_with_are_refused(fields: dict[str, Any], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        Preprocess.of(fields)


@pytest.mark.parametrize(
    ("size", "crop_pct", "fits"),
    [
        (None, 1e-9, True),
        ((16384, 16384), 1.0, True),
        ((16384, 16384), 2.0, True),
        ((16385, 16384), 1.0, False),
        ((16384, 16384), 0.99, False),
        ((10**6, 10**6), 1.0, False),
        ((10**400, 1), 1.0, False),
        ((1, 10**5), 1.0, False),
        ((64, 64), 1e-9, False),
        ((224, 224), 0.875, True),
    ],
)
def test_pictures_are_of_moderate_size(size, crop_pct, fits):
    if fits:
        assert Preprocess(size=size, crop_pct=crop_pct).size == size
    else:
        with pytest.raises(
            InputError, match="Expected pictures of at most 268,435,456 pixels before they are"
        ):
            Preprocess(size=size, crop_pct=crop_pct)
