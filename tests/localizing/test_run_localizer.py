"""What is said of masks, and what of them comes into a report: notes, sizes, numbers of pictures."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import interpret_inn as inn
from interpret_inn.localizing import output_changes, redrawn_changes, report_places
from interpret_inn.localizing.run_localizer import _doubts, _shown
from interpret_inn.testing import toy_images
from interpret_inn.types import Masks, Score

IMAGES, _ = toy_images(12, seed=5)
UNKNOWN = "How far these masks can be trusted is not known: "


def half_empty() -> Tensor:
    """Two masks of one pixel, and two of none."""
    values = torch.zeros(4, 1, 5, 5)
    values[:2, 0, 0, 0] = 1
    return values


def constant(*values: float) -> Tensor:
    return torch.tensor(values)[:, None, None, None].expand(-1, 1, 5, 5)


@pytest.mark.parametrize(
    ("values", "space", "notes", "said"),
    [
        (half_empty(), "input", (), ["2 of 4 masks are empty.", f"{UNKNOWN}nothing changes here"]),
        (half_empty(), "input", ("Two are empty.",), [f"{UNKNOWN}nothing changes here"]),
        (half_empty()[:2], "input", (), [f"{UNKNOWN}nothing changes here"]),
        (constant(0, 0), "input", (), ["The masks of hue are empty"]),
        (constant(0, 0), "input", ("All empty.",), []),
        (half_empty()[:1], "input", (), [f"{UNKNOWN}one input alone"]),
        (half_empty()[:1], "output", (), [f"{UNKNOWN}nothing changes here"]),
        (constant(0.98, 1), "input", (), [f"{UNKNOWN}they cover the whole image, or nearly so"]),
        (constant(0.3, 1), "output", (), [f"{UNKNOWN}they are the same everywhere"]),
    ],
)
def test_doubts_say_what_is_empty_and_why_nothing_is_known(
    values: Tensor, space: Any, notes: tuple[str, ...], said: list[str]
) -> None:
    found = _doubts(Masks("hue", values, space, notes=notes), Score(math.nan), len(values))
    assert len(found) == len(said)
    assert all(note.startswith(start) for note, start in zip(found, said, strict=True))


def test_nothing_is_doubted_of_masks_with_a_reliability() -> None:
    assert _doubts(Masks("hue", half_empty()[:2]), Score(0.5), 2) == []
    faint = half_empty() * 1e-6  # too faint to be seen
    assert _doubts(Masks("hue", faint), Score(0.5), 4) == [
        "The masks of hue are empty: this localizer finds nothing that it does."
    ]


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((10, 24), (40, 96)),
        ((48, 20), (96, 40)),
        ((49, 10), (49, 10)),
        ((96, 50), (96, 50)),
        ((192, 96), (96, 48)),
    ],
)
def test_pictures_are_enlarged_to_96_pixels_by_whole_numbers(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert _shown(np.zeros((*size, 3), np.uint8), torch.zeros(1, *size)).shape == (*shown, 3)


def test_masks_are_enlarged_with_their_picture() -> None:
    mask = torch.zeros(1, 24, 24)
    mask[:, 3:9, 4:6] = 1
    bright = (_shown(np.full((24, 24, 3), 200, np.uint8), mask)[..., 0] > 150).nonzero()
    assert [(int(axis.min()), int(axis.max())) for axis in bright] == [(12, 35), (16, 23)]


def survey_of(prepared: Tensor, outputs: Tensor, names: tuple[str, ...]) -> Any:
    return SimpleNamespace(
        examples=SimpleNamespace(prepared=prepared),
        outputs=outputs,
        value_range=(0.0, 1.0),
        strongest=lambda most: list(names)[:most],
    )


def prepared_images(count: int) -> Tensor:
    return torch.from_numpy(IMAGES[:count]).movedim(-1, 1).float() / 255


def test_every_factor_that_fails_says_so_and_the_others_are_shown(toy: Any) -> None:
    names = toy.interpreter.factors.names

    def failing(translator: Any, inputs: Any, factor: str) -> Tensor:
        if factor != names[1]:
            raise inn.LocalizerError("No place.") if factor == names[0] else ZeroDivisionError("halfway")
        return torch.linspace(0, 1, 576).view(1, 1, 24, 24).repeat(len(inputs), 1, 1, 1)

    survey = survey_of(prepared_images(12), torch.zeros(12, 3), names)
    places = report_places(toy.interpreter.translator, failing, "mine", survey)
    assert [place.factor for place in places] == list(names) and len(names) == 3
    said = f"The localizer 'mine' failed for the factor {names[2]!r}: ZeroDivisionError: halfway"
    assert places[0].notes == ("No place.",) and places[2].notes == (said,)
    assert len(places[1].pictures) == 6 and places[1].area == pytest.approx(0.5)
    assert math.isnan(places[0].area) and not places[0].pictures


def test_ten_examples_are_localized(toy: Any) -> None:
    seen = []

    def counting(translator: Any, inputs: Any, factor: str) -> Tensor:
        seen.append(len(inputs))
        return torch.rand(len(inputs), 1, 24, 24)

    names = toy.interpreter.factors.names[:1]
    for count in (3, 12):
        report_places(
            toy.interpreter.translator,
            counting,
            "mine",
            survey_of(prepared_images(count), torch.zeros(1, 3), names),
        )
    assert seen == [3, 10]


def test_there_are_places_if_inputs_or_outputs_are_images(toy: Any) -> None:
    names, masks = toy.interpreter.factors.names[:1], lambda *_: torch.rand(2, 1, 24, 24)
    for prepared, outputs, found in (
        (prepared_images(2), torch.zeros(2, 3), 1),
        (torch.zeros(2, 7), torch.zeros(2, 3, 8, 8), 1),
        (torch.zeros(2, 7), torch.zeros(2, 3), 0),
    ):
        survey = survey_of(prepared, outputs, names)
        assert len(report_places(toy.interpreter.translator, masks, "mine", survey)) == found


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (torch.full((4, 1, 24, 24), -0.25), r"to give masks in \[0, 1\], found -0.25 to -0.25"),
        (
            torch.zeros(4, 2, 24, 24),
            r"to give masks \(4, 1, H, W\), one for each input, found \(4, 2, 24, 24\)",
        ),
        (Masks("shape", torch.zeros(4, 1, 24, 24), notes=("Right.", 3)), r"found \('Right.', 3\)"),  # type: ignore[arg-type]
        (
            Masks("shape", torch.zeros(4, 1, 24, 24), figures={"a": Score(1), "b": 2}),  # type: ignore[dict-item]
            "the figures of the localizer .* Scores by name",
        ),
    ],
)
def test_masks_that_are_partly_right_are_refused(toy: Any, given: Any, text: str) -> None:
    with pytest.raises(inn.LocalizerError, match=text):
        toy.interpreter.localize(IMAGES[:4], "shape", localizer=lambda *_: given)


def test_output_changes_of_many_inputs_are_those_of_each(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch import nn

    class Shades(nn.Module):
        def forward(self, latents: Tensor) -> Tensor:
            return latents[:, None, None].sigmoid().expand(-1, 3, 3, -1)

    monkeypatch.setattr("interpret_inn.localizing.image_changes.AT_ONCE", 4)
    latents = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    interpreter = inn.wrap(Shades(), ".:in", backbone="generator", latents="normal", latent_shape=4)
    interpreter.fit(
        "labels", data=latents, labels={"one": latents[:, 0].numpy()}, sizes={"one": 1}, steps=2, pairs=16, blocks=1,
        hidden=8, cache=None, checkpoint=None,
    )  # fmt: skip
    changes = output_changes(interpreter.translator, latents[:6], "one", steps=[1.0])
    alone = [output_changes(interpreter.translator, latents[i : i + 1], "one", steps=[1.0]) for i in range(6)]
    assert torch.allclose(changes, torch.cat(alone, 1), atol=1e-6) and changes.shape == (1, 6, 3, 4)
    assert redrawn_changes(interpreter.translator, latents[:6], "one", draws=2).shape == (2, 6, 3, 4)
