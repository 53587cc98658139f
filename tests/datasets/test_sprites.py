"""Shapes like those of dSprites."""

import os
from pathlib import Path

import numpy as np
import pytest

from interpret_inn.datasets import Sprites

SPRITES = Sprites()


def image(shape: int, scale: int = 5, orientation: int = 0, x: int = 16, y: int = 16) -> np.ndarray:
    return SPRITES.drawn([[shape, scale, orientation, x, y]])[0, ..., 0] > 0


def test_images_are_black_and_white() -> None:
    assert set(np.unique(SPRITES.drawn(SPRITES.sample(50, seed=0)))) == {0, 255}


def test_x_goes_right_and_y_goes_down() -> None:
    for x, y in ((0, 31), (31, 0)):
        down, right = np.argwhere(image(0, x=x, y=y)).mean(0)
        assert right == pytest.approx(15.5 + 32 * x / 31, abs=0.5)
        assert down == pytest.approx(15.5 + 32 * y / 31, abs=0.5)


def test_scale_is_a_length() -> None:
    for shape in range(3):
        small, large = (image(shape, scale=scale).sum() for scale in (0, 5))
        assert large / small == pytest.approx(4, rel=0.15)


def test_shapes_lie_inside_the_image() -> None:
    corners = np.array(
        [[s, 5, o, x, y] for s in range(3) for o in range(0, 40, 3) for x in (0, 31) for y in (0, 31)]
    )
    drawn = SPRITES.drawn(corners)[..., 0]
    assert not drawn[:, [0, -1]].any() and not drawn[:, :, [0, -1]].any()


def test_orientation_turns_counterclockwise_and_comes_round() -> None:
    heart = image(2)
    tip = np.argwhere(heart)[-1]  # lowest row
    assert tip[0] > 38 and abs(tip[1] - 32) < 2
    quarter = np.argwhere(image(2, orientation=10))  # 92 degrees: the tip points right
    first, last = quarter[:, 1].min(), quarter[:, 1].max()
    assert (quarter[:, 1] >= last - 2).sum() < (quarter[:, 1] <= first + 2).sum()
    for shape in range(3):
        assert np.array_equal(image(shape), image(shape, orientation=39))


def test_the_heart_is_the_same_on_both_sides() -> None:
    # at 15.5 + 32 · 0.5 a pixel's border would be the axis; 16 of 31 is half a pixel off
    drawn = SPRITES._inside(*(np.array([value]) for value in (2, 1.0, 0.0, 0.5, 0.5)))[0]
    assert np.array_equal(drawn, drawn[:, ::-1])


@pytest.mark.real
def test_they_agree_with_originals() -> None:
    folder = os.environ.get("INTERPRET_INN_REAL")
    if not folder:
        pytest.skip("INTERPRET_INN_REAL is unset: it names the folder of real networks and images")
    originals = np.load(Path(folder) / "images" / "dsprites_12.npz")
    known = originals["latents_values"][:, 1:]
    numbers = [np.abs(np.arange(1, 4) - known[:, :1]).argmin(1)]
    numbers += [
        np.abs(SPRITES.values[name] - known[:, place, None]).argmin(1)
        for place, name in enumerate(SPRITES.names) if place
    ]  # fmt: skip
    drawn, real = SPRITES.drawn(np.stack(numbers, 1))[..., 0] > 0, originals["imgs"] > 0
    overlap = (drawn & real).sum((1, 2)) / (drawn | real).sum((1, 2))
    assert overlap.mean() > 0.97 and overlap.min() > 0.96
