"""The helpers of localizers against slow, literal versions."""

import importlib
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn.explaining.explain import check
from interpret_inn.localizing import (
    FactorReader,
    fit_size,
    heat_to_masks,
    output_changes,
    overlay,
    prepared_inputs,
    randomised,
    redrawn_changes,
    reliability,
    require_images,
)
from interpret_inn.testing import toy_images

measuring: Any = importlib.import_module(
    "interpret_inn.localizing.reliability"
)  # the package exports its function

IMAGES, _ = toy_images(12, seed=6)


def test_the_reader_reads_the_factors_codes(toy: Any) -> None:
    reader = FactorReader(toy.interpreter.translator, "hue")
    prepared = prepared_inputs(toy.interpreter.translator, IMAGES)
    codes = toy.interpreter.encode(IMAGES)[:, toy.interpreter.factors["hue"].slice]
    with toy.interpreter.backbone.session():
        assert torch.allclose(reader.codes(prepared), codes, atol=1e-5)
    reference = toy.interpreter.fitted.reference_codes[:, toy.interpreter.factors["hue"].slice]
    assert torch.allclose(reader.centre, reference.mean(0)) and torch.allclose(
        reader.spread, reference.std(0, correction=0)
    )


def test_score_and_projection_are_as_written(toy: Any) -> None:
    reader = FactorReader(toy.interpreter.translator, "hue")
    prepared = prepared_inputs(toy.interpreter.translator, IMAGES)
    other = prepared.flip(0)
    with toy.interpreter.backbone.session():
        like, moved = reader.codes(prepared), reader.codes(other)
        score, projection = reader.score(other, like), reader.projection(other, like)
        assert torch.allclose(reader.score(prepared, like), torch.ones(12), atol=1e-4)
    assert reader.coordinates is not None
    for i in range(12):
        own, new = (
            (codes[i] - reader.centre).double() @ reader.coordinates.double() for codes in (like, moved)
        )
        assert float(score[i]) == pytest.approx(float(new @ own / (own @ own)), abs=1e-4)
        assert float(projection[i]) == pytest.approx(float(new @ own / own.norm()), abs=1e-4)


def test_gradients_agree_with_differences(toy: Any) -> None:
    reader = FactorReader(toy.interpreter.translator, "shape")
    prepared = prepared_inputs(toy.interpreter.translator, IMAGES[:1]).clone().requires_grad_()
    with toy.interpreter.backbone.session(gradients=True):
        like = reader.codes(prepared)
        (slope,) = torch.autograd.grad(reader.projection(prepared, like).sum(), [prepared])
        with torch.no_grad():
            step = 1e-2 * torch.nn.functional.normalize(slope.flatten(), dim=0).view_as(slope)
            up, down = (reader.projection(prepared + sign * step, like) for sign in (1, -1))
    assert float(up - down) == pytest.approx(float((slope * step).sum() * 2), rel=0.15)


def test_inputs_make_one_batch(toy: Any) -> None:
    assert prepared_inputs(toy.interpreter.translator, IMAGES).shape == (12, 3, 24, 24)
    assert require_images(prepared_inputs(toy.interpreter.translator, IMAGES)) == (24, 24)
    sizes = r"Expected inputs of one size, found \[\(3, 20, 24\), \(3, 24, 24\)\]. Localize"
    with pytest.raises(inn.LocalizerError, match=sizes):
        prepared_inputs(toy.interpreter.translator, [*[IMAGES[0]] * 64, IMAGES[1][:20]])
    with pytest.raises(inn.LocalizerError, match=r"inputs that are images.*found \(4, 7\).*over=\"output\""):
        require_images(torch.zeros(4, 7))


def test_heat_is_scaled_image_by_image() -> None:
    heat = torch.tensor([[2.0, 1.0], [-1.0, -2.0], [0.0, 0.0], [float("nan"), 3.0]])[:, None, None]
    assert heat_to_masks(heat)[:, 0, 0].tolist() == [[1, 0.5], [0, 0], [0, 0], [0, 1]]


def test_maps_are_laid_where_their_cells_stand() -> None:
    maps = torch.zeros(1, 1, 4, 4)
    maps[0, 0, 1, 2] = 1
    large = fit_size(maps, (32, 32))[0, 0]
    assert large.shape == (32, 32)
    where = torch.nonzero(large == large.max()).float().mean(0)
    assert where.tolist() == pytest.approx([11.5, 19.5], abs=0.6)
    assert float(fit_size(torch.ones(1, 1, 3, 5), (7, 9)).min()) == pytest.approx(1)


def test_overlays_dim_what_is_outside() -> None:
    picture, mask = np.full((8, 8, 3), 200, np.uint8), torch.zeros(1, 8, 8)
    mask[:, 2:6, 2:6] = 1
    shown = overlay(picture, mask)
    assert shown.shape == picture.shape and shown.dtype == np.uint8
    assert (shown[3:5, 3:5] == 200).all() and (shown[0] < 120).all() and tuple(shown[2, 2]) == (255, 60, 0)
    with pytest.raises(inn.LocalizerError, match=r"mask of the picture's size \(8, 8\), found \(4, 4\)"):
        overlay(picture, torch.zeros(4, 4))


class Halves(nn.Module):
    """Draws a latent (B, 4): the first two numbers shade the left half, the others the right one."""

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        left, right = latents[:, :2].sum(1), latents[:, 2:].sum(1)
        sides = torch.stack([left, right], 1).sigmoid()
        return sides[:, None, None].repeat_interleave(4, -1).expand(-1, 1, 6, 8)


@pytest.fixture(scope="module")
def halves() -> inn.Interpreter:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(600, 4, generator=generator)
    interpreter = inn.wrap(
        Halves(), ".:in", backbone="generator", latents="normal", latent_shape=4, value_range=(0, 1)
    )
    return interpreter.fit(
        "labels", data=latents, labels={"left": latents[:, :2].sum(1).numpy(), "right": latents[:, 2:].sum(1).numpy()},
        sizes={"left": 1, "right": 1}, steps=60, pairs=128, blocks=2, hidden=16, cache=None, checkpoint=None,
    )  # fmt: skip


def left_half(count: int) -> torch.Tensor:
    mask = torch.zeros(count, 1, 6, 8)
    mask[..., :4] = 1
    return mask


def test_output_changes_are_those_of_the_walk(halves: inn.Interpreter) -> None:
    latents = halves.sample_inputs(5, seed=1)
    changes = output_changes(halves.translator, latents, "left", steps=[-1.0, 2.0])
    traversed, before = halves.traverse(latents, "left", [-1.0, 2.0]), halves.run(latents)
    assert torch.allclose(changes, (traversed - before).square().mean(2), atol=1e-6)
    assert changes.shape == (2, 5, 6, 8)


def test_reliability_over_outputs_is_the_share_inside_beyond_the_area(halves: inn.Interpreter) -> None:
    latents, masks = halves.sample_inputs(8, seed=1), left_half(8)
    score, each = reliability(halves.translator, latents, "left", masks, space="output", seed=3)
    changes = redrawn_changes(halves.translator, latents, "left", seed=3).double()
    for i in range(8):
        share = float((changes[:, i] * masks[i, 0]).sum() / changes[:, i].sum())
        assert each[i] == pytest.approx((share - 0.5) / 0.5, abs=1e-6)
    assert score.value == pytest.approx(each.mean()) and score.low > 0.8
    assert reliability(halves.translator, latents, "right", masks, space="output")[0].high < -0.8
    assert np.isnan(
        reliability(halves.translator, latents, "left", torch.ones(8, 1, 6, 8), space="output")[0].value
    )


def test_masks_over_outputs_pass_localize(halves: inn.Interpreter) -> None:
    from interpret_inn.types import Masks

    latents = halves.sample_inputs(4, seed=1)
    masks = halves.localize(latents, "left", localizer=lambda *_: Masks("left", left_half(4), space="output"))
    assert masks.reliability is not None and masks.reliability.value > 0.8
    with pytest.raises(inn.LocalizerError, match=r"size of the model's outputs, \(6, 8\), found \(8, 6\)"):
        halves.localize(
            latents, "left", localizer=lambda *_: Masks("left", torch.ones(4, 1, 8, 6), space="output")
        )
    with pytest.raises(inn.LocalizerError, match=r"as the model's inputs, found \(4, 4\)"):
        halves.localize(latents, "left", localizer=lambda *_: torch.ones(4, 1, 8, 6))


def test_masks_of_nearly_everything_have_no_reliability_and_say_so(halves: inn.Interpreter) -> None:
    from interpret_inn.types import Masks

    nearly = torch.full((4, 1, 6, 8), 0.99)
    masks = halves.localize(
        halves.sample_inputs(4), "left", localizer=lambda *_: Masks("left", nearly, space="output")
    )
    assert masks.reliability is not None and np.isnan(masks.reliability.value)
    assert "they cover the whole image, or nearly so" in masks.notes[0]


def test_changes_need_a_model_that_makes_images(toy: Any) -> None:
    with pytest.raises(
        inn.LocalizerError, match=r"model that makes images.*found outputs \(12, 3\).*over=\"input\""
    ):
        output_changes(toy.interpreter.translator, IMAGES, "shape")


@pytest.mark.parametrize("part", ["flow", "model"])
def test_randomised_copies_leave_the_original_alone(toy: Any, part: Any) -> None:
    before, weights = toy.interpreter.encode(IMAGES), toy.interpreter.backbone.fingerprint()
    copy = randomised(toy.interpreter.translator, part, inputs=toy.images[:64], seed=2)
    assert torch.equal(before, toy.interpreter.encode(IMAGES))
    assert weights == toy.interpreter.backbone.fingerprint()
    assert (copy.backbone.fingerprint() == weights) == (part == "flow")
    again = randomised(toy.interpreter.translator, part, inputs=toy.images[:64], seed=2)
    assert torch.equal(copy.encode(IMAGES), again.encode(IMAGES))
    assert not torch.allclose(copy.encode(IMAGES), before, atol=0.1)
    assert copy.factors.names == toy.interpreter.factors.names and check(copy, IMAGES).round_trip_data < 1e-3


def test_unknown_parts_are_refused(toy: Any) -> None:
    with pytest.raises(
        inn.LocalizerError, match=r"There is no part 'flows' to randomise. Did you mean 'flow'"
    ):
        randomised(toy.interpreter.translator, "flows", inputs=IMAGES)  # type: ignore[arg-type]


@pytest.mark.parametrize("rolled", [-7, 0, 7])
def test_no_corner_is_favoured_by_ties(toy: Any, rolled: int) -> None:
    # all that such a mask says is one pixel in a corner; the rest of its highest 40 % must not be the top rows
    images = np.roll(toy.fresh[:24], rolled, axis=1)
    corner = torch.zeros(24, 1, 24, 24)
    corner[..., -1, -1] = 1
    found = toy.interpreter.localize(images, "shape", localizer=lambda *_: corner).reliability
    assert found is not None and found.value < 0.25


def test_everybody_is_moved_into_equally_often() -> None:
    codes = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    donors = measuring._others(codes, torch.Generator().manual_seed(1))
    assert donors.shape == (12, 2)
    for column in donors.T:
        assert sorted(column.tolist()) == list(range(12)) and not (column == torch.arange(12)).any()
    assert not (donors[:, 0] == donors[:, 1]).any()
    assert measuring._others(codes[:2], torch.Generator()).tolist() == [[1], [0]]


def test_gains_beyond_chance_are_the_literal_ones() -> None:
    generator = np.random.default_rng(0)
    own, chance = generator.uniform(0, 1, (3, 8)), generator.uniform(0, 0.5, (3, 8))
    own[:, 2] = np.nan
    chance[1] = 0.95  # at this area any place does as well
    score, each = measuring._beyond_chance(own, chance, 0)
    for image in range(8):
        parts = [(own[a, image] - chance[a].mean()) / (1 - chance[a].mean()) for a in (0, 2)]
        assert each[image] == pytest.approx(np.mean(parts), nan_ok=True)
    assert score.value == pytest.approx(np.nanmean(each)) and score.low < score.value < score.high


def test_no_interval_where_chance_can_hardly_be_beaten(monkeypatch: pytest.MonkeyPatch) -> None:
    own, chance = np.full((1, 4), 0.95), np.full((1, 4), 0.89)
    monkeypatch.setattr(measuring, "resampling_weights", lambda count, seed: np.zeros((5, count)))
    score, each = measuring._beyond_chance(own, chance, 0)
    assert score.value == pytest.approx(each.mean()) and np.isnan(score.low) and np.isnan(score.high)


def test_intervals_hold_the_truth_though_chance_is_an_estimate_too() -> None:
    # masks that do nothing of their own: what they move and what random places move are draws of the same
    generator, held = np.random.default_rng(1), 0
    for seed in range(100):
        own, chance = generator.normal(0.3, 0.2, (2, 1, 16))
        score, _ = measuring._beyond_chance(own, chance, seed)
        held += score.low <= 0 <= score.high
    assert held >= 88
