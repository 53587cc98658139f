"""Outputs by which no effect could be seen are told."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from interpret_inn.explaining.saturation import saturation
from interpret_inn.testing import toy_explanation
from interpret_inn.types import Score

REDRAWS = {
    name: dataclasses.replace(redraw, flip_rate=Score(0.0), kl=Score(1e-6))
    for name, redraw in toy_explanation().redraws.items()
}
CERTAIN = torch.tensor([[12.0, 0.0, 0.0]]).repeat(5, 1)


def kinds(outputs: torch.Tensor, redraws: object = None, kind: str = "classes") -> list[str]:
    return [note.kind for note in saturation(outputs, kind, REDRAWS if redraws is None else redraws)]


def test_one_class_for_all_inputs_and_edits_is_saturated() -> None:
    assert kinds(CERTAIN) == ["saturated"]
    assert kinds(CERTAIN.softmax(1)) == ["probabilities", "saturated"]


@pytest.mark.parametrize("changed", [{"flip_rate": Score(0.01)}, {"kl": Score(0.1)}])
def test_an_edit_that_moves_the_output_speaks_against_it(changed: dict[str, Score]) -> None:
    assert kinds(CERTAIN, {**REDRAWS, "shape": dataclasses.replace(REDRAWS["shape"], **changed)}) == []


def test_two_classes_or_less_certainty_speak_against_it() -> None:
    assert kinds(torch.cat((CERTAIN, CERTAIN.flip(1)))) == []
    assert kinds(torch.tensor([[3.0, 0.0, 0.0]])) == []


def test_only_classes_saturate() -> None:
    assert kinds(torch.full((4, 1), 20.0), kind="scalar") == []
    assert kinds(torch.zeros(0, 3)) == []
    assert math.isfinite(float(CERTAIN.max()))


def test_logits_that_happen_to_be_positive_are_no_probabilities() -> None:
    assert kinds(torch.tensor([[0.7, 0.2, 0.2]])) == []
