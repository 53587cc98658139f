"""Names of classes: given ones are as many as the outputs, guessed ones are dropped if they are not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from interpret_inn.backbones import Backbone
from interpret_inn.errors import BackboneError

X = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))


def made(outputs: int = 2, **options: Any) -> Backbone:
    return Backbone(nn.Sequential(nn.Linear(3, outputs)), "0:in", preprocess="identity", **options)


def test_given_names_must_fit_and_may_be_given_anew() -> None:
    backbone = made(class_names=["no", "yes", "perhaps"])
    with pytest.raises(BackboneError, match=r"a class name for each of 2 outputs of Sequential, found 3\."):
        backbone.represent(X)
    with pytest.raises(BackboneError, match=r"each of 2 outputs of Sequential, found 1\."):
        backbone.class_names = ["no"]
    assert backbone.class_names == ["no", "yes", "perhaps"], "what is refused changes nothing"
    backbone.class_names = ["no", "yes"]
    backbone.represent(X)
    backbone.class_names = None
    assert backbone.class_names is None


def test_names_that_are_set_after_the_first_run_are_counted() -> None:
    backbone = made()
    backbone.represent(X)
    with pytest.raises(BackboneError, match=r"each of 2 outputs of Sequential, found 3\."):
        backbone.class_names = ["a", "b", "c"]
    assert backbone.class_names is None


def test_a_text_is_no_list_of_names() -> None:
    with pytest.raises(BackboneError, match=r"as a list of names, found 'ab'\. Type \['ab'\]"):
        made().class_names = "ab"


def test_names_of_a_single_output_are_not_counted() -> None:
    backbone = made(1, class_names=["no", "yes"])
    backbone.represent(X)
    assert backbone.class_names == ["no", "yes"]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(("names", "kept"), [(("no", "yes"), True), (("a", "b", "c"), False)])
def test_guessed_names_are_dropped_if_they_do_not_fit(names: Any, kept: bool, before: bool) -> None:
    backbone = made()
    if before:
        backbone.guess_class_names(names)
    backbone.represent(X)
    if not before:
        backbone.guess_class_names(names)
    assert backbone.class_names == (names if kept else None)


def test_guessed_names_stand_back_behind_given_ones() -> None:
    backbone = made(class_names=["no", "yes"])
    backbone.guess_class_names(["a", "b"])
    assert backbone.class_names == ["no", "yes"]


def test_outputs_without_a_tensor_have_no_classes() -> None:
    backbone = made(class_names=["no", "yes"], run=lambda model, inputs: [model(inputs), None][1:])
    backbone.represent(X)
    assert backbone.class_names == ["no", "yes"]
