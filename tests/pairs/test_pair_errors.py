"""What cannot be used is refused, and it is said what to type."""

import numpy as np
import pytest
from PIL import Image

from interpret_inn.errors import ConceptError, DataError
from interpret_inn_pairs import build

NUMBERS = np.arange(40).reshape(-1, 2)

OF_NUMBERS = [
    ({}, "Expected pairs of at least one concept, found none. Type indices={'shape': pairs}"),
    (NUMBERS, r"Expected pairs by the name of what they share, found ndarray of shape \(20, 2\). Type indices="),
    ({"residual": NUMBERS}, "Expected names of what pairs share, other than 'residual', .* found 'residual'. Ren"),
    ({3: NUMBERS}, "other than 'residual', .* found 3. Rename it"),
    ({" ": NUMBERS}, "other than 'residual', .* found ' '. Rename it"),
    ([("a", NUMBERS), ("a", NUMBERS)], "Expected every concept once, found pairs of 'a' twice. Put them together"),
    ({"a": NUMBERS / 2}, r"in pairs of 'a', whole numbers \(n, 2\), found float64 of shape \(20, 2\). Type indices="),
    ({"a": NUMBERS[:0]}, r"whole numbers \(n, 2\), found int64 of shape \(0, 2\)"),
    ({"a": NUMBERS.reshape(-1)}, r"whole numbers \(n, 2\), found int64 of shape \(40,\)"),
    ({"a": NUMBERS > 2}, r"whole numbers \(n, 2\), found bool"),
    ({"a": NUMBERS + 60}, r"from 0 to 79 in pairs of 'a', found \[80, 81\] in pair 10 and in 9 more. Indices count fr"),
    ({"a": NUMBERS - 1}, r"from 0 to 79 in pairs of 'a', found \[-1, 0\] in pair 0. Indices count from 0"),
    ({"a": NUMBERS // 2}, "found image 0 paired with itself in pair 0 and in 19 more. Leave such pairs out"),
    ({"a": NUMBERS[:9]}, "of 'a' from at least 10 groups .* found 9 pairs in 9. Give more pairs of other images"),
    ({"a": NUMBERS // 8 + [0, 40]}, "from at least 10 groups of images that no pair connects, .* 20 pairs in 5"),
    (
        {"a": np.r_[NUMBERS, np.stack([np.arange(40, 79), np.arange(41, 80)], 1), [[2, 41]], [[4, 42]]]},
        "found 44 of 80 paired images connected in steps, .* Put each image into fewer pairs, or",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("pairs", "text"), OF_NUMBERS, ids=range(len(OF_NUMBERS)))
def test_numbers_that_cannot_be_used(images, pairs, text):
    with pytest.raises(ConceptError, match=text):
        build(images, indices=pairs)


def of_images():
    yield (
        lambda x: {},
        r"found none. Type data={'shape': \(first_images, second_images\)}, or images and indices=",
    )
    yield (
        lambda x: x,
        r"Expected pairs by the name of what they share, found ndarray of shape \(80, 24, 24, 3\). Type",
    )
    yield (
        lambda x: {"a": x},
        r"Expected two sets of images for 'a', .* found ndarray of shape \(80, 24, 24, 3\). Type",
    )
    yield lambda x: {"a": (x, x, x)}, "Expected two sets of images for 'a', .* found tuple of 3. Type"
    yield (
        lambda x: {"a": (x[:40], x[:39])},
        "Expected as many second images of 'a' as first ones, found 40 and 39. The first image makes a pair with",
    )
    yield (
        lambda x: {"a": (x, x)},
        "found the same images on both sides, so that each is paired with itself. Type",
    )
    yield lambda x: {"residual": (x[:40], x[40:])}, "other than 'residual', .* found 'residual'. Rename it"
    yield (
        lambda x: [("a", (x[:40], x[40:])), ("a", (x[:40], x[40:]))],
        "found pairs of 'a' twice. Put them together",
    )


@pytest.mark.parametrize(("made", "text"), list(of_images()))
def test_images_that_cannot_be_used(images, made, text):
    with pytest.raises(ConceptError, match=text):
        build(made(images))


OPTIONS = [
    (
        {"correlation": 1},
        "of pairs of 'hue' to be a number between 0 and 1, both excluded, found 1. Try 0.975",
    ),
    ({"correlation": True}, "both excluded, found True"),
    ({"correlation": float("nan")}, "both excluded, found nan"),
    ({"correlation": {"hue": "high"}}, "both excluded, found 'high'"),
    (
        {"correlation": {"hues": 0.9}},
        "A correlation was given for 'hues', which is no concept. Did you mean 'hue'?",
    ),
    ({"differs": ["hues"]}, "Pairs were said to differ in 'hues', which is no concept. Did you mean 'hue'?"),
    (
        {"differs": 1},
        r"Expected differs to be True, False or names of concepts, found 1. Type differs=\['hue'\]",
    ),
    (
        {"differs": {"hue": True}},
        "Expected differs to be True, False or names of concepts, found {'hue': True}",
    ),
]


@pytest.mark.parametrize(("options", "text"), OPTIONS, ids=[str(options) for options, _ in OPTIONS])
def test_options_that_cannot_be_used(images, options, text):
    with pytest.raises(ConceptError, match=text):
        build(images, indices={"hue": NUMBERS}, **options)


def test_groups_that_cannot_be_used(images):
    halves = {"hue": (images[:40], images[40:])}
    with pytest.raises(
        ConceptError, match="Expected groups as a mapping from concepts to one value for each pair, fou"
    ):
        build(halves, groups=np.arange(80))
    with pytest.raises(
        ConceptError, match=r"Groups were given for 'hues', which is no concept. Did you mean 'hue'\?"
    ):
        build(halves, groups={"hues": np.arange(40)})
    with pytest.raises(
        ConceptError, match=r"Expected groups with one value for each of 40 pairs of 'hue', found sha"
    ):
        build(halves, groups={"hue": np.arange(80)})
    with pytest.raises(DataError, match="Expected groups with one value for each of 80 samples, found 40"):
        build(images, indices={"hue": NUMBERS}, groups=np.arange(40))


def test_folders_with_unreadable_images_are_refused(images, tmp_path):
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number:02}.png")
    assert build(tmp_path, indices={"hue": NUMBERS})
    (tmp_path / "17.png").write_bytes(b"no picture")
    with pytest.raises(
        ConceptError,
        match=r"found 1 that cannot be read, after which pairs would be of other images: 17\.png",
    ):
        build(tmp_path, indices={"hue": NUMBERS})
