"""What a reader of the tutorial may type first gets an error that says what to type instead."""

from __future__ import annotations

from typing import Any

import pytest

import interpret_inn as inn


def test_data_in_the_place_of_a_source_are_refused(toy: Any) -> None:
    with pytest.raises(
        inn.ConceptError, match=r"found an object of type ndarray\. Type fit\(\"labels\", data="
    ):
        inn.wrap(toy.model).fit(toy.images, toy.labels)


@pytest.mark.parametrize("target", ["disc", 1.5])
def test_a_target_that_is_no_index_is_refused(toy: Any, target: Any) -> None:
    with pytest.raises(
        inn.InputError, match="Expected a target that is the index of an output, or a function"
    ):
        toy.interpreter.explain(toy.images[:8], target=target)
