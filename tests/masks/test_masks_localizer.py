"""The localizer "masks" goes where the model has images, and says which options it takes there."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import interpret_inn as inn
from interpret_inn.types import Masks
from interpret_inn_masks import Constriction, InputMasks
from interpret_inn_masks.masks_localizer import ChosenMasks


class Backbone:
    """Says what kind of model it is; its outputs are what they are told to be."""

    def __init__(self, kind: str, outputs: torch.Tensor) -> None:
        self.kind, self._outputs = kind, outputs

    def prepare(self, batch: Any) -> torch.Tensor:
        return torch.as_tensor(batch)

    def outputs(self, prepared: torch.Tensor) -> torch.Tensor:
        return self._outputs[: len(prepared)]


class Translator:
    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone


LOGITS, IMAGES = torch.zeros(2, 10), torch.zeros(2, 3, 8, 8)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the kinds of masks that were called."""
    found: list[str] = []

    def fake(name: str, over: Any) -> Any:
        def call(self: Any, translator: Any, inputs: Any, factor: str) -> Masks:
            found.append(name)
            return Masks(factor, torch.zeros(len(inputs), 1, 8, 8), over)

        return call

    monkeypatch.setattr(InputMasks, "__call__", fake("input", "input"))
    monkeypatch.setattr(Constriction, "__call__", fake("output", "output"))
    monkeypatch.setattr(
        "interpret_inn_masks.masks_localizer.prepared_inputs", lambda translator, inputs: inputs
    )
    return found


@pytest.mark.parametrize(
    ("kind", "outputs", "over", "expected"),
    [
        ("classifier", LOGITS, None, "input"),
        ("classifier", IMAGES, None, "output"),  # one that makes images without being declared
        ("generator", IMAGES, None, "output"),
        ("autoencoder", IMAGES, None, "output"),
        ("autoencoder", IMAGES, "input", "input"),
        ("classifier", LOGITS, "output", "output"),  # it will say that there are none
    ],
)
def test_where_the_images_are(
    kind: str, outputs: torch.Tensor, over: Any, expected: str, called: list[str]
) -> None:
    masks = ChosenMasks(over, {})(Translator(Backbone(kind, outputs)), IMAGES, "shape")
    assert called == [expected]
    assert masks.space == expected


def test_options_reach_their_kind(called: list[str]) -> None:
    inn.localizer("masks", mode="delete")(Translator(Backbone("classifier", LOGITS)), IMAGES, "shape")
    inn.localizer("masks", rectangles=2)(Translator(Backbone("generator", IMAGES)), IMAGES, "shape")
    inn.localizer("masks", steps=3, seed=1)(Translator(Backbone("generator", IMAGES)), IMAGES, "shape")
    assert called == ["input", "output", "output"]


def test_options_of_the_other_kind(called: list[str]) -> None:
    made = inn.localizer("masks", rectangles=2)
    with pytest.raises(
        inn.LocalizerError, match=r'over the input of a model do not take rectangles.*over="output"'
    ):
        made(Translator(Backbone("classifier", LOGITS)), IMAGES, "shape")
    made = inn.localizer("masks", area=0.2)
    with pytest.raises(
        inn.LocalizerError, match=r'over the images that a model makes do not take area.*over="input"'
    ):
        made(Translator(Backbone("generator", IMAGES)), IMAGES, "shape")
    assert not called


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"over": "outputs"}, 'Expected over="input" or over="output", found \'outputs\''),
        ({"rectangels": 2}, "no option 'rectangels' of these masks. Did you mean 'rectangles'"),
        ({"over": "input", "rectangles": 2}, "no option 'rectangles' of these masks"),
        ({"area": 0.1, "rectangles": 2}, "Expected options of one kind of masks, found area, rectangles"),
    ],
)
def test_options_that_nobody_takes(options: dict[str, Any], text: str) -> None:
    with pytest.raises(inn.LocalizerError, match=text):
        inn.localizer("masks", **options)
