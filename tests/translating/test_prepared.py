"""Inputs that have been prepared already stand for any other inputs."""

from typing import Any

import pytest
import torch

from interpret_inn.backbones import Backbone
from interpret_inn.testing import toy_images
from interpret_inn.translating.encoding import BATCH, Prepared, batches, counted


@pytest.fixture(scope="module")
def prepared(toy: Any) -> tuple[Backbone, Prepared, Any]:
    images = toy_images(BATCH + 6, seed=3)[0]
    backbone = toy.interpreter.backbone
    return backbone, Prepared(backbone.prepare(images)), images


def test_batches_are_those_of_the_inputs(prepared: tuple[Backbone, Prepared, Any]) -> None:
    backbone, ready, images = prepared
    given, read = list(batches(backbone, ready)), list(batches(backbone, images))
    assert [len(batch) for batch in given] == [BATCH, 6]
    torch.testing.assert_close(torch.cat(given), torch.cat(read))


def test_they_are_counted_and_not_read_again(prepared: tuple[Backbone, Prepared, Any]) -> None:
    _, ready, _ = prepared
    again, number = counted(ready)
    assert again is ready
    assert number == BATCH + 6


def test_what_was_prepared_cannot_be_exchanged(prepared: tuple[Backbone, Prepared, Any]) -> None:
    _, ready, _ = prepared
    with pytest.raises(AttributeError):
        ready.batch = torch.zeros(1)  # type: ignore[misc]
    assert ready != Prepared(ready.batch), "batches are told by identity, not compared number by number"
