"""What a localizer's members say, and what is refused where a name is nearly one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import interpret_inn as inn
from interpret_inn.localizing import FactorReader, Translator, prepared_inputs
from interpret_inn.testing import check_localizer, toy_images
from interpret_inn.testing.contract import ContractError
from interpret_inn.types import ConceptSource, Localizer, LocalizerSpec
from interpret_inn.types.members import near_name, public_members

IMAGES, _ = toy_images(4, seed=5)


class Centre(Localizer):
    """The same patch in the middle of every image."""

    name = "centre"
    notes = ("Says the same of all images.",)

    def __init__(self, size: int = 8) -> None:
        self.size = size

    def __call__(self, translator: Translator, inputs: Any, factor: str) -> Tensor:
        prepared = prepared_inputs(translator, inputs)
        masks = torch.zeros(len(prepared), 1, *prepared.shape[2:])
        masks[..., self.size : -self.size, self.size : -self.size] = 1
        return masks


class Misspelt(Centre):
    note = ("Never read.",)


@pytest.fixture
def registered() -> Iterator[Callable[..., str]]:
    names = []

    def register(*specs: LocalizerSpec) -> str:
        class Plugin:
            @inn.hookimpl
            def inn_localizers(self) -> tuple[LocalizerSpec, ...]:
                return specs

        names.append(inn.register(Plugin(), name=f"of-a-test-{len(names)}"))
        return names[-1]

    yield register
    for name in names:
        inn.unregister(name)


def test_members_say_what_a_tensor_cannot(toy: Any) -> None:
    masks = toy.interpreter.localize(IMAGES, "shape", localizer=Centre())
    assert masks.localizer == "centre" and masks.notes[0] == "Says the same of all images."
    assert masks.space == "input" and masks.values.shape == (4, 1, 24, 24)


def test_the_space_of_tensors_is_the_members(toy: Any) -> None:
    class Over(Centre):
        space = "output"

    with pytest.raises(inn.LocalizerError, match="as the model's outputs, found"):
        toy.interpreter.localize(IMAGES, "shape", localizer=Over())


def test_members_of_what_a_plugin_builds_count(toy: Any, registered: Callable[..., str]) -> None:
    registered(LocalizerSpec("middle", "The middle.", Centre))
    for localizer in ("middle", inn.localizer("middle", size=6)):
        masks = toy.interpreter.localize(IMAGES, "shape", localizer=localizer)
        assert masks.localizer == "middle" and masks.notes[0] == "Says the same of all images."


def test_a_localizer_without_a_call_says_what_to_define(toy: Any) -> None:
    class Empty(Localizer):
        pass

    with pytest.raises(
        inn.LocalizerError, match=r"Empty does not define __call__\(translator, inputs, factor\)"
    ):
        toy.interpreter.localize(IMAGES, "shape", localizer=Empty())


def test_a_misspelt_member_is_refused_wherever_a_localizer_comes_in(
    toy: Any, registered: Callable[..., str]
) -> None:
    said = "'note' of .*is nearly 'notes'"
    with pytest.raises(inn.PluginError, match=said):
        toy.interpreter.localize(IMAGES, "shape", localizer=Misspelt())
    with pytest.raises(inn.PluginError, match=said):
        toy.interpreter.explain(IMAGES, resamples=2, localizer=Misspelt())
    with pytest.raises(inn.PluginError, match=f"the localizer 'misspelt'.*|{said}"):
        registered(LocalizerSpec("misspelt", "A class.", Misspelt))
    registered(LocalizerSpec("built", "A function.", lambda: Misspelt()))
    with pytest.raises(
        inn.PluginError, match=f"{said[:10]}.*'built' of the plugin 'of-a-test.*nearly 'notes'"
    ):
        inn.localizer("built")
    with pytest.raises(ContractError, match=f"members: {said}"):
        check_localizer(Misspelt(), toy.interpreter, IMAGES)


def test_no_member_of_one_base_is_near_to_one_of_another() -> None:
    for one, other in ((Localizer, ConceptSource), (ConceptSource, Localizer)):
        apart = public_members(one) - public_members(other)
        assert not [name for name in apart if near_name(name, public_members(other))]


@pytest.mark.parametrize("name", ["bench", "translator"])
def test_a_localizer_that_expects_an_interpreter_is_told_what_to_write(toy: Any, name: str) -> None:
    def old(interpreter: Any, inputs: Any, factor: str) -> Tensor:
        codes: Tensor = getattr(interpreter, name).codes(inputs)
        return codes

    with pytest.raises(
        AttributeError,
        match=rf"Translator\.{name} is no more\. .*\(translator, inputs, factor\).*Leave \.{name} out",
    ):
        toy.interpreter.localize(IMAGES, "shape", localizer=old)


def test_an_old_localizer_that_asks_for_model_flow_and_factors_works(toy: Any) -> None:
    def old(interpreter: Any, inputs: Any, factor: str) -> Tensor:
        assert (
            interpreter.backbone is toy.interpreter.backbone and interpreter.fitted is toy.interpreter.fitted
        )
        assert interpreter.factors[factor].size
        return Centre()(interpreter, inputs, factor)

    assert len(toy.interpreter.localize(IMAGES, "shape", localizer=old)) == 4


def test_helpers_refuse_an_interpreter_and_say_what_to_type(toy: Any) -> None:
    for call in (
        lambda: prepared_inputs(toy.interpreter, IMAGES),
        lambda: FactorReader(toy.interpreter, "shape"),
    ):
        with pytest.raises(inn.LocalizerError, match=r"found Interpreter\. Type interpreter\.translator"):
            call()
