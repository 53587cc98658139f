"""`Interpreter.localize`: what it takes, what it gives, what it refuses."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import interpret_inn as inn
from interpret_inn.localizing import FactorReader, heat_to_masks, prepared_inputs
from interpret_inn.testing import toy_images
from interpret_inn.types import LocalizerSpec, Masks, Score

IMAGES, _ = toy_images(24, seed=5)
BRIGHT = torch.from_numpy((IMAGES.astype(float).max(-1) > 90).astype(np.float32))[:, None]


def bright(translator: Any, inputs: Any, factor: str) -> Tensor:
    return BRIGHT[: len(inputs)]


def gradients(translator: Any, inputs: Any, factor: str) -> Masks:
    prepared = prepared_inputs(translator, inputs).clone().requires_grad_()
    with translator.backbone.session(gradients=True):
        reader = FactorReader(translator, factor)
        like = reader.codes(prepared)
        (slope,) = torch.autograd.grad(reader.projection(prepared, like).sum(), [prepared])
    heat = (slope * prepared).detach().abs().sum(1, keepdim=True)
    return Masks(factor, heat_to_masks(heat), figures={"peak": Score(1.0)}, notes=("Gradients.",))


@pytest.fixture
def registered() -> Iterator[str]:
    class Plugin:
        @inn.hookimpl
        def inn_localizers(self) -> list[LocalizerSpec]:
            return [LocalizerSpec("gradients", "By gradients.", lambda: gradients)]

    name = inn.register(Plugin(), name="of-a-test")
    yield "gradients"
    inn.unregister(name)


def test_masks_come_with_their_reliability(toy: Any) -> None:
    masks = toy.interpreter.localize(IMAGES, "shape", localizer=bright)
    assert masks.factor == "shape" and masks.localizer == "bright" and masks.space == "input"
    assert masks.values.shape == (24, 1, 24, 24) and masks.values.dtype == torch.float32
    assert masks.reliability is not None and masks.each is not None
    assert masks.reliability.low > 0.3, "the shape's value stands in the shape"
    assert masks.each.shape == (24,)
    assert len(masks) == 24 and masks.area.shape == (24,)


def test_masks_beside_the_object_are_worse_than_chance(toy: Any) -> None:
    masks = toy.interpreter.localize(IMAGES, "hue", localizer=lambda *_: 1 - BRIGHT)
    assert masks.reliability is not None and masks.reliability.high < 0


def test_constant_masks_say_nothing_of_where(toy: Any) -> None:
    masks = toy.interpreter.localize(IMAGES, "shape", localizer=lambda *_: torch.full_like(BRIGHT, 0.5))
    assert masks.reliability is not None and np.isnan(masks.reliability.value)
    assert masks.notes == ("How far these masks can be trusted is not known: they are the same everywhere.",)


def test_a_strangers_localizer_by_name(toy: Any, registered: str) -> None:
    masks = toy.interpreter.localize(IMAGES, "hue", localizer=registered)
    assert masks.notes == ("Gradients.",) and masks.figures["peak"].value == 1
    assert masks.localizer == "gradients"
    again = toy.interpreter.localize(IMAGES, "hue", localizer=inn.localizer(registered))
    assert torch.equal(masks.values, again.values) and again.localizer == "gradients"
    assert masks.reliability == again.reliability


def test_gradients_work_in_inference_mode_and_on_its_tensors(toy: Any) -> None:
    outside = toy.interpreter.localize(IMAGES[:4], "hue", localizer=gradients)
    with torch.inference_mode():
        inside = toy.interpreter.localize(IMAGES[:4], "hue", localizer=gradients)
        images = torch.from_numpy(IMAGES[:4]).movedim(-1, 1) / 255
        assert not prepared_inputs(toy.interpreter.translator, IMAGES[:4]).is_inference()
    assert torch.equal(outside.values, inside.values)
    assert toy.interpreter.localize(images, "hue", localizer=gradients).values.shape == (4, 1, 24, 24)


def test_streams_are_read_once(toy: Any) -> None:
    reads = []

    def stream() -> Iterator[Any]:
        for image in IMAGES[:6]:
            reads.append(1)
            yield image

    masks = toy.interpreter.localize(stream(), "shape", localizer=gradients)
    assert len(masks) == 6 and len(reads) == 6


def test_one_input_alone_has_no_reliability_and_says_so(toy: Any) -> None:
    masks = toy.interpreter.localize(IMAGES[:1], "shape", localizer=bright)
    assert masks.reliability is not None and np.isnan(masks.reliability.value)
    assert "one input alone has no other to move into" in masks.notes[0]


def test_empty_masks_say_so(toy: Any) -> None:
    masks = toy.interpreter.localize(IMAGES, "shape", localizer=lambda *_: torch.zeros_like(BRIGHT))
    assert masks.reliability is not None and np.isnan(masks.reliability.value)
    assert masks.notes == ("The masks of shape are empty: this localizer finds nothing that it does.",)


def test_empty_masks_say_so_whatever_else_is_said(toy: Any) -> None:
    half = torch.where(torch.arange(len(BRIGHT))[:, None, None, None] < 5, BRIGHT, 0)
    for values, said in ((0 * BRIGHT, "The masks of shape are empty"), (half, "19 of 24 masks are empty.")):
        given = Masks("shape", values, notes=("captum's Saliency.",))
        notes = toy.interpreter.localize(IMAGES, "shape", localizer=lambda *_, given=given: given).notes
        assert notes[0] == "captum's Saliency." and any(note.startswith(said) for note in notes)


@pytest.mark.parametrize("error", [inn.DataError("no data"), MemoryError(), torch.OutOfMemoryError("full")])
def test_errors_of_this_library_and_of_memory_pass_unchanged(toy: Any, error: Exception) -> None:
    def raising(*_: Any) -> Any:
        raise error

    with pytest.raises(type(error)) as caught:
        toy.interpreter.localize(IMAGES, "shape", localizer=raising)
    assert caught.value is error


def test_a_localizer_that_fails_costs_no_report(toy: Any) -> None:
    def failing(translator: Any, inputs: Any, factor: str) -> Tensor:
        if factor == "hue":
            raise ZeroDivisionError("halfway")
        return bright(translator, inputs, factor)

    places = toy.interpreter.explain(IMAGES, localizer=failing, resamples=2).places
    by_factor = {place.factor: place for place in places}
    said = "The localizer 'failing' failed for the factor 'hue': ZeroDivisionError: halfway"
    assert by_factor["hue"].notes == (said,) and not by_factor["hue"].pictures
    assert by_factor["shape"].pictures


def test_a_localizer_may_write_into_what_it_was_given(toy: Any) -> None:
    def writing(translator: Any, inputs: Any, factor: str) -> Tensor:
        found = bright(translator, inputs, factor)
        prepared_inputs(translator, inputs).zero_()
        return found

    spoilt = toy.interpreter.localize(IMAGES, "shape", localizer=writing)
    assert spoilt.reliability == toy.interpreter.localize(IMAGES, "shape", localizer=bright).reliability


def test_the_model_is_given_back_as_found(toy: Any) -> None:
    before = {name: value.clone() for name, value in toy.model.state_dict().items()}
    flags = [parameter.requires_grad for parameter in toy.model.parameters()]
    grads = [parameter.grad for parameter in toy.model.parameters()]

    def raising(*_: Any) -> Tensor:
        raise RuntimeError("halfway")

    toy.interpreter.localize(IMAGES, "shape", localizer=gradients)
    with pytest.raises(
        inn.LocalizerError,
        match=r"^The localizer 'raising' failed for the factor 'shape': RuntimeError: halfway$",
    ) as caught:
        toy.interpreter.localize(IMAGES, "shape", localizer=raising)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert all(torch.equal(before[name], value) for name, value in toy.model.state_dict().items())
    assert flags == [parameter.requires_grad for parameter in toy.model.parameters()]
    assert grads == [parameter.grad for parameter in toy.model.parameters()] == [None] * len(grads)
    assert not toy.model.training and torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, "to give masks, a tensor .B, 1, H, W. or Masks, found NoneType"),
        (BRIGHT[:3], r"to give masks \(24, 1, H, W\), one for each input, found \(3, 1, 24, 24\)"),
        (BRIGHT[:, 0], r"one for each input, found \(24, 24, 24\)"),
        (BRIGHT > 0.5, "masks of floats that are not sparse, found a tensor of torch.bool"),
        (BRIGHT.to_sparse(), r"not sparse, found a tensor of torch.float32, torch.sparse_coo.*to_dense"),
        (BRIGHT.to("meta"), "found a tensor on no device"),
        (Masks("shape", [1.0]), "a tensor .B, 1, H, W. or Masks, found list"),  # type: ignore[arg-type]
        (Masks("shape", BRIGHT, space="inputs"), "say space=.input. or space=.output., found .inputs."),  # type: ignore[arg-type]
        (BRIGHT * 2, r"to give masks in \[0, 1\], found 0 to 2.*heat_to_masks"),
        (BRIGHT * float("nan"), r"to give masks in \[0, 1\], found nan"),
        (BRIGHT[..., ::2, ::2], r"the size of the model's inputs, \(24, 24\), found \(12, 12\).*fit_size"),
        (
            Masks("shape", BRIGHT, notes="One."),
            "the notes of the localizer .* sequence of sentences, found 'One.'",
        ),
        (Masks("shape", BRIGHT, notes=None), "the notes of the localizer .* found None"),
        (
            Masks("shape", BRIGHT, figures={"area": 0.5}),
            "the figures of the localizer .* Scores by name, found",
        ),
        (Masks("shape", BRIGHT, figures=None), "the figures of the localizer .* found None"),
        (Masks("shape", BRIGHT, space="output"), "images .B, C, H, W. as the model's outputs, found"),
    ],
)
def test_what_is_no_mask_is_refused(toy: Any, given: Any, text: str) -> None:
    with pytest.raises(inn.LocalizerError, match=text):
        toy.interpreter.localize(IMAGES, "shape", localizer=lambda *_: given)


def test_what_is_no_localizer_is_refused(toy: Any, registered: str) -> None:
    with pytest.raises(inn.LocalizerError, match=r"callable that takes \(translator, .*, found int"):
        toy.interpreter.localize(IMAGES, "shape", localizer=3)
    with pytest.raises(inn.LocalizerError, match="found the class Generator"):
        toy.interpreter.localize(IMAGES, "shape", localizer=torch.Generator)
    with pytest.raises(inn.LocalizerError, match=r"Expected a localizer that takes .* too many positional"):
        toy.interpreter.localize(IMAGES, "shape", localizer=lambda images: images)
    for seed in ("a", -1, 1.5, True):
        with pytest.raises(inn.LocalizerError, match=r"Expected seed to be .* at least 0, found"):
            toy.interpreter.localize(IMAGES, "shape", localizer=bright, seed=seed)
    with pytest.raises(inn.ConceptError, match="There is no factor None"):
        toy.interpreter.localize(IMAGES, None, localizer=bright)
    with pytest.raises(inn.LocalizerError, match=r"made already, found \['area'\].*inn.localizer"):
        toy.interpreter.localize(IMAGES, "shape", localizer=bright, area=0.1)
    with pytest.raises(inn.PluginError, match=r"There is no localizer 'gradient'. Did you mean 'gradients'"):
        toy.interpreter.localize(IMAGES, "shape", localizer="gradient")
    with pytest.raises(inn.PluginError, match="takes no option 'area'"):
        toy.interpreter.localize(IMAGES, "shape", localizer=registered, area=0.1)
    with pytest.raises(inn.ConceptError, match=r"There is no factor 'shap'. Did you mean 'shape'"):
        toy.interpreter.localize(IMAGES, "shap", localizer=bright)
    with pytest.raises(inn.NotFittedError):
        inn.wrap(toy.model, "head:in").localize(IMAGES, "shape", localizer=bright)


def test_the_seed_reaches_a_named_localizer_that_takes_one(toy: Any) -> None:
    first, second, given = (
        toy.interpreter.localize(
            IMAGES[:4], "shape", localizer="masks", fill="noise", steps=2, **seeds
        ).values
        for seeds in ({"seed": 1}, {"seed": 2}, {"seed": 1})
    )
    assert torch.equal(first, given) and not torch.equal(first, second)


def test_a_plugin_that_builds_nothing_callable_is_named() -> None:
    class Plugin:
        @inn.hookimpl
        def inn_localizers(self) -> list[LocalizerSpec]:
            return [LocalizerSpec("nothing", "Builds nothing.", lambda: None)]

    name = inn.register(Plugin(), name="empty-handed")
    try:
        with pytest.raises(
            inn.PluginError, match=r"'nothing' of the plugin 'empty-handed'.* to be a callable"
        ):
            inn.localizer("nothing")
    finally:
        inn.unregister(name)


def test_a_plugin_that_raises_is_named(toy: Any) -> None:
    def build() -> Any:
        def raising(*_: Any) -> Tensor:
            raise RuntimeError("halfway")

        return raising

    class Plugin:
        @inn.hookimpl
        def inn_localizers(self) -> list[LocalizerSpec]:
            return [LocalizerSpec("raising", "Raises.", build)]

    name = inn.register(Plugin(), name="faulty")
    try:
        with pytest.raises(
            inn.PluginError, match=r"'raising' of the plugin 'faulty'.* failed. RuntimeError: halfway"
        ):
            toy.interpreter.localize(IMAGES, "shape", localizer="raising")
    finally:
        inn.unregister(name)
