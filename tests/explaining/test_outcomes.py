"""Outputs and probes in words."""

from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.explaining.examples import outcomes, readings
from interpret_inn.explaining.survey import picture_of
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


def test_readings_of_every_kind(toy: Any) -> None:
    translator, codes = toy.interpreter.translator, toy.interpreter.encode(toy.images[:40])
    shapes = readings(translator, "shape", codes)
    assert set(shapes) <= {"0", "1", "2"}
    right = [text == str(label) for text, label in zip(shapes, toy.labels["shape"], strict=False)]
    assert np.mean(right) > 0.8
    hues = readings(translator, "hue", codes)
    assert all(text.endswith("°") and 0 <= int(text[:-1]) <= 360 for text in hues)
    assert readings(translator, "residual", codes) == [""] * 40
