"""The survey of inputs: one unit for all images, models with a rule for some inputs, the distances of grouped data."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.explaining import survey as module
from interpret_inn.explaining.chosen_inputs import spread_evenly
from interpret_inn.explaining.examples import neighbours
from interpret_inn.explaining.explain import _redraw, _unknown_range
from interpret_inn.explaining.survey import survey
from interpret_inn.translating.translator import Translator


class Painter(nn.Module):
    """Latents (B, 4) to images whose range of values nobody knows."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Linear(4, 16)
        self.head = nn.Sequential(nn.Linear(16, 36), nn.Unflatten(1, (1, 6, 6)))

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.head(self.body(latents))
        return images


LATENTS = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def painter(small: Any) -> inn.Interpreter:
    with torch.random.fork_rng():
        model = Painter().eval()
    it = inn.wrap(model, "head:in", preprocess="identity")
    labels = {"a": LATENTS[:, 1].numpy()}
    return it.fit("labels", data=LATENTS, labels=labels, kinds={"a": "numeric"}, **small)


def test_changes_of_images_are_in_units_of_the_range_of_all_of_them(painter: inn.Interpreter) -> None:
    """One bright image is in the first batch of 64, or in the last: nothing else differs."""
    inputs = LATENTS[:100].clone()
    inputs[0] *= 20
    early, late = (
        survey(painter.translator, iter(given), resamples=8, examples=1).redraw_effects["a"].change.mean()
        for given in (inputs, inputs.flip(0))
    )
    assert early == pytest.approx(late, rel=0.2)


def test_images_of_an_unknown_range_are_shown_as_found(painter: inn.Interpreter) -> None:
    found = survey(painter.translator, LATENTS[:30], resamples=1, examples=1)
    low, high = (float(end) for end in painter.run(LATENTS[:30]).aminmax())
    assert found.value_range == pytest.approx((low, high), rel=1e-5)
    assert _unknown_range(painter.translator, found) == [
        f"The range of the model's images is not known. They are shown from {low:.3g} (black) to {high:.3g} (white), "
        "as found. Give the range to the backbone: value_range=(0, 1)."
    ]
    assert found.pictures is not None
    assert {int(np.min(found.pictures)), int(np.max(found.pictures))} == {0, 255}


def test_nothing_is_said_of_ranges_where_outputs_are_no_images(toy: Any) -> None:
    found = survey(toy.interpreter.translator, toy.fresh[:4], resamples=1, examples=1)
    assert _unknown_range(toy.interpreter.translator, found) == []


class Negative(nn.Module):
    """Images to their negatives."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Flatten(), nn.Unflatten(1, (3, 6, 6))

    def forward(self, images: Tensor) -> Tensor:
        negatives: Tensor = 1 - self.head(self.body(images))
        return negatives


def test_inputs_that_are_images_are_shown_and_not_the_images_made_of_them(small: Any) -> None:
    images = np.random.default_rng(0).integers(0, 256, (80, 6, 6, 3), dtype=np.uint8)
    it = inn.wrap(Negative().eval(), "head:in")
    it.fit("labels", data=images, labels={"side": np.arange(80) % 2}, **small)
    found = survey(it.translator, images[:8], resamples=1, examples=1)
    assert found.kind == "image"
    assert found.pictures is not None
    for name, picture in zip(found.names, found.pictures, strict=True):
        assert np.array_equal(picture, images[int(name)])


class Sorting(nn.Module):
    """A classifier that gives dark images an answer of its own."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        dark = images.mean((1, 2, 3)) < 0.1
        found: Tensor = torch.where(dark[:, None], torch.tensor([0.0, 0.0, 5.0]), self.model(images))
        return found


@pytest.fixture
def sorting(toy: Any, small: Any) -> inn.Interpreter:
    it = inn.wrap(Sorting(toy.model), "model.head:in")
    it.fit("labels", data=toy.images, labels=toy.labels["shape"], **small)
    assert it.backbone.has_tail
    return it


CAUTION = "For some inputs the output does not come from the site alone"


def with_dark(images: np.ndarray) -> np.ndarray:
    return np.concatenate([images[:63], np.zeros_like(images[:30]), images[:7]])


def test_inputs_with_a_rule_of_their_own_are_redrawn_by_the_whole_model(
    sorting: inn.Interpreter, toy: Any
) -> None:
    images = with_dark(toy.fresh)
    with pytest.warns(inn.InnWarning, match="does not come from 'model.head:in' alone"):
        found = survey(sorting.translator, images, examples=1)
    assert sorting.backbone.lost_tail
    assert not sorting.backbone.has_tail
    dark = np.isin([int(found.names[i]) for i in found.order], range(63, 93))
    assert dark.any()
    for effects in found.redraw_effects.values():
        assert not effects.change[dark].any(), "a dark image has one answer, whatever its code"
    assert len(found.order) == 64, "as many as without a tail"


@pytest.mark.slow
def test_a_page_says_that_the_tail_does_not_make_all_outputs(sorting: inn.Interpreter, toy: Any) -> None:
    with pytest.warns(inn.InnWarning, match="alone"):
        explanation = sorting.explain(with_dark(toy.fresh), examples=1, resamples=1, localizer=None)
    assert any(line.startswith(CAUTION) for line in explanation.warnings)


@pytest.mark.slow
def test_a_page_says_so_too_if_it_was_found_before(sorting: inn.Interpreter, toy: Any) -> None:
    with pytest.warns(inn.InnWarning, match="alone"):
        sorting.check(with_dark(toy.fresh))
    explanation = sorting.explain(toy.fresh[:6], examples=1, resamples=1, localizer=None)
    assert any(line.startswith(CAUTION) for line in explanation.warnings)


def test_a_rule_that_only_the_checks_meet_has_all_redraws_made_anew(
    sorting: inn.Interpreter, toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forward of a batch may give other outputs than the bare model that the checks run."""
    monkeypatch.setattr(module, "drop_wrong_tail", lambda *_: False)
    with pytest.warns(inn.InnWarning, match="alone"):
        found = survey(sorting.translator, with_dark(toy.fresh), examples=1)
    assert sorting.backbone.lost_tail
    assert len(found.order) == 64, "as many as without a tail"


def test_a_stream_is_not_read_twice_for_a_rule_of_some_inputs(sorting: inn.Interpreter, toy: Any) -> None:
    with pytest.warns(inn.InnWarning, match="alone"):
        found = survey(sorting.translator, iter(with_dark(toy.fresh)), examples=1)
    assert sorting.backbone.lost_tail
    assert len(found.names) == 100


def test_checks_look_at_the_tail_too(sorting: inn.Interpreter, toy: Any) -> None:
    with pytest.warns(inn.InnWarning, match="alone"):
        assert sorting.check(with_dark(toy.fresh)).agreement == 1
    assert not sorting.backbone.has_tail
    for call in (lambda: inn.explore.sample(sorting, 2), lambda: inn.lengths(sorting)):
        with pytest.raises(inn.InnError, match=r"a rule of its own for them\. Wrap the part of the model"):
            call()


def test_a_sound_tail_stays(toy: Any) -> None:
    survey(toy.interpreter.translator, toy.fresh, examples=1)
    assert toy.interpreter.backbone.has_tail
    assert not toy.interpreter.backbone.lost_tail


def test_redraws_leave_the_data_by_the_distances_between_groups(toy: Any) -> None:
    """Two nearly equal codes of each thing lie close together, which says nothing of how far things are apart."""
    translator = toy.interpreter.translator
    found = survey(translator, toy.fresh[:20], examples=1, resamples=1)
    codes = translator.fitted.reference_codes
    twice = torch.cat([codes, codes + 1e-4])
    left = []
    for groups in (np.tile(np.arange(len(codes)), 2), np.arange(len(twice))):
        fitted = dataclasses.replace(translator.fitted, reference_codes=twice, reference_groups=groups)
        left.append(_redraw(Translator(translator.backbone, fitted), found, "hue", 0).left_data)
    assert left[0] < 0.5 < 0.9 < left[1]


def test_places_are_spread_from_the_first_to_the_last() -> None:
    assert spread_evenly(10, 4).tolist() == [0, 3, 6, 9]
    assert spread_evenly(3, 10).tolist() == [0, 1, 2]


def test_of_a_stream_the_first_batches_are_taken_and_numbered(toy: Any) -> None:
    translator = toy.interpreter.translator
    found = survey(translator, iter(toy.fresh), resamples=1, examples=1, most=64)
    assert found.names == [str(i) for i in range(64)]
    longer = survey(translator, iter(toy.fresh), resamples=1, examples=1, most=65)
    assert longer.names == [str(i) for i in range(128)]


def test_no_more_redraws_are_measured_than_the_model_allows_at_the_end(toy: Any, monkeypatch: Any) -> None:
    """A tail that is lost on the way allows fewer than were measured before."""
    allowed = iter([(70, 1), (70, 1), (10, 1)])
    monkeypatch.setattr(module, "effort", lambda *_: next(allowed))
    found = survey(toy.interpreter.translator, toy.fresh, resamples=1, examples=1)
    assert found.order == list(range(70))
    assert all(len(effects.change) == 70 for effects in found.redraw_effects.values())


def test_neighbours_are_the_four_inputs_nearest_to_each_stop(toy: Any) -> None:
    translator = toy.interpreter.translator
    seen = survey(translator, toy.fresh[:40], resamples=1, examples=1)
    factor = translator.factors["hue"]
    found = neighbours(translator, seen)["hue"]
    positions = translator.axes["hue"].position(seen.codes[:, factor.slice]).tolist()
    assert found.positions == pytest.approx(-found.positions[::-1])
    assert seen.pictures is not None
    for stop, row, pictures in zip(found.positions, found.indices.tolist(), found.pictures, strict=True):
        assert row == sorted(range(40), key=lambda i: abs(positions[i] - stop))[:4]
        assert all(
            np.array_equal(picture, seen.pictures[i]) for i, picture in zip(row, pictures, strict=True)
        )
