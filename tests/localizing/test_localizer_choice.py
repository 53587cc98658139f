"""Which localizer "auto" is: the one that says it suits the model best; and how quick it is in reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import interpret_inn as inn
from interpret_inn.plugin import Manager, PluginWarning
from interpret_inn.plugin.choosing import chosen_localizer, report_localizer, suited
from interpret_inn.testing import toy_images
from interpret_inn.types import LocalizerSpec

IMAGES, _ = toy_images(4, seed=5)


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A manager without any plugin, in the place of the process's."""
    empty = Manager()
    monkeypatch.setattr("interpret_inn.plugin.choosing.get_manager", lambda: empty)
    yield empty


def contribute(manager: Manager, *specs: LocalizerSpec) -> None:
    class Plugin:
        @inn.hookimpl
        def inn_localizers(self) -> tuple[LocalizerSpec, ...]:
            return specs

    manager.register(Plugin(), name=f"plugin of {specs[0].name}")


def spec(name: str, suits: Any = None, quick: Any = None, built: Any = None) -> LocalizerSpec:
    def build(steps: int = 9) -> Callable[..., Tensor]:
        if built is not None:
            built.append(steps)
        return lambda *_: torch.ones(4, 1, 24, 24)

    return LocalizerSpec(name, "A localizer of a test.", build, suits=suits, quick=quick or {})


def test_the_largest_number_wins_and_of_equal_ones_the_last_registered(toy: Any, manager: Manager) -> None:
    contribute(manager, spec("first", lambda _: 1), spec("named"), spec("none", lambda _: None))
    contribute(manager, spec("second", lambda _: 1.0), spec("nought", lambda _: 0))
    found = suited(toy.interpreter.translator)
    assert found is not None and found.name == "second"
    contribute(manager, spec("better", lambda _: 1.5))
    assert chosen_localizer(toy.interpreter.translator, "auto", {})[1] == "better"


def test_it_is_asked_about_the_translator(toy: Any, manager: Manager) -> None:
    asked: list[Any] = []
    contribute(manager, spec("asks", lambda translator: asked.append(translator)))
    assert suited(toy.interpreter.translator) is None
    assert asked == [toy.interpreter.translator]


def test_where_none_suits_auto_says_so_and_a_report_does_without(toy: Any, manager: Manager) -> None:
    contribute(manager, spec("shy"), spec("none", lambda _: None))
    with pytest.raises(inn.LocalizerError, match=r"no localizer that suits.*Name one of \['shy', 'none'\]"):
        chosen_localizer(toy.interpreter.translator, "auto", {})
    assert report_localizer(toy.interpreter.translator, "auto") is None


def test_a_report_builds_the_automatic_choice_quickly_and_a_named_one_as_it_is(
    toy: Any, manager: Manager
) -> None:
    steps: list[int] = []
    contribute(manager, spec("slow", lambda _: 1, {"steps": 3}, steps))
    chosen_localizer(toy.interpreter.translator, "auto", {})
    for localizer in ("auto", "slow"):
        found = report_localizer(toy.interpreter.translator, localizer)
        assert found is not None and found[1] == "slow"
    assert steps == [9, 3, 9]
    assert report_localizer(toy.interpreter.translator, None) is None


@pytest.mark.parametrize("answer", ["much", True, float("nan"), float("inf")])
def test_an_answer_that_is_no_number_names_who_gave_it(toy: Any, manager: Manager, answer: Any) -> None:
    contribute(manager, spec("odd", lambda _: answer), spec("good", lambda _: 1))
    with pytest.warns(PluginWarning, match="suits of the localizer 'odd' of the plugin 'plugin of odd'"):
        found = suited(toy.interpreter.translator)
    assert found is not None and found.name == "good"


def test_one_that_raises_when_it_is_asked_is_named_and_passed_over(toy: Any, manager: Manager) -> None:
    contribute(manager, spec("odd", lambda translator: translator.nothing))
    with pytest.warns(PluginWarning, match=r"'odd' of the plugin .* failed. AttributeError.* passed over"):
        assert suited(toy.interpreter.translator) is None
    manager.strict = True
    with pytest.raises(inn.PluginError, match="'odd' of the plugin"):
        suited(toy.interpreter.translator)


def test_one_that_raises_an_error_of_this_library_is_passed_over_too(toy: Any, manager: Manager) -> None:
    def suits(translator: Any) -> float:
        raise inn.BackboneError("There is no tail.")

    contribute(manager, spec("odd", suits), spec("good", lambda _: 1))
    with pytest.warns(PluginWarning, match=r"There is no tail. So the localizer 'odd' of .* is passed over"):
        found = suited(toy.interpreter.translator)
    assert found is not None and found.name == "good"


def test_an_option_called_name_is_refused_like_any_other(toy: Any) -> None:
    with pytest.raises(inn.LocalizerError, match="There is no option 'name'"):
        toy.interpreter.localize(IMAGES, "shape", localizer="masks", name="mine")


@pytest.mark.parametrize(
    ("suits", "quick", "said"),
    [
        (3, {}, "Expected 'suits' of the localizer 'odd' to be callable"),
        (None, [3], "Expected 'quick' of the localizer 'odd' to be a mapping"),
        (None, {"stepps": 3}, "takes no option 'stepps'. Did you mean 'steps'"),
    ],
)
def test_records_that_could_not_work_are_refused_when_registered(
    manager: Manager, suits: Any, quick: Any, said: str
) -> None:
    with pytest.raises(inn.PluginError, match=said):
        contribute(manager, spec("odd", suits, quick))


def test_one_that_auto_may_choose_needs_no_option(manager: Manager) -> None:
    with pytest.raises(inn.PluginError, match="localizer 'odd' needs size="):
        contribute(manager, LocalizerSpec("odd", "Needs a size.", lambda *, size: size, suits=lambda _: 1))


def test_the_built_in_choice_is_masks_for_vectors_and_quick_in_reports(toy: Any) -> None:
    found = suited(toy.interpreter.translator)
    assert found is not None and found.name == "masks" and found.quick == {"steps": 20}


@pytest.mark.slow
def test_places_of_a_report_are_those_of_the_localizer_that_is_given(toy: Any) -> None:
    few = inn.localizer("masks", steps=2)
    places = toy.interpreter.explain(IMAGES, resamples=2, localizer=few).places
    assert {place.localizer for place in places} == {"masks"} and len(places) == 3


@pytest.mark.slow
def test_a_report_localizes_the_factors_that_the_output_answers_to_most(
    toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained = toy.interpreter.explain(toy.fresh[:12], resamples=4, localizer=None)
    strength = {name: redraw.change.value for name, redraw in explained.redraws.items()}
    for shown in (1, 2):
        monkeypatch.setattr("interpret_inn.localizing.run_localizer.FACTORS", shown)
        places = toy.interpreter.explain(
            toy.fresh[:12], resamples=4, localizer=lambda *_: torch.rand(10, 1, 24, 24)
        ).places
        strongest = sorted(strength, key=lambda name: -strength[name])[:shown]
        assert [place.factor for place in places] == [
            name for name in toy.interpreter.factors.names if name in strongest
        ]
