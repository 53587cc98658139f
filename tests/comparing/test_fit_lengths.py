"""Traversal lengths of fits: through the flow, the layout and the rest of the model."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.metrics.traversals import FeatureDistance, pixel_distance, tpl
from interpret_inn.testing.networks import model_changes, model_state

pytestmark = pytest.mark.usefixtures("hasty_probes")

STEPS, SPAN = 5, 2.0


def literal(it: inn.Interpreter, inputs: Any, axis: int, decode: Callable[[Tensor], Tensor]) -> list[float]:
    """Length of one axis from every input, by the definition: one image after the other."""
    reference, found = it.fitted.reference_codes[:, axis], []
    for place in range(len(inputs)):
        one, images = inputs[place : place + 1], []
        for step in np.linspace(-SPAN, SPAN, STEPS):
            codes = it.encode(one)
            codes[..., axis] = reference.mean() + step * reference.std(correction=0)
            images.append(decode(it.invert(codes, one)).detach()[0].double().numpy())
        found.append(sum(np.sqrt(((b - a) ** 2).mean()) for a, b in pairwise(images)))
    return found


def measured(it: inn.Interpreter, **options: Any) -> Any:
    return inn.lengths(it, distance=pixel_distance, steps=STEPS, span=SPAN, **options)


def test_it_is_the_literal_sum_at_the_latents(faces: Any) -> None:
    it, latents = faces
    found = measured(it, inputs=latents[:3], starts=3)
    assert found.each.shape == (3, 12)
    for axis in (0, 1, 7):
        expected = literal(it, latents[:3], axis, it.backbone.model)
        assert found.each[:, axis] == pytest.approx(expected, abs=1e-4)
    assert found.score.value == pytest.approx(found.axes[found.active].sum())


def test_it_is_the_literal_sum_where_the_rest_cannot_run_alone(
    faces: Any, generator_at: Any, small: dict[str, Any]
) -> None:
    it = inn.Interpreter(generator_at("first"))
    it.fit("labels", data=faces.inputs, labels={"tilt": faces.inputs[:, 1].numpy()}, **small | {"axes": 6})
    assert not it.backbone.has_tail
    found = measured(it, inputs=faces.inputs[:3], starts=3)
    assert found.each.shape == (3, 6)  # of 32, those in the blocks
    for axis in (0, 5):
        expected = literal(it, faces.inputs[:3], axis, it.backbone.model.second)
        assert found.each[:, axis] == pytest.approx(expected, abs=1e-4)
    drawn = measured(it, starts=2, seed=3)
    given = measured(it, inputs=it.sample_inputs(2, seed=3))
    assert drawn.each == pytest.approx(given.each)


def test_it_is_the_literal_sum_at_the_code_of_an_autoencoder(maps: Any) -> None:
    it, images = maps
    found = measured(it, inputs=images[:2])
    for axis in (0, 3):
        expected = literal(it, images[:2], axis, it.backbone.model.decoder)
        assert found.each[:, axis] == pytest.approx(expected, abs=1e-4)


def test_it_agrees_with_tpl_of_the_same_codes(faces: Any) -> None:
    """Where the spread of all axes is 1 and their mean 0, as `tpl` takes for granted."""
    it, latents = faces
    codes = it.encode(latents[:4])
    reference = it.fitted.reference_codes
    scale, mean = reference.std(0, correction=0), reference.mean(0)

    def generate(standard: Tensor) -> Tensor:
        return it.backbone.model(it.invert(standard * scale + mean)).detach()  # type: ignore[no-any-return]

    expected = tpl(generate, 12, starts=(codes - mean) / scale, distance=pixel_distance, steps=9)
    found = inn.lengths(it, inputs=latents[:4], starts=4, distance=pixel_distance, steps=9)
    assert found.each == pytest.approx(expected.each, abs=1e-4)
    assert found.threshold == pytest.approx(expected.threshold, abs=1e-5)
    assert found.score.low == pytest.approx(expected.score.low, abs=1e-3)


@pytest.mark.parametrize("at_once", [1, 7, 500])
def test_how_many_are_made_together_does_not_matter(faces: Any, at_once: int) -> None:
    assert measured(faces.interpreter, starts=3, at_once=at_once).each == pytest.approx(
        measured(faces.interpreter, starts=3).each, abs=1e-6
    )


def test_every_axis_has_its_factor(faces: Any) -> None:
    it, _ = faces
    found = measured(it, starts=2)
    assert found.factors == tuple(f.name for f in it.factors for _ in range(f.size))
    assert list(found.by_factor) == ["side", "tilt", "residual"]
    assert sum(found.by_factor.values()) == pytest.approx(found.score.value)
    named = measured(it, starts=2, residual=False)
    assert list(named.by_factor) == ["side", "tilt"]
    assert named.axes == pytest.approx(found.axes[: len(named.axes)], abs=1e-6)
    assert tpl(it.backbone.model, 12, starts=2, steps=2).by_factor == {}


def test_the_seed_draws_the_starting_points(faces: Any) -> None:
    it, _ = faces
    state = torch.get_rng_state()
    first, again, other = (measured(it, starts=3, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.each, again.each)
    assert not np.array_equal(first.each, other.each)
    assert first.each == pytest.approx(measured(it, inputs=it.sample_inputs(3, seed=0)).each)
    assert torch.equal(state, torch.get_rng_state())


def test_given_inputs_are_spread_evenly_and_streams_begin_at_the_first(faces: Any) -> None:
    it, latents = faces
    some = measured(it, inputs=latents[:21], starts=3)
    assert some.each == pytest.approx(measured(it, inputs=latents[[0, 10, 20]]).each)
    first = measured(it, inputs=iter(latents), starts=3)
    assert first.each == pytest.approx(measured(it, inputs=latents[:3]).each)
    with pytest.raises(inn.InputError, match=r"at least one input, found none"):
        measured(it, inputs=iter([]))


@pytest.mark.slow
def test_stored_codes_start_where_nothing_is_drawn(maps: Any, tmp_path: Path) -> None:
    it, _ = maps
    if it.fitted.layout.name != "flat":
        with pytest.raises(
            inn.InputError, match=r"Expected inputs to start the traversals from.*inputs=images"
        ):
            measured(it)
        return
    found = measured(it, starts=3)
    assert found.each.shape == (3, it.fitted.network.shape.leading)
    assert not np.array_equal(found.each, measured(it, starts=3, seed=1).each)
    assert (
        measured(it, starts=len(it.fitted.reference_codes) + 2).each.shape[0]
        == len(it.fitted.reference_codes) + 2
    )
    it.save(tmp_path / "it")
    again = inn.load(tmp_path / "it", it.backbone.model)
    with pytest.raises(inn.InputError, match=r"nothing has run through it yet"):
        measured(again)
    again.encode(maps.inputs[:1])
    assert measured(again, starts=3).each == pytest.approx(found.each, abs=1e-5)


class Noisy(nn.Module):
    """A generator that adds noise of its own, or none."""

    def __init__(self, base: nn.Module, size: float) -> None:
        super().__init__()
        self.base, self.size = base, size

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.base(latents)
        return images + self.size * torch.randn(images.shape) if self.size else images


def test_noise_of_a_generator_is_no_length(faces: Any) -> None:
    def it(size: float) -> inn.Interpreter:
        model = Noisy(faces.interpreter.backbone.model, size)
        backbone = Backbone(
            model, ".:in", preprocess="identity", sample_inputs=faces.interpreter.backbone.sample_inputs
        )
        return inn.Interpreter(backbone, fitted=faces.interpreter.fitted)

    plain = measured(it(0.0), starts=3)
    assert measured(it(0.5), starts=3, at_once=8).each == pytest.approx(plain.each, abs=1e-4)


class Deaf(nn.Module):
    """A generator that ignores its latents."""

    def forward(self, latents: Tensor) -> Tensor:
        return (0 * latents).sum(1)[:, None, None, None] + torch.linspace(0, 1, 64).reshape(1, 8, 8)


def deaf(faces: Any) -> inn.Interpreter:
    backbone = Backbone(
        Deaf(), ".:in", preprocess="identity", sample_inputs=faces.interpreter.backbone.sample_inputs
    )
    return inn.Interpreter(backbone, fitted=faces.interpreter.fitted)


def test_a_generator_that_ignores_its_latents_has_length_0(faces: Any) -> None:
    with pytest.warns(inn.InnWarning, match=r"No axis of the code moves the images of Deaf"):
        found = measured(deaf(faces), starts=3)
    assert (found.score.value, found.score.low, found.score.high) == (0, 0, 0)
    assert not found.active.any()
    assert found.axes == pytest.approx(np.zeros(12))


def test_the_model_is_given_back_as_found_also_when_a_distance_raises(faces: Any) -> None:
    it, _ = faces
    model = it.backbone.model
    model.train()
    try:
        before = model_state(model)
        measured(it, starts=2)

        def fails(first: Tensor, second: Tensor) -> Tensor:
            raise ArithmeticError(f"{len(first)}")

        with pytest.raises(ArithmeticError):
            inn.lengths(it, distance=fails, starts=2)
        assert list(model_changes(before, model_state(model), "")) == []
    finally:
        model.eval()


def test_any_distance_measures(faces: Any) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # of some weights, nothing passes the ReLU
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    features = FeatureDistance(network, ["1"])
    found = inn.lengths(faces.interpreter, distance=features, starts=2, steps=4)
    assert found.score.value > 0
    with pytest.raises(inn.InputError, match=r"one for each pair, found \(\)"):
        inn.lengths(faces.interpreter, distance=lambda a, b: (a - b).abs().mean(), starts=2)


def test_what_makes_no_images_is_refused(toy: Any) -> None:
    with pytest.raises(inn.BackboneError, match=r"makes images.*found outputs \(\d+, 3\) of ToyClassifier"):
        inn.lengths(toy.interpreter, inputs=toy.fresh[:4])


def test_numbers_and_fits_are_checked(faces: Any, generator_at: Any) -> None:
    it, _ = faces
    for options, text in (
        ({"starts": 0}, r"starts to be a whole number, at least 1, found 0"),
        ({"starts": 2.5}, r"starts to be a whole number, at least 1, found 2.5"),
        ({"steps": 1}, r"steps to be a whole number, at least 2, found 1"),
        ({"at_once": 0}, r"at_once to be a whole number"),
        ({"span": 0}, r"span to be a number above 0"),
        ({"threshold": -1}, r"threshold to be a number from 0"),
    ):
        with pytest.raises(inn.InputError, match=text):
            inn.lengths(it, **options)
    with pytest.raises(inn.NotFittedError):
        inn.lengths(inn.Interpreter(generator_at()))
