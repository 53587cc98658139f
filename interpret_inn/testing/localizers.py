"""The contract of localizers."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import torch
from torch import Tensor, nn

from interpret_inn.backbones import Backbone, primary
from interpret_inn.errors import PluginError
from interpret_inn.testing.contract import Check, hold, misfits, same
from interpret_inn.testing.networks import attributes, model_changes, model_state
from interpret_inn.translating.encoding import Prepared
from interpret_inn.translating.translator import HasTranslator, Translator, translator_of
from interpret_inn.types import Localizer, LocalizerFunction, Masks, Score, Space
from interpret_inn.types.members import refuse_near_names

_MOST_FACTORS = 3
"""Factors that are localized beside the residual, as each call may take long."""
_APART = 0.05
"""How far values of a mask may differ with the batch: rounding does that, and an optimiser's steps enlarge it."""


class _StopError(Exception):
    """Raised inside the model, to see what is left behind."""


@dataclass(frozen=True)
class _Case:
    localizer: Any
    translator: Translator
    inputs: Any
    backbone: Backbone  # a copy that was made before the localizer ran

    def untouched(self) -> Translator:
        """The translator of a model that no localizer has seen."""
        return Translator(copy.deepcopy(self.backbone), self.translator.fitted)

    @property
    def factor(self) -> str:
        first: str = self.translator.factors.names[0]
        return first

    @property
    def model(self) -> nn.Module:
        model: nn.Module = self.translator.backbone.model
        return model

    @cached_property
    def images(self) -> dict[str, Tensor]:
        """What the model takes and gives for all inputs, by space."""
        prepared = self.translator.backbone.prepare(self.inputs)
        return {"input": prepared, "output": primary(self.translator.backbone.outputs(prepared))}

    @cached_property
    def first(self) -> Any:
        """What it gives for the first factor."""
        return self.run()

    def run(self, inputs: Any = None) -> Any:
        """Masks of the first factor in these inputs (None: in all)."""
        given = copy.deepcopy(self.inputs) if inputs is None else inputs  # a bad localizer may spoil them
        return self.localizer(self.translator, given, self.factor)

    def problems(self, found: Any, factor: str, *, count: int | None = None) -> Iterator[str]:
        """What is wrong with masks of that many inputs (None: all of them)."""
        values = found.values if isinstance(found, Masks) else found
        space = found.space if isinstance(found, Masks) else getattr(self.localizer, "space", Localizer.space)
        if space not in get_args(Space):
            yield f"Expected the space of {factor!r} to be one of {get_args(Space)}, found {space!r}."
            return
        images = self.images[space]
        wanted = (len(images) if count is None else count, 1, *images.shape[2:])
        if not isinstance(values, Tensor) or not values.is_floating_point():
            kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
            yield f"Expected masks of {factor!r} as Masks or a tensor of floats, found {kind}."
        elif values.shape != wanted:
            found_shape = tuple(values.shape)
            yield f"Expected masks of {factor!r} over the {space} of shape {wanted}, found {found_shape}."
        elif not torch.isfinite(values).all():
            yield f"The masks of {factor!r} are not finite."
        elif not ((values >= 0) & (values <= 1)).all():
            low, high = float(values.min()), float(values.max())
            yield f"Expected masks of {factor!r} in [0, 1], found {low} to {high}."
        elif values.requires_grad:
            yield f"The masks of {factor!r} drag a graph of gradients along."


def check_localizer(
    localizer: LocalizerFunction, interpreter: HasTranslator | Translator, inputs: Any
) -> tuple[str, ...]:
    """Checks a localizer: `localizer(translator, inputs, factor)` gives masks (B, 1, H, W) in [0, 1], or `Masks`.

    It is called about ten times, so one with few steps saves time. Whether its masks are *right* is measured by
    `Interpreter.localize` (their reliability) and by `interpret_inn.metrics`.

    Args:
        localizer: What a `LocalizerSpec` built.
        interpreter: A fitted interpreter of a model that it can work with, or the translator of one.
        inputs: An array, a tensor or a list of at least 2 inputs of one size.

    Returns:
        The names of the checks, all of which held.

    Raises:
        ContractError: everything that is broken, at once.
        InputError: `interpreter` is neither of the two.
        ValueError: fewer than 2 inputs.
    """
    if len(inputs) < 2:
        raise ValueError(f"Expected at least 2 inputs to check a localizer with, found {len(inputs)}.")
    title = f"The localizer {getattr(localizer, '__name__', type(localizer).__name__)}"
    translator = translator_of(interpreter)
    case = _Case(localizer, translator, inputs, copy.deepcopy(translator.backbone))
    return hold(title, LOCALIZER_CHECKS, case)


def _callable(case: _Case) -> Iterator[str]:
    if not callable(case.localizer):
        yield "Expected a callable, localizer(translator, inputs, factor)."
    elif isinstance(case.localizer, type):
        yield f"Expected an object of the class {case.localizer.__name__}, found the class."
    elif isinstance(case.localizer, Localizer) and type(case.localizer).__call__ is Localizer.__call__:
        yield f"Expected {type(case.localizer).__name__} to define __call__(self, translator, inputs, factor)."
    else:
        yield from misfits(case.localizer, "localizer", "translator", "inputs", "factor")


def _members(case: _Case) -> Iterator[str]:
    name, notes = (getattr(case.localizer, each, getattr(Localizer, each)) for each in ("name", "notes"))
    if not isinstance(name, str):
        yield f"Expected its name to be a text, found {name!r:.60}."
    batchwise = getattr(case.localizer, "batchwise", Localizer.batchwise)
    if not isinstance(batchwise, bool):
        yield f"Expected its batchwise to be True or False, found {batchwise!r:.60}."
    if isinstance(notes, str) or not all(isinstance(note, str) for note in notes):
        yield f"Expected its notes to be a sequence of sentences, found {notes!r:.60}."
    try:
        refuse_near_names(case.localizer, Localizer, owner="the localizer")
    except PluginError as error:
        yield str(error)


def _gives_masks(case: _Case) -> Iterator[str]:
    yield from case.problems(case.first, case.factor)
    names = case.translator.factors.names
    for factor in dict.fromkeys([*names[1:_MOST_FACTORS], names[-1]]):  # the residual is a factor, too
        yield from case.problems(case.localizer(case.translator, copy.deepcopy(case.inputs), factor), factor)


def _fills_record(case: _Case) -> Iterator[str]:
    found = case.first
    if not isinstance(found, Masks):
        return
    if found.factor != case.factor:
        yield f"Expected Masks of the factor that was asked for, {case.factor!r}, found {found.factor!r}."
    strange = [name for name, figure in found.figures.items() if not isinstance(figure, Score)]
    if strange:
        yield f"Expected figures to be Scores, found others under {strange}."
    if isinstance(found.notes, str) or not all(isinstance(note, str) for note in found.notes):
        yield f"Expected notes to be a sequence of sentences, found {found.notes!r:.60}."
    if found.reliability is not None or found.each is not None:
        yield "Fills in its own reliability, which Interpreter.localize measures in one way for all."
    values = found.values
    if found.shared and isinstance(values, Tensor) and not same(values, values[:1].expand_as(values)):
        yield "Says that one mask is shared by all inputs, and gives several."


def _any_number(case: _Case) -> Iterator[str]:
    for count in dict.fromkeys((1, len(case.inputs) - 1)):
        found = case.run(copy.deepcopy(case.inputs[:count]))
        yield from (f"Of {count} inputs: {line}" for line in case.problems(found, case.factor, count=count))


def _each_by_itself(case: _Case) -> Iterator[str]:
    """The mask of an input does not depend on the rest of the batch, unless the localizer says `batchwise`."""
    if getattr(case.localizer, "batchwise", Localizer.batchwise):
        return
    together, alone = case.first, case.run(copy.deepcopy(case.inputs[:1]))
    if any(isinstance(found, Masks) and found.shared for found in (together, alone)):
        return
    first, second = (found.values if isinstance(found, Masks) else found for found in (together, alone))
    apart = float((first[:1].cpu().double() - second.cpu().double()).abs().max())
    if apart > _APART:
        yield (
            f"Expected the mask of an input to depend on that input alone, found one that differs by up to {apart:.2g} "
            "if the input is given alone. Set batchwise = True if the localizer needs the batch, and shared=True "
            "if one mask is for all inputs."
        )


def _repeats_masks(case: _Case) -> Iterator[str]:
    if not same(case.first, case.run()):
        yield "The same inputs give other masks the second time."


def _finite_with_zero_gradients(case: _Case) -> Iterator[str]:
    """A factor that does nothing: in a model whose weights are 0, every gradient and every change is 0."""
    silent = case.untouched()
    with torch.no_grad():
        for parameter in silent.backbone.model.parameters():
            parameter.zero_()
    lines = case.problems(case.localizer(silent, copy.deepcopy(case.inputs), case.factor), case.factor)
    yield from (f"Of a model whose weights are 0, where every gradient is 0: {line}" for line in lines)


def _gives_model_back(case: _Case) -> Iterator[str]:
    """Runs on a copy that no localizer has seen, as a change that lasts is only seen the first time."""
    fresh = dataclasses.replace(case, translator=case.untouched())
    # As a user may have left it: some modules in training mode, in which batch norm moves its statistics, and some
    # weights frozen.
    for number, module in enumerate(fresh.model.modules()):
        module.training = number % 3 != 1
    for number, parameter in enumerate(fresh.model.parameters()):
        parameter.requires_grad_(number % 2 == 0)
    before = model_state(fresh.model)
    calls = _run_until(fresh, None)
    yield from model_changes(before, model_state(fresh.model), "after use")
    with suppress(Exception):  # the backbone may have wrapped it
        _run_until(fresh, calls // 2)
    yield from model_changes(before, model_state(fresh.model), "after the model raised")


def _run_until(case: _Case, last: int | None) -> int:
    """Runs the localizer and counts calls of the model's innermost modules; raises at the one after `last`."""
    calls = 0

    def count(original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*given: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if last is not None and calls > last:
                raise _StopError
            return original(*given, **named)

        return forward

    innermost = [
        module
        for module in case.model.modules()
        if not list(module.children()) and not isinstance(module, torch.jit.ScriptModule)
    ]
    for module in innermost:
        vars(module)["forward"] = count(module.forward)
    try:
        case.run()
    finally:
        for module in innermost:
            vars(module).pop("forward", None)
    return calls


def _leaves_translator(case: _Case) -> Iterator[str]:
    inputs, flow = copy.deepcopy(case.inputs), case.translator.fitted.network
    fitted, state = case.translator.fitted, model_state(flow)
    reference, codes = fitted.reference_codes.clone(), case.translator.encode(inputs)
    owned = attributes(case.translator, fitted=fitted)
    case.run(inputs)
    strange = sorted(
        name
        for name, value in attributes(case.translator, fitted=case.translator.fitted).items()
        if owned.get(name) is not value
    )
    if strange:
        yield f"Sets attributes of the translator, which was to be read only: {', '.join(strange)}."
    if not same(inputs, case.inputs):
        yield "Changes the inputs that it is given."
        return
    prepared = Prepared(case.images["input"].clone())  # as Interpreter.localize gives them
    case.run(prepared)
    if not same(prepared.batch, case.images["input"]):
        yield "Changes the inputs that it is given: what prepared_inputs gives is not its own, either."
    yield from (
        line.replace("The model", "The flow")
        for line in model_changes(state, model_state(flow), "afterwards")
    )
    if not same(codes, case.translator.encode(inputs)) or not same(reference, fitted.reference_codes):
        yield "The translator has other codes afterwards; it was to be read only."


LOCALIZER_CHECKS: tuple[Check[_Case], ...] = (
    _callable,
    _members,
    _gives_masks,
    _fills_record,
    _any_number,
    _each_by_itself,
    _repeats_masks,
    _finite_with_zero_gradients,
    _gives_model_back,
    _leaves_translator,
)
"""All checks, in order."""
