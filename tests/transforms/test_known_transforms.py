import colorsys
import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from interpret_inn.errors import ConceptError, PluginError
from interpret_inn_transforms.known_transforms import TRANSFORMS, Transform, named_transforms
from interpret_inn_transforms.variants import apply

NOTHING = dict.fromkeys(TRANSFORMS, 0.0)


def changed(name, picture, amount, seed=0):
    """One picture (C, H, W) through a transform that is known by name."""
    transform = TRANSFORMS[name]
    amounts = torch.as_tensor(amount, dtype=torch.float64).reshape(1, -1)
    amounts = amounts if transform.axes > 1 else amounts[:, 0]
    return apply(name, transform, picture[None], amounts, [torch.Generator().manual_seed(seed)])[0]


@pytest.fixture
def picture(pictures):
    return torch.from_numpy(pictures[0]).permute(2, 0, 1).float() / 255


@pytest.mark.parametrize("name", TRANSFORMS)
def test_an_amount_of_nothing_changes_nothing(name, picture):
    amount = [0.0, 0.0] if TRANSFORMS[name].axes == 2 else 0.0
    torch.testing.assert_close(changed(name, picture, amount), picture, atol=2e-5, rtol=0)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_largest_amount_changes_the_picture_and_keeps_its_form(name, picture):
    transform = TRANSFORMS[name]
    high = [transform.high] * transform.axes if transform.axes > 1 else transform.high
    found = changed(name, picture, high if name != "hue" else 1.0)
    assert found.shape == picture.shape
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert float((found - picture).abs().mean()) > 0.005


def test_hue_turns_colours_the_way_of_the_colour_wheel_and_keeps_brightness(picture):
    red = torch.tensor([0.6, 0.4, 0.4]).view(3, 1, 1).expand(3, 4, 4)
    angles = np.linspace(0, 2 * math.pi, 13)[:-1]
    hues = [colorsys.rgb_to_hsv(*changed("hue", red, angle)[:, 0, 0].tolist())[0] for angle in angles]
    assert (
        np.diff(hues) > 0
    ).all()  # once around, from red over yellow and green; unevenly, as YIQ is not HSV
    turned = changed("hue", red, 1.0)
    weights = torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(turned[:, 0, 0] @ weights, red[:, 0, 0] @ weights)


def test_colours_by_their_formulas(picture):
    torch.testing.assert_close(changed("brightness", picture, -1.0), picture / 2)
    grey = changed("greyscale", picture, 1.0)
    torch.testing.assert_close(grey[0], grey[1])
    torch.testing.assert_close(grey[0], (picture * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0))
    torch.testing.assert_close(changed("saturation", picture, -1.0), (picture + grey) / 2)
    torch.testing.assert_close(changed("contrast", picture, -1.0), (picture + grey.mean()) / 2)


def test_blur_is_scipys_gaussian(picture):
    expected = gaussian_filter(picture.numpy(), (0, 0.03 * 24, 0.03 * 24), mode="mirror", truncate=3.0)
    np.testing.assert_allclose(changed("blur", picture, 0.03).numpy(), expected, atol=2e-3)


def test_a_blur_wider_than_the_picture_is_still_one(picture):
    found = changed("blur", picture, 1.0)
    assert float(found.std((1, 2)).max()) < float(picture.std((1, 2)).max())


def test_rotation_shift_and_flip_move_pixels():
    picture = torch.zeros(3, 24, 24)
    picture[:, 4, 12:14] = 1  # a mark above the middle
    turned = changed("rotation", picture, math.pi / 2)[0]
    row, column = np.unravel_index(int(turned.argmax()), (24, 24))
    assert abs(row - 11.5) <= 1.5
    assert column in (4, 5)  # anticlockwise: to the left
    moved = changed("shift", picture, [3 / 24, 2 / 24])
    torch.testing.assert_close(moved, picture.roll((2, 3), (1, 2)), atol=1e-4, rtol=0)
    mirrored = changed("flip", picture, 1.0)
    torch.testing.assert_close(mirrored, picture.flip(2))


def test_rotation_keeps_proportions_of_pictures_that_are_not_square():
    picture = torch.zeros(1, 20, 40)
    picture[:, 8:12, 18:22] = 1
    turned = changed("rotation", picture, math.pi / 4)[0]
    assert float(turned.sum()) == pytest.approx(16, rel=0.1)
    assert float((turned - turned.flip(0)).abs().max()) < 1e-4


def test_occlusion_covers_the_area_it_says(picture):
    covered = changed("occlusion", torch.zeros(3, 100, 100), 0.25)
    assert float((covered[0] == 0.5).float().mean()) == pytest.approx(0.25, abs=0.01)


def test_noise_has_the_strength_it_says_and_comes_from_its_generator():
    grey = torch.full((3, 100, 100), 0.5)
    found = changed("noise", grey, 0.1)
    assert float((found - grey).std()) == pytest.approx(0.1, rel=0.02)
    assert torch.equal(found, changed("noise", grey, 0.1))
    assert not torch.equal(found, changed("noise", grey, 0.1, seed=1))


def test_amounts_are_spread_evenly_and_done_takes_turns():
    generator = np.random.default_rng(0)
    amounts = TRANSFORMS["scale"].draw(50, 2, strength=0.5, generator=generator)
    assert amounts.shape == (100,)
    np.testing.assert_allclose(np.sort(amounts), np.linspace(-0.3, 0.3, 101)[:-1] + 0.003, atol=0.0031)
    assert TRANSFORMS["shift"].draw(50, 2, strength=1, generator=generator).shape == (100, 2)
    done = TRANSFORMS["flip"].draw(50, 2, strength=0.5, generator=generator).reshape(50, 2)
    assert (done.sum(1) == 1).all()
    assert done[:, 0].mean() == 0.5


def tilt(picture, amount, generator):
    return picture * (1 - amount)


def test_names_and_functions_become_transforms():
    assert list(named_transforms("hue")) == ["hue"]
    assert list(named_transforms(tilt)) == ["tilt"]
    assert list(named_transforms(["hue", tilt])) == ["hue", "tilt"]
    found = named_transforms(
        {"sharpness": "blur", "darkness": lambda p, a, g: p * (1 - a), "own": Transform(tilt)}
    )
    assert found["sharpness"] is TRANSFORMS["blur"]
    assert list(found) == ["sharpness", "darkness", "own"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (["rotaton"], "There is no transform 'rotaton'. Did you mean 'rotation'"),
        ([], "Expected at least one transform, found none"),
        (3, "Expected names of transforms or functions, found int"),
        (["hue", "hue"], "'hue' was given twice"),
        ([lambda p, a, g: p], "found a lambda"),
        ({"a": 3}, "Expected a name or a function as the transform 'a', found int"),
    ],
)
def test_what_is_no_transform_is_refused(given, text):
    with pytest.raises(ConceptError) as raised:
        named_transforms(given)
    assert text in str(raised.value)


def test_what_a_function_must_not_give(picture):
    def run(function, one=picture):
        return apply("mine", Transform(function), one[None], torch.tensor([0.5]), [torch.Generator()])

    assert torch.equal(run(tilt)[0], picture * 0.5)
    with pytest.raises(ConceptError, match=r"Expected the transform 'mine' to keep the shape \(3, 24, 24\)"):
        run(lambda p, a, g: p[:, :3])
    with pytest.raises(ConceptError, match="'mine' gave values that are not finite"):
        run(lambda p, a, g: p * float("nan"))
    with pytest.raises(PluginError, match=r"The transform 'mine' failed .* ZeroDivisionError"):
        run(lambda p, a, g: p / (1 // 0))
    with pytest.raises(ConceptError, match="'hue' needs pictures in colour, found grey ones"):
        changed("hue", picture[:1], 1.0)
