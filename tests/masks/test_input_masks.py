"""The localizer "masks" over inputs: fills, nested masks, and what they find in toy images."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import interpret_inn as inn
from interpret_inn.localizing import FactorReader, prepared_inputs
from interpret_inn.metrics import iou, pointing_game
from interpret_inn.testing import check_localizer, toy_images
from interpret_inn_masks.fills import blurred, filler, mean_colour, noise
from interpret_inn_masks.input_masks import InputMasks
from interpret_inn_masks.nested import NestedMasks, cycled, default_cells, level_sets, resolutions

IMAGES, _ = toy_images(16, seed=5)
OBJECTS = torch.from_numpy(IMAGES.astype(float).max(-1) > 90)[:, None]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("mode", ["both", "preserve"])
def test_masks_find_the_object(toy: Any, mode: Any) -> None:
    masks = toy.interpreter.localize(IMAGES, "shape", localizer="masks", mode=mode, steps=20)
    found, chance = pointing_game(masks, OBJECTS).score, pointing_game(masks, OBJECTS).score.parts["chance"]
    assert found.value > max(0.6, 3 * chance)
    assert iou(masks, OBJECTS).score.value > 0.3
    assert masks.space == "input" and not masks.shared and masks.reliability.low > 0
    assert set(masks.figures) == {"kept", "destroyed", "area"}


def test_figures_are_those_of_the_masks(toy: Any) -> None:
    masks = toy.interpreter.localize(IMAGES, "hue", localizer="masks", area=0.2, steps=10)
    assert float(masks.area.mean()) == pytest.approx(masks.figures["area"].value, abs=1e-6)
    assert masks.figures["area"].value == pytest.approx(0.2, abs=1e-3)
    assert masks.figures["kept"].value > 0.4 and masks.figures["destroyed"].value > 0.4


def test_the_area_is_the_smallest_that_does_enough(toy: Any) -> None:
    areas = [
        toy.interpreter.localize(IMAGES, "shape", localizer="masks", mode="preserve", enough=enough, steps=10)
        .figures["area"].value
        for enough in (0.2, 0.95)
    ]  # fmt: skip
    assert areas[0] < areas[1]


def test_the_same_call_gives_the_same_masks_whatever_the_global_state(toy: Any) -> None:
    first = toy.interpreter.localize(IMAGES[:4], "shape", localizer="masks", fill="noise", steps=4).values
    torch.manual_seed(123)
    state = torch.get_rng_state()
    again = toy.interpreter.localize(IMAGES[:4], "shape", localizer="masks", fill="noise", steps=4).values
    assert torch.equal(first, again) and torch.equal(state, torch.get_rng_state())


@pytest.mark.slow
def test_the_contract_holds(toy: Any) -> None:
    check_localizer(InputMasks(steps=3), toy.interpreter, toy.fresh[:4])


def test_a_factor_at_the_mean_of_the_data_has_an_empty_mask(
    toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FactorReader, "deviation", lambda self, codes: 0 * codes)
    masks = toy.interpreter.localize(IMAGES[:4], "shape", localizer="masks", steps=2)
    assert not masks.values.any()
    assert (
        "shape stands at the mean of the data, or nothing in the image moves it: an empty mask."
        in masks.notes
    )


class Cut(torch.nn.Module):
    """Lets no gradient from its head's input to the image."""

    def __init__(self) -> None:
        super().__init__()
        self.head = torch.nn.Linear(12, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(images.detach()[:, :, ::12, ::12].flatten(1))


@pytest.fixture(scope="module")
def cut(small: dict[str, Any]) -> inn.Interpreter:
    images, labels = toy_images(80, seed=1)
    return inn.wrap(Cut(), "head:in").fit(
        "labels", data=images, labels=labels["shape"], **(small | {"axes": 6})
    )


@pytest.mark.filterwarnings("ignore::interpret_inn.errors.InnWarning")
def test_a_model_that_cuts_gradients_is_refused(cut: inn.Interpreter) -> None:
    with pytest.raises(inn.LocalizerError, match=r"lets no gradient from the site.*method=\"Occlusion\""):
        cut.localize(IMAGES[:4], cut.factors.names[0], localizer="masks", over="input")


class InPlace(torch.nn.Module):
    """Overwrites what the gradients of its ReLU need."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.relu, self.head = torch.nn.Conv2d(3, 12, 3), torch.nn.ReLU(), torch.nn.Linear(12, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = self.relu(self.first(images))
        hidden += 1
        return self.head(hidden.mean((2, 3)))


@pytest.mark.filterwarnings("ignore::interpret_inn.errors.InnWarning")
def test_a_model_that_overwrites_tensors_is_refused(small: dict[str, Any]) -> None:
    images, labels = toy_images(80, seed=1)
    interpreter = inn.wrap(InPlace(), "head:in").fit(
        "labels", data=images, labels=labels["shape"], **(small | {"axes": 6})
    )
    with pytest.raises(inn.LocalizerError, match=r"overwrites tensors .*method=\"Occlusion\""):
        interpreter.localize(IMAGES[:4], interpreter.factors.names[0], localizer="masks", steps=2)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"mode": "keep"}, 'Expected mode="both", "preserve" or "delete", found \'keep\''),
        ({"fill": "grey"}, 'Expected fill="blur", "noise" or "mean", found \'grey\''),
        ({"area": 1.5}, "Expected area to be a share between 0 and 1, found 1.5"),
        ({"area": True}, "Expected area to be a share between 0 and 1, found True"),
        ({"enough": 0}, "Expected enough to be a share between 0 and 1, found 0"),
        ({"steps": 0}, "Expected steps to be a whole number, at least 1, found 0"),
        ({"seed": None}, "Expected seed to be a whole number, at least 0, found None"),
        ({"cells": 1}, "Expected cells to be a whole number, at least 2, found 1"),
        ({"cells": 2.5}, "Expected cells to be a whole number, at least 2, found 2.5"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], text: str) -> None:
    with pytest.raises(inn.LocalizerError) as caught:
        InputMasks(**options)
    assert text in str(caught.value)


# --- fills --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", ["blur", "noise", "mean"])
def test_fills_come_from_other_images(fill: Any) -> None:
    images = torch.rand(3, 1, 1, 1).expand(3, 2, 12, 12) + torch.arange(3.0)[:, None, None, None] * 10
    for _ in range(5):
        found = filler(images, fill, generator())().mean((1, 2, 3))
        assert not torch.isclose(found, images.mean((1, 2, 3)), atol=1).any()
        assert sorted(found.round().tolist()) == sorted(images.mean((1, 2, 3)).round().tolist())


def test_a_single_image_has_its_own_fill() -> None:
    image = torch.rand(1, 3, 10, 14)
    assert torch.allclose(filler(image, "mean", generator())(), mean_colour(image))


def test_the_blur_is_the_literal_one() -> None:
    images = torch.rand(1, 1, 6, 9, dtype=torch.float64)
    found, sigma = blurred(images), 6 / 6
    for y in range(6):
        for x in range(9):
            weight = torch.tensor(
                [
                    [np.exp(-((y - v) ** 2 + (x - u) ** 2) / (2 * sigma**2)) for u in range(9)]
                    for v in range(6)
                ]
            )
            wanted = float((images[0, 0] * weight).sum() / weight.sum())
            assert float(found[0, 0, y, x]) == pytest.approx(wanted, abs=1e-6)


def test_noise_has_the_images_colours() -> None:
    images = torch.rand(4, 3, 40, 40) * torch.tensor([1.0, 2.0, 3.0])[:, None, None]
    found = noise(images, generator())
    assert torch.allclose(found.mean((2, 3)), images.mean((2, 3)), atol=0.4)
    assert torch.allclose(found.std((2, 3)), images.std((2, 3)), rtol=0.05)


# --- nested masks -------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.9), st.floats(0.02, 0.9), st.integers(0, 1000))
def test_level_sets_are_nested_and_of_their_area(one: float, other: float, seed: int) -> None:
    maps = torch.randn(2, 1, 20, 24, generator=torch.Generator().manual_seed(seed))
    small, large = (level_sets(maps, torch.tensor([area, area])) for area in sorted((one, other)))
    assert (small <= large + 1e-6).all()
    for area, masks in zip(sorted((one, other)), (small, large), strict=True):
        assert float((masks > 0.5).float().mean()) == pytest.approx(area, abs=0.01)


@pytest.mark.parametrize(
    ("size", "cells"), [((24, 24), 6), ((40, 72), 6), ((64, 64), 8), ((224, 224), 8), ((4, 9), 4)]
)
def test_cells_fit_the_image(size: tuple[int, int], cells: int) -> None:
    assert default_cells(size) == cells
    shapes = resolutions(size, cells)
    assert min(shapes[-1]) == cells and all(a[0] < b[0] for a, b in itertools.pairwise(shapes))


def test_maps_are_standard_and_gradients_reach_every_level() -> None:
    masks = NestedMasks(2, (24, 30), 6, torch.device("cpu"))
    slopes = torch.autograd.grad(
        (masks.at(torch.tensor([0.2, 0.3])) * torch.rand(2, 1, 24, 30)).sum(), masks.parameters
    )
    assert all(bool((slope.abs().sum((1, 2, 3)) > 0).all()) for slope in slopes)
    with torch.no_grad():
        masks.parameters[-1].normal_(generator=generator())
    assert torch.allclose(masks.map().mean((2, 3)), torch.zeros(2, 1), atol=1e-4)
    assert torch.allclose(masks.map().std((2, 3)), torch.ones(2, 1), atol=2e-3)


def test_every_image_meets_every_area() -> None:
    met = torch.stack([cycled((0.1, 0.2, 0.4), step, 5) for step in range(3)])
    assert all(sorted(column.tolist()) == pytest.approx([0.1, 0.2, 0.4]) for column in met.T)


def test_prepared_images_are_left_alone(toy: Any) -> None:
    prepared = prepared_inputs(toy.interpreter.translator, IMAGES[:4])
    before = prepared.clone()
    toy.interpreter.localize(IMAGES[:4], "shape", localizer="masks", steps=2)
    assert torch.equal(before, prepared)
