"""Scores of masks against known places: literal versions, ties, empty masks and truth, controls."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interpret_inn.errors import InputError
from interpret_inn.metrics import PerImage, energy_inside, iou, matched_area, pointing_game, sparsity
from interpret_inn.types import Masks

SIZE = (6, 8)
HEAT = arrays(np.float64, (3, 4, 5), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
TRUTH = arrays(np.bool_, (3, 4, 5))


def regions(count, *, seed=0, size=SIZE):
    """A rectangle at random in each image."""
    generator = np.random.default_rng(seed)
    truth = np.zeros((count, *size), bool)
    for region in truth:
        y, x = generator.integers(0, size[0] - 2), generator.integers(0, size[1] - 3)
        region[y : y + 2, x : x + 3] = True
    return truth


def literal_top(mask, pixels):
    """The expected membership of each pixel when ties are drawn at random: pixel by pixel."""
    chosen = np.zeros(mask.shape)
    for index in np.ndindex(mask.shape):
        higher = sum(other > mask[index] for other in mask.ravel())
        equal = sum(other == mask[index] for other in mask.ravel())
        chosen[index] = min(max((pixels - higher) / equal, 0), 1)
    return chosen


def literal_gini(mask):
    """Mean absolute difference of all pairs of pixels, over twice the mean."""
    flat = mask.ravel()
    return np.abs(flat[:, None] - flat[None]).mean() / (2 * flat.mean())


@settings(deadline=None, max_examples=40)
@given(HEAT, st.floats(0, 20))
def test_matched_area_equals_the_literal_one(heat, pixels):
    found = matched_area(heat, pixels)
    for mask, chosen in zip(heat, found, strict=True):
        np.testing.assert_allclose(chosen, literal_top(mask, pixels), atol=1e-12)
    np.testing.assert_allclose(found.sum((1, 2)), pixels, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(HEAT, TRUTH)
def test_iou_at_matched_area_equals_the_literal_one(heat, truth):
    found = iou(heat, truth).each
    for mask, region, value in zip(heat, truth, found, strict=True):
        if not region.any():
            assert math.isnan(value)
        elif not mask.any():
            assert value == 0
        else:
            common = literal_top(mask, region.sum())[region].sum()
            assert value == pytest.approx(common / (2 * region.sum() - common))


@settings(deadline=None, max_examples=40)
@given(HEAT, TRUTH, st.sampled_from([0.0, 1.0, 1.5]))
def test_pointing_game_equals_the_literal_one(heat, truth, tolerance):
    found = pointing_game(heat, truth, tolerance=tolerance).each
    for mask, region, value in zip(heat, truth, found, strict=True):
        if not region.any():
            assert math.isnan(value)
            continue
        top = [point for point in np.ndindex(mask.shape) if mask[point] == mask.max() > 0]
        hits = [min(math.dist(point, p) for p in np.argwhere(region)) <= tolerance for point in top]
        assert value == pytest.approx(sum(hits) / len(hits) if hits else 0)


@settings(deadline=None, max_examples=40)
@given(HEAT)
def test_sparsity_is_the_gini_index(heat):
    for mask, value in zip(heat, sparsity(heat).each, strict=True):
        assert math.isnan(value) if not mask.any() else value == pytest.approx(literal_gini(mask))


def test_sparsity_of_a_hard_mask_is_what_it_leaves_out():
    truth = regions(4)
    np.testing.assert_allclose(sparsity(truth).each, 1 - truth.mean((1, 2)))


def test_energy_inside_equals_the_literal_one():
    generator = np.random.default_rng(0)
    heat, truth = generator.normal(size=(5, *SIZE)), regions(5)
    for mask, region, value in zip(heat, truth, energy_inside(heat, truth).each, strict=True):
        inside = sum(
            max(mask[index], 0) for index in np.argwhere(region).tolist() for index in [tuple(index)]
        )
        assert value == pytest.approx(inside / mask.clip(0).sum())


@pytest.mark.parametrize("metric", [iou, pointing_game, energy_inside])
def test_truth_finds_itself_and_the_wrong_place_does_not(metric):
    truth = regions(30)
    right, wrong = metric(truth.astype(float), truth), metric((~truth).astype(float), truth)
    assert right.score.value == 1
    assert right.score.low > 0.8
    assert wrong.score.value == pytest.approx(0, abs=1e-12)
    assert 0 < right.score.parts["chance"] < 0.3


@pytest.mark.parametrize("metric", [iou, pointing_game, energy_inside])
def test_a_constant_mask_scores_chance(metric):
    truth = regions(10)
    found = metric(np.full(truth.shape, 0.7), truth)
    np.testing.assert_allclose(found.each, found.score.parts["chance"], rtol=1e-9)


@pytest.mark.parametrize("metric", [iou, pointing_game])
def test_random_masks_score_chance_on_average(metric):
    truth = regions(3000)
    found = metric(np.random.default_rng(1).random(truth.shape), truth)
    assert found.score.low - 0.01 < found.score.parts["chance"] < found.score.high + 0.01


@pytest.mark.parametrize("metric", [iou, pointing_game, energy_inside])
def test_empty_masks_find_nothing_and_empty_truth_has_no_score(metric):
    truth = regions(4)
    heat = truth.astype(float)
    heat[0], truth[1], heat[2, 0, 0] = 0, False, math.nan
    found = metric(heat, truth)
    assert found.each[0] == 0
    assert np.isnan(found.each[[1, 2]]).all()
    assert found.each[3] == 1
    assert found.known == 2
    assert found.score.value == 0.5
    nothing = metric(heat, np.zeros_like(truth))
    assert nothing.known == 0
    assert math.isnan(nothing.score.value)
    assert nothing.score.parts == {}
    assert metric(heat[:0], truth[:0]).each.shape == (0,)


def test_a_threshold_compares_masks_as_they_are():
    truth = regions(3)
    wide = np.where(truth, 1.0, 0.4)
    assert iou(wide, truth, area=0.5).score.value == 1
    assert iou(wide, truth, area=0.3).score.value == pytest.approx(truth.mean())
    assert iou(wide, truth, area=2.0).score.value == 0


@settings(deadline=None, max_examples=20)
@given(HEAT, TRUTH, st.floats(0.5, 4))
def test_only_the_order_of_pixels_counts(heat, truth, scale):
    for metric in (iou, pointing_game):
        np.testing.assert_allclose(
            metric(heat, truth).each, metric(np.expm1(scale * heat), truth).each, atol=1e-9
        )


def test_masks_of_all_kinds_are_read():
    truth = regions(4)
    heat = np.random.default_rng(0).random((4, 1, *SIZE)).astype(np.float32)
    wanted = iou(heat[:, 0], truth).each
    tensor = torch.from_numpy(heat)
    for masks in (heat, tensor, tensor.double().requires_grad_(), Masks("digit", tensor), heat.tolist()):
        np.testing.assert_allclose(iou(masks, torch.from_numpy(truth)[:, None]).each, wanted, atol=1e-6)


def test_groups_are_drawn_together():
    truth = regions(40)
    heat = truth * (np.arange(40) < 20)[:, None, None]
    heat = np.where(heat.any((1, 2), keepdims=True), heat, ~truth).astype(float)
    alone = pointing_game(heat, truth).score
    groups = pointing_game(heat, truth, groups=np.arange(40) // 10).score
    assert groups.value == alone.value
    assert groups.high - groups.low > alone.high - alone.low


def test_what_cannot_be_scored_is_said():
    heat = np.ones((2, 4, 5))
    for given_, found in [
        (lambda: iou(np.ones((4, 5)), heat), r"masks of shape \(B, 1, H, W\) or \(B, H, W\), found \(4, 5\)"),
        (lambda: iou(np.ones((2, 3, 4, 5)), heat), "average over channels"),
        (lambda: iou(heat, np.ones((2, 5, 4))), r"of one shape, found \(2, 4, 5\) and \(2, 5, 4\)"),
        (lambda: iou(heat, heat, area="equal"), 'Expected area="matched" or a threshold'),
        (lambda: iou(heat, heat, area=math.nan), 'Expected area="matched" or a threshold'),
        (lambda: pointing_game(heat, heat, tolerance=-1), "Expected a tolerance in pixels"),
        (lambda: matched_area(heat, 21), "Expected between 0 and 20 pixels of each mask, found 21"),
        (lambda: matched_area(heat, math.nan), "Expected between 0 and 20 pixels"),
        (lambda: iou(heat, heat, groups=np.zeros(3)), "Expected one group for each of 2 images"),
    ]:
        with pytest.raises(InputError, match=found):
            given_()


def test_a_record_shows_its_score_alone():
    assert isinstance(iou(regions(2), regions(2)), PerImage)
    assert "each" not in repr(iou(regions(2), regions(2)))


def test_what_lies_at_a_threshold_is_outside():
    truth = regions(3)
    wide = np.where(truth, 1.0, 0.4)
    assert iou(wide, truth, area=0.4).score.value == 1
    assert iou(truth.astype(float), np.where(truth, 0.75, 0.5), area=0.5).score.value == 1
    for threshold in (0, 1):  # whole numbers are thresholds, too
        assert iou(truth.astype(float), truth, area=threshold).score.value == 1 - threshold


def test_chance_of_a_threshold_is_that_of_as_many_pixels_spread_evenly():
    heat, truth = np.random.default_rng(0).random((4, *SIZE)), regions(4)
    chances = []
    for mask, region in zip(heat, truth, strict=True):
        taken, size = (mask > 0.8).sum(), region.sum()
        common = taken * size / region.size
        chances.append(common / (taken + size - common))
    assert iou(heat, truth, area=0.8).score.parts["chance"] == pytest.approx(np.mean(chances))


def test_masks_below_0_are_empty_and_their_pixels_nothing():
    heat, truth = np.random.default_rng(1).normal(size=(3, *SIZE)), regions(3)
    np.testing.assert_allclose(sparsity(heat).each, sparsity(heat.clip(0)).each)
    assert np.isnan(sparsity(-np.abs(heat)).each).all()
    for metric in (iou, pointing_game, energy_inside):
        assert (metric(-np.abs(heat), truth).each == 0).all()
        assert (metric(0 * heat, truth).each == 0).all()


def test_all_pixels_and_no_pixel_can_be_taken_and_masks_may_be_one_pixel_high():
    heat = np.random.default_rng(2).random((2, 4, 5))
    assert (matched_area(heat, 20) == 1).all()
    assert (matched_area(heat, 0) == 0).all()
    with pytest.raises(InputError, match="Expected between 0 and 20 pixels of each mask, found -1"):
        matched_area(heat, -1)
    lines = heat.reshape(2, 1, 20)
    np.testing.assert_array_equal(matched_area(lines, 3).ravel(), matched_area(heat, 3).ravel())
    for nothing in (np.ones((2, 0, 5)), np.ones((2, 5, 0)), np.ones((2, 1, 0, 5))):
        with pytest.raises(InputError, match=r"masks of shape \(B, 1, H, W\) or \(B, H, W\), found"):
            sparsity(nothing)
