"""Projection: latents whose outputs come near to given images, and how near."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn import explore


def test_the_models_own_images_are_found_again(faces: Any) -> None:
    it, latents = faces
    model = it.backbone.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wanted = it.run(latents[:3])
    found = explore.project(it, wanted, steps=150, starts=2)
    assert found.latents.shape == (3, 12)
    torch.testing.assert_close(found.outputs, it.run(found.latents))
    assert found.error.shape == (3,)
    assert found.error.max() < 0.02
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    again = explore.project(it, wanted, steps=150, starts=2)
    assert torch.equal(found.latents, again.latents)


def test_it_needs_no_fit_and_works_in_inference_mode(generator_at: Callable[..., Any]) -> None:
    it = inn.Interpreter(generator_at())
    with torch.inference_mode():
        found = explore.project(it, it.run(it.sample_inputs(2, seed=9)).clone(), steps=20, starts=1)
    assert found.error.max() < 0.5


def test_error_is_one_for_the_mean_image(generator_at: Callable[..., Any]) -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, latent: Tensor) -> Tensor:
            return (latent[:, :1] * self.weight + 0.5)[..., None, None].expand(-1, 1, 4, 4)

    from interpret_inn.backbones import Backbone

    def draw(n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, 3, generator=generator)

    it = inn.Interpreter(
        Backbone(Constant(), ".:in", preprocess="identity", sample_inputs=draw, value_range=(0, 1))
    )
    assert explore.project(it, torch.zeros(1, 1, 4, 4), steps=2, starts=1).error == pytest.approx(1.0)


def test_pictures_are_scaled_to_the_models_range(faces: Any) -> None:
    it, latents = faces
    wanted = it.run(latents[:2])
    pictures = explore.to_pictures(wanted, value_range=(0, 1))
    as_list = [Image.fromarray(picture) for picture in pictures]
    by_array = explore.project(it, pictures, steps=60, starts=1)
    by_list = explore.project(it, as_list, steps=60, starts=1)
    torch.testing.assert_close(by_array.latents, by_list.latents)
    assert by_array.error.max() < 0.1


def test_an_unknown_range_is_guessed_and_said(generator_at: Callable[..., Any]) -> None:
    it = inn.Interpreter(generator_at(value_range=None))
    pictures = np.zeros((1, 10, 10, 3), np.uint8)
    with pytest.warns(inn.InnWarning, match=r"range of Generator's outputs is not known.*value_range"):
        explore.project(it, pictures, steps=1, starts=1)


def test_floats_of_another_range_are_doubted(generator_at: Callable[..., Any]) -> None:
    it = inn.Interpreter(generator_at(value_range=(-1, 1)))
    with pytest.warns(inn.InnWarning, match=r"taken as they are"):
        explore.project(it, torch.rand(2, 3, 10, 10), steps=1, starts=1)
    with pytest.raises(inn.InputError, match=r"range of the model's outputs, -1.00 to 1.00"):
        explore.project(it, torch.rand(2, 3, 10, 10) * 255, steps=1, starts=1)


def test_images_of_another_size_are_refused(faces: Any) -> None:
    it, _ = faces
    with pytest.raises(inn.InputError, match=r"\(B, 3, 10, 10\), found \(2, 3, 9, 9\)"):
        explore.project(it, torch.rand(2, 3, 9, 9), steps=1)
    with pytest.raises(inn.InputError, match=r"of one size, found several"):
        explore.project(it, [np.zeros((9, 9, 3), np.uint8), np.zeros((10, 10, 3), np.uint8)], steps=1)
    with pytest.raises(inn.InputError, match=r"at least one image, found none"):
        explore.project(it, [], steps=1)
    with pytest.raises(inn.InputError, match=r"found \(3, 10, 10\)"):
        explore.project(it, torch.rand(3, 10, 10), steps=1)


@pytest.mark.parametrize("name", ["steps", "starts"])
def test_numbers_are_checked(faces: Any, name: str) -> None:
    with pytest.raises(inn.EditError, match=rf"Expected {name} to be at least 1, found 0"):
        explore.project(faces.interpreter, torch.rand(1, 3, 10, 10), **{name: 0})


def test_only_generators_have_latents_to_look_for(toy: Any) -> None:
    with pytest.raises(inn.BackboneError, match=r"ToyClassifier has no latents.*backbone='generator'"):
        explore.project(toy.interpreter, toy.fresh[:1])


def test_a_generator_of_no_images_is_refused(generator_at: Callable[..., Any]) -> None:
    backbone = generator_at()
    backbone.run = lambda model, latent: model.first(latent)
    with pytest.raises(inn.BackboneError, match=r"gives images \(B, C, H, W\), found outputs \(1024, 32\)"):
        explore.project(inn.Interpreter(backbone), torch.rand(1, 3, 10, 10))


def test_a_model_that_cuts_gradients_is_refused(generator_at: Callable[..., Any]) -> None:
    backbone = generator_at()

    def cut(model: nn.Module, latent: Tensor) -> Tensor:
        with torch.no_grad():
            return model(latent)

    backbone.run = cut
    with pytest.raises(inn.BackboneError, match=r"lets no gradient from its outputs"):
        explore.project(inn.Interpreter(backbone), torch.rand(1, 3, 10, 10))


@pytest.mark.filterwarnings("error")
def test_images_that_carry_gradients_are_left_alone(faces: Any) -> None:
    it, latents = faces
    wanted = it.run(latents[:2]).clone().requires_grad_()
    found = explore.project(it, wanted, steps=2, starts=1)
    assert wanted.grad is None
    assert not found.latents.requires_grad
    assert not found.error.requires_grad


def test_no_images_are_refused(faces: Any) -> None:
    it, _ = faces
    with pytest.raises(inn.errors.InputError, match="Expected images of the size"):
        explore.project(it, torch.zeros(0, 3, 10, 10), steps=2, starts=1)
