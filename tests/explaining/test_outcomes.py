"""Outputs and probes in words."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from interpret_inn.explaining.examples import _traversal, outcomes, predicted_values
from interpret_inn.explaining.output_pictures import picture_of
from interpret_inn.explaining.records import Traversal
from interpret_inn.types.concepts import class_name


def test_classes_are_the_top_three_with_their_probabilities() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0, 2.0]])
    (found,) = outcomes(logits, kind="classes", names=["a", "b", "c", "d"])
    assert found.labels == ("b", "d", "c")
    assert found.values == pytest.approx(logits.double().softmax(1)[0, [1, 3, 2]].tolist())
    (two,) = outcomes(torch.tensor([[1.0, 0.0]]), kind="classes", names=None)
    assert two.labels == ("class 0", "class 1")
    assert outcomes(logits, kind="classes", names=["only one"])[0].labels[0] == "class 1"
    assert class_name(1, ["a", "b"]) == "b"


def test_numbers_scores_and_images() -> None:
    outputs = torch.arange(6.0).reshape(2, 3)
    assert [o.values for o in outcomes(outputs, kind="scalar", names=None)] == [(0.0,), (3.0,)]
    assert [o.values for o in outcomes(outputs, kind="scalar", names=None, target=2)] == [(2.0,), (5.0,)]
    scored = outcomes(outputs, kind="scalar", names=None, target=lambda out: out.sum(1))
    assert [(o.labels, o.values) for o in scored] == [(("score",), (3.0,)), (("score",), (12.0,))]
    (image,) = outcomes(torch.zeros(1, 3, 2, 2), kind="image", names=None)
    assert (image.labels, image.values) == ((), ())


def test_images_become_pictures_between_their_extremes() -> None:
    shown = picture_of(torch.tensor([[[-1.0, 1.0], [0.0, 9.0]]]), -1.0, 1.0)
    assert shown.shape == (2, 2, 3)
    assert shown[..., 0].tolist() == [[0, 255], [128, 255]]
    assert picture_of(torch.zeros(4, 2, 2), 0, 0).shape == (2, 2, 3)
    assert picture_of(torch.zeros(2, 2, 2), 0, 1).shape == (2, 2, 3)


def test_three_channels_are_colours_and_of_two_the_first_is_shown_as_grey() -> None:
    pixel = torch.tensor([-5.0, 0.2, 1.0, 0.4])[:, None, None]
    assert picture_of(pixel[:3], 0, 1).tolist() == [[[0, 51, 255]]]
    assert picture_of(pixel, 0, 1).tolist() == [[[0, 51, 255]]]
    assert picture_of(pixel[1:3], 0, 1).tolist() == [[[51, 51, 51]]]
    assert picture_of(torch.zeros(5, 4, 2, 6, 7), 0, 1).shape == (5, 4, 6, 7, 3)


# --- traversals -------------------------------------------------------------------------------------


def traversed(outputs: Tensor, before: Tensor, *, kind: str = "classes", target: Any = None) -> Traversal:
    """The record of a traversal with these outputs, (S, ...)."""
    translator: Any = SimpleNamespace(backbone=SimpleNamespace(class_names=list("abcdefg")))
    survey: Any = SimpleNamespace(kind=kind, value_range=(0.0, 1.0))
    return _traversal(translator, survey, 1, torch.arange(len(outputs)), before, outputs, target)


def test_a_traversal_shows_up_to_four_classes_that_lead_the_surest_first() -> None:
    logits = torch.diag(torch.tensor([1.0, 5.0, 3.0, 2.0, 4.0, 0.0]))[:5]
    found = traversed(logits, logits[0])
    assert (found.example, found.labels) == (1, ("b", "e", "c", "d"))
    np.testing.assert_allclose(found.curves, logits.double().softmax(1)[:, [1, 4, 2, 3]])
    assert found.positions.tolist() == [0, 1, 2, 3, 4]


def test_a_class_that_always_leads_is_shown_with_its_runner_up() -> None:
    logits = torch.tensor([[9.0, 1.0, 2.0, 0.0], [9.0, 3.0, 1.0, 0.0]])
    assert traversed(logits, logits[0]).labels == ("a", "b")


def test_a_traversal_of_images_says_how_far_they_are_from_the_image_itself() -> None:
    before = torch.full((1, 2, 2), 0.5)
    outputs = torch.stack([before, before + torch.tensor([[0.3, -0.3], [0.0, 0.0]])])
    found = traversed(outputs, before, kind="image")
    assert found.labels == ("change",)
    np.testing.assert_allclose(found.curves[:, 0], [0, math.sqrt(2 * 0.09 / 4)], atol=1e-7)
    assert [int(picture[0, 0, 0]) for picture in found.pictures] == [128, 204]


@pytest.mark.parametrize(("kind", "pictures"), [("classes", 0), ("image", 2), ("scalar", 0)])
def test_a_score_is_followed_whatever_outputs_are(kind: str, pictures: int) -> None:
    outputs = (
        torch.arange(8.0).reshape(2, 1, 2, 2) if kind == "image" else torch.tensor([[1.0, 5.0], [2.0, 7.0]])
    )
    found = traversed(outputs, outputs[0], kind=kind, target=lambda out: out.flatten(1).amax(1))
    assert found.labels == ("score",)
    assert found.curves[:, 0].tolist() == ([3, 7] if kind == "image" else [5, 7])
    assert len(found.pictures) == pictures
    if kind == "scalar":
        column = traversed(outputs, outputs[0], kind=kind, target=1)
        assert (column.labels, column.curves[:, 0].tolist()) == (("output",), [5, 7])


def test_readings_of_every_kind(toy: Any) -> None:
    translator, codes = toy.interpreter.translator, toy.interpreter.encode(toy.images[:40])
    shapes = predicted_values(translator, "shape", codes)
    assert set(shapes) <= {"0", "1", "2"}
    right = [text == str(label) for text, label in zip(shapes, toy.labels["shape"], strict=False)]
    assert np.mean(right) > 0.8
    hues = predicted_values(translator, "hue", codes)
    assert all(text.endswith("°") and 0 <= int(text[:-1]) <= 360 for text in hues)
    assert predicted_values(translator, "residual", codes) == [""] * 40
