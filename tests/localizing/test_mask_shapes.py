"""Maps, heat, overlays and blurred images against literal versions, pixel by pixel."""

import itertools
import math

import numpy as np
import pytest
import torch

from interpret_inn.localizing import fit_size, heat_to_masks, overlay, smoothed

LINE = (255, 60, 0)


def literal_edge(inside: np.ndarray) -> np.ndarray:
    """Pixels inside of which a neighbour above, below, left or right lies in the image and outside the mask."""
    found = np.zeros_like(inside)
    for y, x in np.argwhere(inside):
        for row, column in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= row < inside.shape[0] and 0 <= column < inside.shape[1]:
                found[y, x] |= not inside[row, column]
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_line_runs_where_a_neighbour_is_outside(seed: int) -> None:
    inside = np.random.default_rng(seed).random((7, 9)) < 0.8
    shown = overlay(np.zeros((7, 9, 3), np.uint8), torch.from_numpy(inside).float())
    np.testing.assert_array_equal((shown == LINE).all(2), literal_edge(inside))


def test_a_mask_of_the_whole_picture_has_no_line_and_one_half_is_not_inside() -> None:
    picture = np.random.default_rng(0).integers(0, 250, (5, 6, 3), np.uint8)
    np.testing.assert_array_equal(overlay(picture, torch.ones(5, 6)), picture)
    half = torch.zeros(5, 6)
    half[1:3, 1:4] = 0.5
    assert not (overlay(picture, half) == LINE).all(2).any()
    half[1, 1] = 0.51
    assert np.argwhere((overlay(picture, half) == LINE).all(2)).tolist() == [[1, 1]]


@pytest.mark.parametrize("dimmed", [0.25, 1.0])
def test_overlays_blend_with_a_lighter_grey(dimmed: float) -> None:
    generator = np.random.default_rng(1)
    picture = generator.integers(0, 256, (4, 5, 3), np.uint8)
    picture[0, 0] = 255
    mask = generator.uniform(0, 0.5, (1, 4, 5)).astype(np.float32)  # never over one half: no line
    shown = overlay(picture, torch.from_numpy(mask), dimmed=dimmed)
    for y, x in itertools.product(range(4), range(5)):
        grey = picture[y, x].mean() * dimmed + 0.12 * 255
        wanted = mask[0, y, x] * picture[y, x] + (1 - mask[0, y, x]) * grey
        np.testing.assert_allclose(shown[y, x], np.minimum(wanted, 255), atol=0.51)


def test_only_maps_that_become_narrower_are_averaged() -> None:
    maps = torch.zeros(1, 1, 2, 16)
    maps[..., 0] = 1
    assert float(fit_size(maps, (4, 4))[..., 0].min()) > 0.1, (
        "the first of sixteen columns is in the first of four"
    )
    wide = fit_size(torch.eye(4)[None, None], (8, 8))
    plain = torch.nn.functional.interpolate(torch.eye(4)[None, None], (8, 8), mode="bilinear")
    assert torch.equal(wide, plain)


def test_heat_that_is_not_finite_counts_as_none() -> None:
    heat = torch.tensor(
        [[[[math.inf, 0.5]]], [[[-math.inf, 2.0]]], [[[math.nan, 4.0]]], [[[math.inf, -1.0]]]]
    )
    assert heat_to_masks(heat)[:, 0, 0].tolist() == [[0, 1], [0, 1], [0, 1], [0, 0]]


@pytest.mark.parametrize("sigma", [0.6, 2.0])
def test_a_gaussian_shares_its_weights_among_the_pixels_there_are(sigma: float) -> None:
    images = torch.rand(2, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    found = smoothed(images, sigma)
    for image, y, x in itertools.product(range(2), range(4), range(5)):
        weights = {
            (row, column): math.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * sigma**2))
            for row, column in itertools.product(range(4), range(5))
        }
        wanted = sum(weight * float(images[image, 0][at]) for at, weight in weights.items())
        assert float(found[image, 0, y, x]) == pytest.approx(wanted / sum(weights.values()), rel=1e-5)
