"""Curves, rank correlation and stability: literal versions, known models, and what has no score."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from interpret_inn.errors import InputError
from interpret_inn.metrics import deletion_curve, insertion_curve, rank_correlation, stability
from interpret_inn.types import Masks

SIZE = (6, 8)


def bright_corner(count=12, *, seed=0):
    """Noise, and masks of the upper left quarter, which is all that `corner` reads."""
    images = torch.rand(count, 3, *SIZE, generator=torch.Generator().manual_seed(seed))
    masks = np.zeros((count, 1, *SIZE), np.float32)
    masks[:, :, :3, :4] = 1
    return images, masks


def corner(images):
    return images[:, :, :3, :4].mean((1, 2, 3))


def literal_curve(images, masks, fill, areas, *, keeps):
    """One image, one area, one pixel at a time; masks without ties."""
    scores = []
    for image, mask, filled in zip(images.numpy(), masks, fill.numpy(), strict=True):
        order = sorted(np.ndindex(mask.shape), key=lambda index: -mask[index])
        row = []
        for area in areas:
            changed = (filled if keeps else image).copy()
            for y, x in order[: round(area * mask.size)]:
                changed[:, y, x] = (image if keeps else filled)[:, y, x]
            row.append(changed[:, :3, :4].mean())
        scores.append(row)
    return np.array(scores)


@pytest.mark.parametrize(("curve", "keeps"), [(deletion_curve, False), (insertion_curve, True)])
def test_curves_equal_the_literal_ones(curve, keeps):
    images, _ = bright_corner()
    heat = np.random.default_rng(1).random((12, *SIZE))
    fill = images.roll(1, 0)
    areas = (0.1, 0.3, 0.35, 0.9)
    found = curve(corner, images, heat, fill=fill, areas=areas)
    wanted = literal_curve(images, heat, fill, areas, keeps=keeps)
    np.testing.assert_allclose(found.scores, wanted, atol=1e-6)
    strips = [
        (areas[k + 1] - areas[k]) * (wanted[:, k] + wanted[:, k + 1]) / 2 for k in range(len(areas) - 1)
    ]
    np.testing.assert_allclose(found.under.each, sum(strips) / (areas[-1] - areas[0]), atol=1e-6)
    assert [score.value for score in found.at()] == pytest.approx(wanted.mean(0))


def test_curves_begin_and_end_at_the_image_and_the_fill():
    images, masks = bright_corner()
    gone = deletion_curve(corner, images, masks, fill=0)
    back = insertion_curve(corner, images, masks, fill=0)
    np.testing.assert_allclose(gone.scores[:, 0], corner(images), rtol=1e-6)
    np.testing.assert_allclose(gone.scores[:, -1], 0)
    np.testing.assert_allclose(back.scores[:, 0], 0)
    np.testing.assert_allclose(back.scores[:, -1], corner(images), rtol=1e-6)


def test_right_masks_beat_chance_and_wrong_ones_fall_behind():
    images, masks = bright_corner(40)
    chance = np.ones_like(masks)
    for curve, better in ((deletion_curve, -1), (insertion_curve, 1)):
        right, random, wrong = (
            curve(corner, images, each, fill=0).under.each for each in (masks, chance, 1 - masks)
        )
        assert (better * (right - random)).mean() > 0.1
        assert (better * (random - wrong)).mean() > 0.1


def test_pixels_of_one_value_favour_no_place():
    images = torch.ones(400, 1, *SIZE)
    found = insertion_curve(corner, images, np.zeros((400, *SIZE)), fill=0, areas=(0.25, 0.5))
    assert found.scores.mean(0) == pytest.approx([0.25, 0.5], abs=0.02)
    again = insertion_curve(corner, images, np.zeros((400, *SIZE)), fill=0, areas=(0.25, 0.5))
    np.testing.assert_array_equal(found.scores, again.scores)


@pytest.mark.parametrize("fill", ["mean", "blur", 0, lambda x: x.flip(0), np.float32(0.5)])
def test_every_fill_stands_where_the_image_was(fill):
    images, masks = bright_corner(4)
    kept = images.clone()
    seen = []
    insertion_curve(lambda x: seen.append(x) or corner(x), images, masks, fill=fill, areas=(0, 0.25))
    assert torch.equal(seen[1][..., :3, :4], images[..., :3, :4])
    assert not torch.equal(seen[0], images)
    assert torch.equal(images, kept)
    assert torch.isfinite(seen[0]).all()


def test_blur_keeps_what_is_constant_and_flattens_the_rest():
    from interpret_inn.metrics.faithfulness import _blurred

    constant = torch.full((1, 2, 5, 70), 0.3)
    assert torch.allclose(_blurred(constant), constant, atol=1e-6)
    noise = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert _blurred(noise).std() < 0.2 * noise.std()


def test_ranks_equal_scipys():
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 4, (6, *SIZE)), generator.normal(size=(6, *SIZE))
    found = rank_correlation(one, other)
    wanted = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(found.each, wanted, atol=1e-12)
    assert rank_correlation(one, 3 * one + 1).score.value == pytest.approx(1)
    assert rank_correlation(one, -one).score.value == pytest.approx(-1)
    assert (
        abs(rank_correlation(other, generator.permutation(other.ravel()).reshape(other.shape)).score.value)
        < 0.2
    )


def test_what_has_no_order_has_no_rank_correlation():
    heat = np.random.default_rng(0).random((4, *SIZE))
    other = heat.copy()
    other[0], heat[1], other[1], other[2, 0, 0] = 0.5, 0, 1, math.nan
    found = rank_correlation(heat, other)
    assert found.each[0] == 0
    assert np.isnan(found.each[[1, 2]]).all()
    assert found.each[3] == pytest.approx(1)


def test_stability_is_the_overlap_of_soft_masks():
    generator = np.random.default_rng(0)
    masks = generator.random((5, 1, *SIZE))
    noisy = [generator.random((5, 1, *SIZE)) for _ in range(3)]
    found = stability(masks, noisy)
    for k in range(5):
        each = [
            sum(min(a, b) for a, b in zip(masks[k].ravel(), draw[k].ravel(), strict=True))
            / sum(max(a, b) for a, b in zip(masks[k].ravel(), draw[k].ravel(), strict=True))
            for draw in noisy
        ]
        assert found.each[k] == pytest.approx(np.mean(each))
    assert stability(masks, masks).score.value == 1
    assert stability(Masks("digit", torch.from_numpy(masks)), torch.from_numpy(masks)).known == 5


def test_stable_masks_that_are_all_alike_are_at_chance():
    _, same = bright_corner()
    assert stability(same, same).score.parts["chance"] == 1
    places = np.eye(12)[:, None, None, :].repeat(6, 2)
    assert stability(places, places).score.parts["chance"] == 0


def test_empty_masks_have_no_stability_unless_something_appears():
    masks = np.zeros((3, *SIZE))
    noisy = masks.copy()
    noisy[1, 0, 0], noisy[2, 0, 0] = 1, math.inf
    found = stability(masks, noisy)
    assert math.isnan(found.each[0])
    assert found.each[1] == 0
    assert math.isnan(found.each[2])


def test_masks_that_are_not_finite_have_no_curve():
    images, masks = bright_corner(3)
    masks[1, 0, 0, 0] = math.nan
    found = deletion_curve(corner, images, masks)
    assert np.isnan(found.scores[1]).all()
    assert found.under.known == 2
    assert all(math.isfinite(score.value) for score in found.at(groups=np.arange(3)))


def test_one_image_is_enough_and_none_is_no_error():
    images, masks = bright_corner(1)
    alone = stability(masks, masks).score
    assert alone.value == 1
    assert math.isnan(alone.parts["chance"])
    assert deletion_curve(corner, images[:0], masks[:0]).scores.shape == (0, 12)
    assert rank_correlation(masks[:0], masks[:0]).known == 0
    assert stability(masks[:0], masks[:0]).known == 0


def test_what_cannot_be_measured_is_said():
    images, masks = bright_corner(3)
    for given, found in [
        (
            lambda: deletion_curve(corner, images, masks[:2]),
            r"Expected images \(B, C, H, W\) and masks of their size",
        ),
        (
            lambda: deletion_curve(corner, images[0], masks),
            r"Expected images \(B, C, H, W\) and masks of their size",
        ),
        (lambda: deletion_curve(corner, images, masks, areas=(0.5, 0.1)), "Expected areas that rise"),
        (lambda: deletion_curve(corner, images, masks, areas=(0.5,)), "Expected areas that rise"),
        (lambda: deletion_curve(corner, images, masks, areas=()), "Expected areas that rise"),
        (lambda: deletion_curve(corner, images, masks, areas=0.5), "Expected areas that rise"),
        (
            lambda: deletion_curve(corner, images, masks, areas=((0, 0.1), (0.2, 0.3))),
            "Expected areas that rise",
        ),
        (lambda: deletion_curve(corner, images, masks, areas=(-0.1, 0.5)), "Expected areas that rise"),
        (lambda: deletion_curve(corner, images, masks, areas=(0.1, 0.1, 0.5)), "Expected areas that rise"),
        (lambda: deletion_curve(corner, images, masks, areas=(0, 5)), "at least two, found"),
        (lambda: deletion_curve(corner, images, masks, fill="blurr"), "Expected fill=.*found 'blurr'"),
        (
            lambda: deletion_curve(corner, images, masks, fill=images[:2]),
            "Expected a fill that broadcasts to the images",
        ),
        (lambda: deletion_curve(torch.sum, images, masks), "one number for each of 3 images"),
        (lambda: stability(masks, []), "Expected noisy masks, at least one"),
        (lambda: stability(masks, masks[:2]), "Expected masks and noisy masks of one shape"),
        (lambda: rank_correlation(masks, masks[:2]), "Expected masks and others of one shape"),
    ]:
        with pytest.raises(InputError, match=found):
            given()


def test_fills_are_the_mean_colour_and_a_blur_of_a_tenth_of_the_longer_side():
    images = torch.rand(2, 3, 40, 20, generator=torch.Generator().manual_seed(0))
    seen = []
    for fill in ("mean", "blur"):
        insertion_curve(
            lambda x: seen.append(x) or x.mean((1, 2, 3)),
            images,
            np.ones((2, 40, 20)),
            fill=fill,
            areas=(0, 1),
        )
    mean, blurred = seen[0], seen[2]
    for image, channel in np.ndindex(2, 3):
        own = images[image, channel].double().numpy()
        np.testing.assert_allclose(mean[image, channel], own.mean(), rtol=1e-5)
        wanted = gaussian_filter(own, 4, mode="nearest", truncate=3)
        np.testing.assert_allclose(blurred[image, channel], wanted, rtol=1e-5)


def test_small_images_are_blurred_by_one_pixel_however_many_channels_they_have():
    from interpret_inn.metrics.faithfulness import _blurred

    images = torch.rand(1, 30, 5, 6, generator=torch.Generator().manual_seed(0))
    for channel, blurred in zip(images[0].double().numpy(), _blurred(images)[0], strict=True):
        np.testing.assert_allclose(
            blurred, gaussian_filter(channel, 1, mode="nearest", truncate=3), rtol=1e-5
        )


def test_chance_is_the_overlap_with_the_next_images_noisy_mask():
    generator = np.random.default_rng(2)
    masks, noisy = generator.normal(size=(2, 4, *SIZE))
    for count in (2, 4):
        found = stability(masks[:count], noisy[:count])
        chances = []
        for k in range(count):
            one, other = masks[k].clip(0), noisy[(k + 1) % count].clip(0)
            chances.append(np.minimum(one, other).sum() / np.maximum(one, other).sum())
            own = noisy[k].clip(0)
            assert found.each[k] == pytest.approx(np.minimum(one, own).sum() / np.maximum(one, own).sum())
        assert found.score.parts["chance"] == pytest.approx(np.mean(chances))


def test_draws_in_which_both_masks_are_empty_do_not_count():
    masks = np.zeros((2, *SIZE))
    masks[0, 0, 0] = 1
    some = np.zeros((2, *SIZE))
    some[:, 0, :2] = 1
    found = stability(masks, [some, masks * 0, masks])
    np.testing.assert_allclose(found.each, [(1 / 2 + 0 + 1) / 3, 0])
