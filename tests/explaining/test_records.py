"""Records of explanations in a few lines, and as plain numbers."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from interpret_inn.explaining.records import plain
from interpret_inn.types import Score

pytestmark = pytest.mark.usefixtures("hasty_probes")


def test_the_repr_of_outputs_without_classes_says_how_far_the_target_moves(toy: Any) -> None:
    explanation = toy.interpreter.explain(toy.fresh[:5], examples=1, resamples=1, localizer=None)
    some = explanation.redraws["hue"]
    number = dataclasses.replace(some, flip_rate=Score(math.nan), change=Score(0.25, 0.125, 0.5))
    text = repr(dataclasses.replace(explanation, factors=(), redraws={"hue": number}))
    assert text.splitlines()[-1] == "  redrawing hue changes the target by 0.250 (0.125 to 0.500)"


def test_plain_forms_hold_numbers_and_no_pictures() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    found = plain({1: [np.float32(0.5), picture], "x": (math.inf, np.ones((1, 1, 2)), np.ones(2, np.uint8))})
    assert found == {"1": [0.5, None], "x": [None, [[[1.0, 1.0]]], [1, 1]]}
