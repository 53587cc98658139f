import numpy as np
import pytest
import torch
from PIL import Image

from interpret_inn.errors import ConceptError, DataError
from interpret_inn.testing import check_concept_source
from interpret_inn.types import SAME
from interpret_inn_transforms import build


def same(first, second):
    return np.array_equal(np.asarray(first), np.asarray(second))


def draw(source, n, seed=0, among=None):
    among = torch.arange(len(source.samples)) if among is None else among
    return source.sample_pairs(n, torch.Generator().manual_seed(seed), among)


def test_the_source_keeps_its_contract(pictures):
    check_concept_source(build(pictures))
    check_concept_source(build(pictures, variants=3, strength=0.5, groups=np.arange(20) // 2))


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x,
        lambda x: x.astype(np.float32) / 255,
        lambda x: torch.from_numpy(x).permute(0, 3, 1, 2),
        lambda x: torch.from_numpy(x).permute(0, 3, 1, 2).double() / 255,
        lambda x: [Image.fromarray(one) for one in x],
        lambda x: [one[: 12 + i % 2] for i, one in enumerate(x)],
    ],
    ids=["uint8", "floats", "tensor", "double tensor", "pillow", "two sizes"],
)
def test_variants_come_in_the_form_of_the_pictures_and_stay_the_same(pictures, form):
    given = form(pictures)
    samples = build(given).samples
    at_once = [one for batch in samples.batches(1000) for one in batch]
    in_bits = [one for batch in samples.batches(13) for one in batch]
    assert len(samples) == len(at_once) == 20 * 21
    assert all(map(same, at_once, in_bits))
    for place, original in enumerate(given):
        found = at_once[21 * place]
        assert type(found) is type(original)
        assert getattr(found, "dtype", None) == getattr(original, "dtype", None)
        np.testing.assert_allclose(np.asarray(found), np.asarray(original), atol=1e-6)
    assert samples.fingerprint() == build(given).samples.fingerprint()


def test_grey_pictures_and_transparent_ones(pictures):
    grey = build(pictures[..., 0], transforms=["rotation", "blur"]).samples
    assert grey.take([0, 1]).shape == (2, 24, 24)
    clear = [Image.fromarray(np.zeros((8, 8, 4), np.uint8)) for _ in range(12)]
    (shown,) = build(clear, transforms=["blur"]).samples.take([0])
    assert shown.mode == "RGB"
    assert (np.asarray(shown) == 255).all()  # over white


def test_deep_pillow_images_keep_their_greys():
    light = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    for image in (Image.fromarray(light), Image.fromarray((light * 65535).astype(np.uint16))):
        (shown,) = build([image] * 12, transforms=["blur"]).samples.take([0])
        np.testing.assert_allclose(np.asarray(shown) / 255, light, atol=0.5 / 255 + 1e-6)


def test_a_palettes_transparent_entry_lies_over_white():
    image = Image.fromarray(np.zeros((8, 8), np.uint8), "P")
    image.info["transparency"] = 0
    (shown,) = build([image] * 12, transforms=["blur"]).samples.take([0])
    assert (np.asarray(shown) == 255).all()


def test_size_brings_pictures_to_a_square(pictures):
    wide = [Image.fromarray(np.concatenate([one, one], 1)) for one in pictures]
    found = build(wide, size=16).samples.take([0, 5])
    assert [one.size for one in found] == [(16, 16), (16, 16)]
    assert build(pictures, size=24).samples.take([0]).shape == (1, 24, 24, 3)


def test_fingerprints_tell_what_is_made(pictures):
    def fingerprint(**options):
        return build(pictures, **options).samples.fingerprint()

    different = [
        fingerprint(), fingerprint(seed=1), fingerprint(strength=0.5), fingerprint(variants=3),
        fingerprint(transforms=["hue"]), fingerprint(transforms={"mine": lambda p, a, g: p * a}),
        fingerprint(transforms={"mine": lambda p, a, g: p * a * 0.9}),
    ]  # fmt: skip
    assert len(set(different)) == len(different)


def test_a_transforms_amounts_do_not_depend_on_the_others(pictures):
    one, other = (build(pictures, transforms=t) for t in (["hue", "scale"], ["scale"]))
    first, second = (s.concepts[-1].values[~np.isnan(s.concepts[-1].values)] for s in (one, other))
    assert np.array_equal(first, second)


def test_values_are_known_for_the_variants_of_their_transform_only(pictures):
    source = build(pictures, transforms=["hue", "shift", "flip"])
    assert [c.kind for c in source.concepts] == ["cyclic", "numeric", "categorical"]
    known = [
        ~np.isnan(source.concepts[0].values),
        ~np.isnan(source.concepts[1].values).any(1),
        source.concepts[2].values >= 0,
    ]
    assert [int(k.sum()) for k in known] == [40, 40, 40]
    assert int(np.any(known, axis=0).sum()) == 120
    assert source.concepts[2].classes == ("as it is", "mirrored")
    assert np.array_equal(source.samples.groups, np.repeat(np.arange(20), 7))
    assert source.samples.names[:3] == ["0", "0, hue", "0, hue"]
    part = build(pictures, transforms=["hue"], strength=0.5).concepts[0]
    assert part.kind == "numeric"  # half a turn has two ends


def test_pairs_within_a_picture_share_all_but_their_concept(pictures):
    source = build(pictures, transforms=["hue", "blur", "flip"], across=0.0)
    pairs = draw(source, 600)
    assert (pairs.first // 7 == pairs.second // 7).all()
    which = source.samples.transform
    assert (which[pairs.first] == which[pairs.second]).all()
    for place in range(600):
        own = which[pairs.first[place]]
        expected = torch.full((4,), SAME)
        expected[own] = -SAME if own == 2 else 0.0
        torch.testing.assert_close(pairs.rho[place], expected)


def test_pairs_across_pictures_share_nothing_but_their_concept(pictures):
    source = build(np.concatenate([pictures] * 10), transforms=["blur", "hue", "flip", "shift"], across=1.0)
    pairs = draw(source, 4000)
    assert (pairs.first // 9 != pairs.second // 9).all()
    assert float(pairs.rho[:, -1].abs().max()) == 0
    assert ((pairs.rho != 0).sum(1) <= 1).all()
    blur = source.concepts[0].values
    mine = source.samples.transform[pairs.first] == 0
    rho = pairs.rho[mine, 0].numpy()
    one, other = blur[pairs.first[mine]], blur[pairs.second[mine]]
    assert len(np.unique(rho.round(4))) == 3
    assert np.corrcoef(one[rho > 0.9], other[rho > 0.9])[0, 1] > 0.95
    low = rho < 0.75
    assert 0.4 < np.corrcoef(one[low], other[low])[0, 1] < 0.9
    mine = source.samples.transform[pairs.first] == 1
    turned = source.concepts[1].values[pairs.first[mine]] - source.concepts[1].values[pairs.second[mine]]
    np.testing.assert_allclose(pairs.rho[mine, 1], SAME * np.cos(turned), atol=1e-6)
    mine = pairs.rho[:, 2] > 0  # few are told as independent, where one's own picture came up
    assert int(mine.sum()) > 800
    done = source.concepts[2].values
    assert np.array_equal(done[pairs.first[mine]], done[pairs.second[mine]])


def test_groups_are_not_paired_across(pictures):
    groups = np.arange(20) // 10
    source = build(pictures, transforms=["blur", "hue"], across=1.0, groups=groups)
    pairs = draw(source, 500)
    assert (groups[pairs.first // 5] != groups[pairs.second // 5]).all()


def test_one_picture_alone_can_only_be_paired_with_itself(pictures):
    source = build(pictures, transforms=["blur"])
    pairs = draw(source, 20, among=torch.arange(3))
    assert (pairs.rho[:, 0] == 0).all()
    with pytest.raises(ConceptError, match="Expected variants to pair, found none among 1 samples"):
        draw(source, 20, among=torch.arange(1))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"strength": 0}, "Expected a strength above 0 and up to 4, found 0"),
        ({"strength": "much"}, "Expected a strength above 0 and up to 4, found 'much'"),
        ({"variants": 1}, "Expected at least 2 variants of each picture, found 1"),
        ({"across": 2}, "Expected across to be a share from 0 to 1, found 2"),
        ({"size": 0}, "Expected a size in pixels, at least 1, found 0"),
    ],
)
def test_options_that_cannot_be(pictures, options, text):
    with pytest.raises(ConceptError) as raised:
        build(pictures, **options)
    assert text in str(raised.value)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (np.random.default_rng(0).normal(size=(12, 8, 8, 3)), "Expected pictures with values in [0, 1]"),
        (
            np.zeros((12, 8, 8, 3), np.int64),
            "Expected pictures of 8 bits (uint8) or floats in [0, 1], found int64",
        ),
        (np.zeros((12, 100), np.float32), "Expected pictures (H, W), (H, W, C) or (C, H, W)"),
        (np.zeros((12, 5, 8, 8), np.float32), "found (5, 8, 8)"),
    ],
)
def test_what_are_no_pictures_is_refused(data, text):
    with pytest.raises(DataError) as raised:
        build(data).samples.take([0])
    assert text in str(raised.value)


def test_other_things_are_no_pictures():
    class Strange:
        groups, names, skipped = None, None, ()

        def __len__(self):
            return 12

        def batches(self, batch_size):
            yield ["x"] * 12

        def take(self, indices):
            return ["x" for _ in indices]

        def fingerprint(self):
            return "x"

    with pytest.raises(DataError, match="Expected pictures to transform, found str at index 0"):
        build(Strange()).samples.take([0])
