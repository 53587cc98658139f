"""What rooms below the interpreter take for a fit."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

import interpret_inn as inn
from interpret_inn import explore
from interpret_inn.translating.translator import translator_of


def test_interpreters_and_translators_are_taken(toy: Any) -> None:
    translator = toy.interpreter.translator
    assert translator_of(toy.interpreter) is translator
    assert translator_of(translator) is translator
    traversed = explore.traverse(translator, toy.fresh[:2], "hue", steps=3)
    assert torch.equal(traversed, explore.traverse(toy.interpreter, toy.fresh[:2], "hue", steps=3))


def test_any_object_that_holds_a_translator_is_taken(toy: Any) -> None:
    translator = toy.interpreter.translator
    assert translator_of(SimpleNamespace(translator=translator)) is translator


@pytest.mark.parametrize("given", [None, "toy", torch.nn.Identity(), SimpleNamespace(translator="toy")])
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(
        inn.InputError, match=r"Expected a fitted interpreter, found .*\. Type inn\.wrap\(model\)"
    ):
        translator_of(given)


def test_an_interpreter_without_a_fit_says_so(toy: Any) -> None:
    with pytest.raises(inn.NotFittedError, match="has not been fitted yet"):
        explore.traverse(inn.wrap(toy.model, "head:in"), toy.fresh[:2], "hue")
