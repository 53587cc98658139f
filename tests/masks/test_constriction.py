"""Masks over the images that a model makes, where the places are known."""

import dataclasses
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.errors import LocalizerError
from interpret_inn.types import Factors
from interpret_inn_masks.constriction import Constriction, consistency, kept, pooled

SIZE = (20, 24)
PLACES = {"left": (4, 15, 0, 5), "right": (10, 19, 16, 23), "moving": (6, 9, 8, 13)}
"""First row, last row, first column, last column."""


def truth(name: str) -> Tensor:
    found = torch.zeros(SIZE)
    top, bottom, left, right = PLACES[name]
    found[top : bottom + 1, left : right + 1] = 1
    return found


class Boxes(nn.Module):
    """Each latent brightens a box; the last three do nothing.

    Args:
        strength: By how much.
        moving: What "moving" brightens lies up or down, as "left" says.
    """

    def __init__(self, strength: float = 0.1, *, moving: bool = False) -> None:
        super().__init__()
        self.register_buffer("boxes", torch.stack([truth(name) for name in PLACES]))
        self.strength, self.moving = strength, moving

    def forward(self, latents: Tensor) -> Tensor:
        boxes = torch.as_tensor(self.boxes).expand(len(latents), -1, -1, -1)
        if self.moving:
            up = latents[:, 0, None, None] > 0
            moved = torch.where(up, boxes[:, 2].roll(-6, 1), boxes[:, 2].roll(6, 1))
            boxes = torch.cat((boxes[:, :2], moved[:, None]), 1)
        image = 0.5 + self.strength * (latents[:, :3, None, None] * boxes).sum(1, keepdim=True)
        return image.expand(-1, 3, -1, -1)


class Reader(nn.Module):
    """Reads the latents of `Boxes` from its images."""

    def forward(self, images: Tensor) -> Tensor:
        boxes = torch.stack([truth(name) for name in PLACES])
        means = ((images[:, :1] - 0.5) * boxes).sum((2, 3)) / boxes.sum((1, 2)) / 0.1
        return torch.nn.functional.pad(means, (0, 3))


class BoxesAutoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Reader(), Boxes()

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.decoder(self.encoder(images))
        return made


def generator(model: nn.Module, **options: Any) -> inn.Interpreter:
    options = {"value_range": (0, 1)} | options
    return inn.wrap(model.eval(), backbone="generator", latents="normal", latent_shape=(6,), **options)


@pytest.fixture(scope="module")
def boxes(cache_of_tests: None, small: dict[str, Any]) -> inn.Interpreter:
    """A generator of boxes, one factor for each of its latents that do something."""
    interpreter = generator(Boxes())
    latents = interpreter.sample_inputs(400, seed=1)
    labels = {name: latents[:, place].numpy() for place, name in enumerate(PLACES)}
    settings = small | {"axes": 6, "samples_per_axis": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        return interpreter.fit(
            "labels", data=latents, labels=labels, kinds=dict.fromkeys(PLACES, "numeric"),
            sizes=dict.fromkeys(PLACES, 1), **settings,
        )  # fmt: skip


def changes_are(monkeypatch: pytest.MonkeyPatch, change: Tensor) -> None:
    """Every factor changes every image in this way, (H, W)."""
    monkeypatch.setattr(
        "interpret_inn_masks.constriction.output_changes",
        lambda translator, inputs, factor, *, steps: change.expand(1, len(inputs), -1, -1),
    )


def with_model(interpreter: inn.Interpreter, other: inn.Interpreter) -> inn.Interpreter:
    """The same flow in another model whose latents are the same."""
    return inn.Interpreter(other.backbone, fitted=interpreter.fitted)


@pytest.mark.parametrize("name", PLACES)
def test_the_mask_is_the_place_that_the_factor_changes(boxes: inn.Interpreter, name: str) -> None:
    masks = boxes.localize(boxes.sample_inputs(5, seed=9), name, localizer="masks")
    assert masks.space == "output" and masks.shared and masks.notes == ()
    assert masks.values.shape == (5, 1, *SIZE) and torch.equal(masks.values[0], masks.values[4])
    assert (masks.values[0, 0] - truth(name)).abs().mean() < 0.01
    assert masks.figures["kept"].low > 0.97
    assert masks.figures["area"].value == pytest.approx(float(truth(name).mean()), rel=0.05)
    assert masks.figures["consistency"].low > 0.95
    assert masks.reliability is not None and masks.reliability.low > 0.95


def test_a_factor_whose_place_moves_is_not_consistent(boxes: inn.Interpreter) -> None:
    moving = with_model(boxes, generator(Boxes(moving=True)))
    latents = moving.sample_inputs(12, seed=9)
    masks = moving.localize(latents, "moving", localizer="masks")
    up, down = truth("moving").roll(-6, 0), truth("moving").roll(6, 0)
    assert masks.figures["consistency"].high < 0.75, "half of all pairs share the place"
    assert (masks.values[0, 0] - up - down).abs().mean() < 0.02
    each = moving.localize(latents, "moving", localizer="masks", per_sample=True)
    assert not each.shared and "consistency" in each.figures
    for latent, mask in zip(latents, each.values, strict=True):
        assert (mask[0] - (up if latent[0] > 0 else down)).abs().mean() < 0.02
    assert each.figures["kept"].low > 0.9
    assert each.figures["area"].value < 0.6 * masks.figures["area"].value


def test_the_walk_of_one_factor_crosses_the_borders_of_another(boxes: inn.Interpreter) -> None:
    moving = with_model(boxes, generator(Boxes(moving=True)))
    masks = moving.localize(moving.sample_inputs(8, seed=9), "left", localizer="masks")
    inside = masks.values[0, 0]
    assert inside[truth("left") > 0].mean() > 0.95
    assert inside[truth("right") > 0].mean() < 0.05


def test_an_autoencoder_is_fitted_on_one_half_and_tested_on_the_other(boxes: inn.Interpreter) -> None:
    other = with_model(boxes, inn.wrap(BoxesAutoencoder().eval(), backbone="autoencoder", value_range=(0, 1)))
    images = Boxes()(boxes.sample_inputs(7, seed=9))
    masks = other.localize(images, "left", localizer="masks")
    assert (masks.values[0, 0] - truth("left")).abs().mean() < 0.01
    assert masks.figures["kept"].low > 0.97 and masks.notes == ()
    (note,) = other.localize(images[:1], "left", localizer="masks").notes
    assert "the input that it was fitted on" in note


def test_kept_is_low_where_the_halves_differ(monkeypatch: pytest.MonkeyPatch, boxes: inn.Interpreter) -> None:
    places = torch.stack([truth("left"), truth("right")] * 4)[None]
    monkeypatch.setattr("interpret_inn_masks.constriction.output_changes", lambda *_, **__: places)
    other = with_model(boxes, inn.wrap(BoxesAutoencoder().eval(), backbone="autoencoder", value_range=(0, 1)))
    masks = Constriction()(other.translator, torch.rand(8, 3, *SIZE), "left")
    assert masks.figures["kept"].value < 0.02, "each half was fitted on the other's place"
    assert masks.figures["consistency"].value == pytest.approx(3 / 7, abs=0.05)
    assert (masks.values[0, 0] - truth("left") - truth("right")).abs().mean() < 0.01


def test_a_factor_that_does_nothing_has_an_empty_mask(boxes: inn.Interpreter) -> None:
    still = with_model(boxes, generator(Boxes(strength=1e-5)))
    latents = still.sample_inputs(4, seed=9)
    for per_sample in (False, True):
        masks = still.localize(latents, "left", localizer="masks", per_sample=per_sample)
        assert masks.values.abs().max() == 0 and masks.shared != per_sample
        assert masks.figures["area"].value == 0 and "kept" not in masks.figures
        assert masks.notes == ("left changes no pixel by half a grey level: its mask is empty.",)
        assert masks.reliability is not None and masks.reliability.value != masks.reliability.value


def test_without_a_known_range_the_images_own_counts(boxes: inn.Interpreter) -> None:
    plain = nn.Sequential(nn.Identity(), Boxes(strength=1e-5))
    faint = with_model(boxes, inn.wrap(plain.eval(), "0", preprocess="identity"))
    assert faint.backbone.value_range is None
    masks = faint.localize(boxes.sample_inputs(4, seed=9), "left", localizer="masks")
    assert (masks.values[0, 0] - truth("left")).abs().mean() < 0.02


def test_images_in_which_nothing_can_be_seen_are_counted(
    monkeypatch: pytest.MonkeyPatch, boxes: inn.Interpreter
) -> None:
    places = torch.stack([truth("left"), truth("right") * 1e-8])[None]
    monkeypatch.setattr("interpret_inn_masks.constriction.output_changes", lambda *_, **__: places)
    masks = Constriction(per_sample=True)(boxes.translator, boxes.sample_inputs(2), "left")
    assert masks.values[1].abs().max() == 0 and masks.values[0].max() > 0.9
    assert masks.notes == ("In 1 of 2 images left changes nothing that could be seen: empty masks.",)
    assert masks.figures["kept"].value > 0.97


def test_a_factor_of_several_axes_is_redrawn_to_be_seen_whole(boxes: inn.Interpreter) -> None:
    """All three boxes answer to one factor; its main direction is some direction among them."""
    whole = Factors.from_sizes({"all": 5}, total=6)
    fitted = dataclasses.replace(boxes.fitted, factors=whole, concepts=())
    together = inn.Interpreter(boxes.backbone, fitted=fitted)
    masks = together.localize(together.sample_inputs(8, seed=9), "all", localizer="masks", edits="redraw")
    assert (masks.values[0, 0] - sum(truth(name) for name in PLACES)).abs().mean() < 0.02
    assert masks.reliability is not None and masks.reliability.low > 0.95


def test_change_everywhere_is_said(monkeypatch: pytest.MonkeyPatch, boxes: inn.Interpreter) -> None:
    changes_are(monkeypatch, torch.ones(SIZE))
    masks = Constriction()(boxes.translator, boxes.sample_inputs(3), "left")
    assert masks.values.min() == 1
    assert masks.notes == ("left changes the image everywhere: its mask is all of it.",)


def test_large_images_are_fitted_small(monkeypatch: pytest.MonkeyPatch, boxes: inn.Interpreter) -> None:
    large = torch.nn.functional.interpolate(truth("right")[None, None], (160, 120))[0, 0]
    changes_are(monkeypatch, large)
    masks = Constriction(steps=20)(boxes.translator, boxes.sample_inputs(3), "right")
    assert masks.values.shape == (3, 1, 160, 120)
    assert (masks.values[0, 0] - large).abs().mean() < 0.03


def test_the_same_call_gives_the_same_masks_and_leaves_the_model_alone(boxes: inn.Interpreter) -> None:
    latents, before = boxes.sample_inputs(3, seed=9), boxes.backbone.fingerprint()
    first = boxes.localize(latents, "right", localizer="masks")
    with torch.inference_mode():
        again = boxes.localize(latents, "right", localizer="masks")
    assert torch.equal(first.values, again.values) and first.figures == again.figures
    assert boxes.backbone.fingerprint() == before


def test_inputs_that_are_given_are_none_of_those_fitted_on(
    monkeypatch: pytest.MonkeyPatch, boxes: inn.Interpreter
) -> None:
    seen: list[Tensor] = []

    def recorded(translator: Any, inputs: Any, factor: str, *, steps: int) -> Tensor:
        seen.append(inputs)
        return truth("left").expand(1, len(inputs), -1, -1)

    monkeypatch.setattr("interpret_inn_masks.constriction.output_changes", recorded)
    for seed in range(3):
        Constriction(seed=seed, samples=5)(boxes.translator, boxes.sample_inputs(4, seed=seed), "left")
        given, drawn = seen[-2:]
        assert len(given) == 4 and len(drawn) == 5
        assert torch.cdist(given, drawn).min() > 1e-3


def test_figures_agree_with_what_they_say() -> None:
    changes = torch.rand(4, 5, 6, generator=torch.Generator().manual_seed(0))
    masks = torch.rand(4, 5, 6, generator=torch.Generator().manual_seed(1))
    for mask, change, share in zip(masks, changes, kept(masks, changes), strict=True):
        inside = sum(m * c for m, c in zip(mask.flatten().tolist(), change.flatten().tolist(), strict=True))
        assert float(share) == pytest.approx(inside / float(change.sum()), rel=1e-5)
    apart = torch.zeros(2, 16, 16)
    apart[0, 2, 2] = apart[1, 12, 12] = 1
    assert consistency(apart).value == 0
    assert consistency(
        apart[[0, 0, 0]] * torch.tensor([1.0, 5.0, 9.0])[:, None, None]
    ).value == pytest.approx(1)
    assert consistency(apart[[0, 0, 1, 1]]).value == pytest.approx(1 / 3)
    assert consistency(apart[:1]).value != consistency(apart[:1]).value, "one says nothing"
    strong = pooled(torch.stack([apart[0], 100 * apart[1]]))
    assert 0.1 < float(strong[2, 2] / strong[12, 12]) < 1, (
        "who changes little counts less, though not as little"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rectangles": 0}, "Expected rectangles to be a whole number, at least 1, found 0."),
        ({"samples": 1.5}, "Expected samples to be a whole number, at least 1, found 1.5."),
        ({"traversal_steps": 1}, "Expected traversal_steps to be a whole number, at least 2, found 1."),
        ({"steps": True}, "Expected steps to be a whole number, at least 0, found True."),
        ({"combine": "sum"}, 'Expected combine="union" or combine="mean", found \'sum\'.'),
        ({"per_sample": "yes"}, "Expected per_sample to be True or False, found 'yes'."),
        ({"edits": "swap"}, 'Expected edits="traversal" or edits="redraw", found \'swap\'.'),
        ({"area_weight": 0}, "Expected area_weight to be a number above 0, found 0."),
        ({"area_weight": float("nan")}, "Expected area_weight to be a number above 0, found nan."),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], text: str) -> None:
    with pytest.raises(LocalizerError) as caught:
        Constriction(**options)
    assert str(caught.value) == text


def test_a_model_that_makes_no_images(toy: Any) -> None:
    with pytest.raises(LocalizerError, match="Expected a model that makes images"):
        Constriction()(toy.interpreter.translator, toy.fresh[:2], "shape")
