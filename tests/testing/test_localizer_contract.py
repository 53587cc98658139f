"""The contract of localizers: each check with its saboteur, and the built-in localizers hold it."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import interpret_inn as inn
from interpret_inn.localizing import FactorReader, heat_to_masks, prepared_inputs
from interpret_inn.testing import ContractError, check_localizer
from interpret_inn.testing.contract import same
from interpret_inn.testing.localizers import LOCALIZER_CHECKS
from interpret_inn.types import Localizer, Masks, Score

noise = iter(torch.linspace(0, 1, 10000))


def good(translator: Any, inputs: Any, factor: str) -> Tensor:
    """Brightness: no localizer to be proud of, but of the right form."""
    return heat_to_masks(prepared_inputs(translator, inputs).mean(1, keepdim=True))


def careful(translator: Any, inputs: Any, factor: str) -> Tensor:
    """Gradient of the factor's projection."""
    prepared = prepared_inputs(translator, inputs).clone().requires_grad_()
    with translator.backbone.session(gradients=True):
        reader = FactorReader(translator, factor)
        score = reader.projection(prepared, reader.codes(prepared)).sum()
        (slope,) = torch.autograd.grad(score, [prepared])
    return heat_to_masks(slope.abs().sum(1, keepdim=True))


def divided(translator: Any, inputs: Any, factor: str) -> Tensor:
    """The same, divided by a maximum that may be 0."""
    prepared = prepared_inputs(translator, inputs).clone().requires_grad_()
    with translator.backbone.session(gradients=True):
        reader = FactorReader(translator, factor)
        (slope,) = torch.autograd.grad(reader.projection(prepared, reader.codes(prepared)).sum(), [prepared])
    return slope.abs().sum(1, keepdim=True) / slope.abs().sum(1, keepdim=True).amax((1, 2, 3), keepdim=True)


def record(**changes: Any) -> Any:
    def gives(translator: Any, inputs: Any, factor: str) -> Masks:
        masks = Masks(
            factor, good(translator, inputs, factor), figures={"area": Score(0.5)}, notes=("A note.",)
        )
        return dataclasses.replace(masks, **changes)

    return gives


def named(name: str, value: Any = "something") -> Any:
    """A good localizer with one more public name."""

    def gives(translator: Any, inputs: Any, factor: str) -> Tensor:
        return good(translator, inputs, factor)

    vars(gives)[name] = value
    return gives


def only_all(translator: Any, inputs: Any, factor: str) -> Tensor:
    return good(translator, inputs, factor)[:1].expand(6, -1, -1, -1)


def training(translator: Any, inputs: Any, factor: str) -> Tensor:
    translator.backbone.model.eval()
    return good(translator, inputs, factor)


def careless(translator: Any, inputs: Any, factor: str) -> Tensor:
    """Leaves a flag turned when the model raises."""
    weight = next(translator.backbone.model.parameters())
    weight.requires_grad_(not weight.requires_grad)
    translator.backbone.model(prepared_inputs(translator, inputs))
    weight.requires_grad_(not weight.requires_grad)
    return good(translator, inputs, factor)


def spoiling(translator: Any, inputs: Any, factor: str) -> Tensor:
    inputs[0] = 0
    return good(translator, inputs, factor)


def shifting(translator: Any, inputs: Any, factor: str) -> Tensor:
    translator.fitted.reference_codes.add_(1e-3)
    return good(translator, inputs, factor)


def lasting(trace: Callable[[Any], Any]) -> Any:
    """Leaves a trace that is there already the second time."""

    def gives(translator: Any, inputs: Any, factor: str) -> Tensor:
        trace(translator)
        return good(translator, inputs, factor)

    return gives


def against_all(translator: Any, inputs: Any, factor: str) -> Tensor:
    """Scaled by the strongest of the batch."""
    found = prepared_inputs(translator, inputs).mean(1, keepdim=True).abs()
    weights = torch.linspace(1, 3, len(found)).view(-1, 1, 1, 1)
    return found * weights / (found * weights).max()


def remembering(translator: Any, inputs: Any, factor: str) -> Tensor:
    translator.calls = next(noise)
    translator.fitted.notes = (*translator.fitted.notes, "Seen.")
    return good(translator, inputs, factor)


def emptying(translator: Any, inputs: Any, factor: str) -> Tensor:
    """Takes what `prepared_inputs` gives for its own."""
    found = good(translator, inputs, factor)
    if not isinstance(inputs, np.ndarray):
        prepared_inputs(translator, inputs).zero_()
    return found


SABOTAGE: dict[str, list[tuple[Any, str]]] = {
    "callable": [
        (3, "Expected a callable"),
        (Localizer, "Expected an object of the class Localizer"),
        (type("Empty", (Localizer,), {})(), "Expected Empty to define __call__"),
        (
            lambda translator, inputs: None,
            r"Expected localizer\(translator, inputs, factor\), found one that",
        ),
    ],
    "members": [
        (named("note"), "'note' of the localizer is nearly 'notes'"),
        (named("spaces"), "nearly 'space'"),
        (named("notes"), "Expected its notes to be a sequence of sentences, found 'something'"),
        (named("name", 3), "Expected its name to be a text, found 3"),
    ],
    "gives_masks": [
        (named("space", "output"), r"over the output of shape \(6, 1\), found \(6, 1, 24, 24\)"),
        (lambda *given: good(*given)[:, 0], r"shape \(6, 1, 24, 24\), found \(6, 24, 24\)"),
        (lambda *given: good(*given)[..., ::2], r"shape \(6, 1, 24, 24\), found \(6, 1, 24, 12\)"),
        (lambda *given: good(*given) * 300, r"in \[0, 1\], found"),
        (lambda *given: good(*given) * math.nan, "are not finite"),
        (lambda *given: good(*given) > 0, "Masks or a tensor of floats, found torch.bool"),
        (lambda *given: good(*given).numpy(), "Masks or a tensor of floats, found ndarray"),
        (lambda *given: good(*given).requires_grad_(), "graph of gradients"),
        (lambda *given: torch.rand(6, 1, 24, 24), "draws from a global random generator"),
        (lasting(lambda _: np.random.seed(0)), "global random generator, or seeds one"),  # noqa: NPY002
        (lasting(lambda _: random.seed(0)), "global random generator, or seeds one"),
        (lasting(lambda _: torch.manual_seed(0)), "global random generator, or seeds one"),
        (record(space="middle"), "to be one of .*, found .middle."),
    ],
    "fills_record": [
        (record(factor="another"), "asked for, 'shape', found 'another'"),
        (record(figures={"area": 0.5}), r"Expected figures to be Scores, found others under \['area'\]"),
        (record(notes="One note."), "sequence of sentences, found 'One note.'"),
        (record(reliability=Score(1.0)), "its own reliability"),
        (record(shared=True), "shared by all inputs, and gives several"),
    ],
    "any_number": [(only_all, r"Of 1 inputs: Expected masks .* \(1, 1, 24, 24\), found \(6, 1, 24, 24\)")],
    "each_by_itself": [(against_all, "depend on that input alone, found one that differs by up to")],
    "repeats_masks": [(lambda *given: good(*given) * next(noise), "other masks the second time")],
    "finite_with_zero_gradients": [(divided, "every gradient is 0: The masks of 'shape' are not finite")],
    "gives_model_back": [
        (training, "after use: changed are its training flags"),
        (careless, "after the model raised: changed are its requires_grad"),
        (lasting(lambda given: given.backbone.model.train()), "changed are its training flags"),
        (lasting(lambda given: given.backbone.model.requires_grad_(False)), "changed are its requires_grad"),
        (lasting(lambda given: setattr(given.backbone.model, "seen", 1)), "changed are its attributes"),
        (lasting(lambda _: torch.set_grad_enabled(False)), "whole process: torch's gradient mode"),
        (lasting(lambda _: torch.set_default_dtype(torch.float64)), "whole process: torch's default dtype"),
    ],
    "leaves_translator": [
        (spoiling, "Changes the inputs"),
        (emptying, "what prepared_inputs gives is not its own"),
        (shifting, "to be read only"),
        (remembering, "Sets attributes of the translator, .*: calls, fitted.notes"),
    ],
}


def test_good_localizers_hold_it_all(toy: Any) -> None:
    names = [check.__name__.strip("_") for check in LOCALIZER_CHECKS]
    for localizer in (good, careful, record()):
        assert list(check_localizer(localizer, toy.interpreter, toy.fresh[:6])) == names
    assert list(SABOTAGE) == names


@pytest.mark.parametrize(
    ("check", "bad", "text"), [(name, *each) for name, several in SABOTAGE.items() for each in several]
)
def test_every_check_finds_its_saboteur(toy: Any, check: str, bad: Any, text: str) -> None:
    kept = toy.interpreter.fitted.reference_codes.clone()
    translator = toy.interpreter.translator
    owned = [(owner, dict(vars(owner))) for owner in (translator, translator.fitted)]
    model = toy.model
    attributes, flags = set(vars(model)), [weight.requires_grad for weight in model.parameters()]
    try:
        with pytest.raises(ContractError, match=f"- {check}: .*{text}"):
            check_localizer(bad, toy.interpreter, toy.fresh[:6].copy())
    finally:
        for owner, own in owned:
            vars(owner).clear()
            vars(owner).update(own)
        toy.interpreter.fitted.reference_codes.copy_(kept)
        model.eval()
        for name in set(vars(model)) - attributes:
            vars(model).pop(name)
        for weight, flag in zip(model.parameters(), flags, strict=True):
            weight.requires_grad_(flag)


def test_an_object_that_holds_a_translator_will_do(toy: Any) -> None:
    assert check_localizer(good, SimpleNamespace(translator=toy.interpreter.translator), toy.fresh[:3])


def test_one_input_is_not_enough(toy: Any) -> None:
    with pytest.raises(ValueError, match="at least 2 inputs to check a localizer with, found 1"):
        check_localizer(good, toy.interpreter, toy.fresh[:1])


def test_models_in_half_precision_can_be_compared() -> None:
    one = torch.tensor([1.0, math.nan], dtype=torch.bfloat16)
    assert same(one, one.clone()) and not same(one, one.float()) and not same(one, one + 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("masks", {"steps": 4}),
        ("captum", {"method": "Saliency"}),
        ("captum", {"method": "GradCAM"}),
    ],
)
def test_the_built_in_localizers_hold_it(toy: Any, name: str, options: dict[str, Any]) -> None:
    check_localizer(inn.localizer(name, **options), toy.interpreter, toy.fresh[:4])


def test_a_wrong_signature_is_said_once(toy: Any) -> None:
    with pytest.raises(ContractError) as caught:
        check_localizer(lambda translator, inputs: None, toy.interpreter, toy.fresh[:3])
    assert len(caught.value.broken) == 1


def test_a_localizer_may_say_that_it_needs_the_batch(toy: Any) -> None:
    def batchwise(translator: Any, inputs: Any, factor: str) -> Tensor:
        return against_all(translator, inputs, factor)

    vars(batchwise)["batchwise"] = True
    assert check_localizer(batchwise, toy.interpreter, toy.fresh[:6])
