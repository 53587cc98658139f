"""Building, adapting, rendering, observing: and who is named when it fails."""

from __future__ import annotations

import types

import pytest

from interpret_inn.errors import ConceptError, PluginError
from interpret_inn.plugin import Manager, PluginWarning, hookimpl
from interpret_inn.types import (
    BackboneSpec,
    ConceptSourceSpec,
    FitStep,
    MetricSpec,
    ReportSectionSpec,
    Score,
    Section,
)

STEP = FitStep(1, 10, 1.0, 1.1, 0.5)


def plugin(**hooks: object) -> types.SimpleNamespace:
    """A plugin with these functions as its marked hooks."""
    made = types.SimpleNamespace()
    for name, function in hooks.items():
        setattr(made, name, hookimpl(function))
    return made


def metric(name: str = "constant", evaluate: object = None) -> MetricSpec:
    return MetricSpec(name, "Always 1.", evaluate or (lambda codes, factors: Score(1.0)))


def source(name: str = "pairs", build: object = None) -> ConceptSourceSpec:
    return ConceptSourceSpec(name, "Pairs.", build)


class Source:
    name, concepts, samples = "pairs", (), ()

    def __init__(self, data: object, *, strength: float = 0.9, balance: bool = True) -> None:
        self.data, self.strength = data, strength

    def sample_pairs(self, n: int, generator: object, among: object) -> None: ...


def test_concept_source_takes_data_and_options() -> None:
    manager = Manager()
    manager.register(plugin(inn_concept_sources=lambda: [source(build=Source)]))
    built = manager.concept_source("pairs", data=[1, 2], strength=0.5)
    assert (built.data, built.strength) == ([1, 2], 0.5)
    with pytest.raises(PluginError, match=r"takes no option 'strenght'\. Did you mean 'strength'\?"):
        manager.concept_source("pairs", data=[], strenght=1)
    with pytest.raises(PluginError, match=r"The concept source 'pairs' of the plugin .* needs data= and was"):
        manager.concept_source("pairs")


def test_what_building_raises_is_named() -> None:
    def own(data: object) -> None:
        raise ConceptError("one class only")

    def foreign(data: object) -> None:
        raise ValueError("oh")

    def memory(data: object) -> None:
        raise MemoryError

    manager = Manager()
    builds = [source("own", own), source("foreign", foreign), source("memory", memory), source("half", dict)]
    manager.register(plugin(inn_concept_sources=lambda: builds))
    with pytest.raises(ConceptError, match="one class only") as caught:
        manager.concept_source("own", data=0)
    assert caught.value.__notes__[0].startswith("(raised by the concept source 'own' of the plugin 'Simple")
    with pytest.raises(
        PluginError, match=r"The concept source 'foreign' of .* failed\. ValueError: oh"
    ) as other:
        manager.concept_source("foreign", data=0)
    assert isinstance(other.value.__cause__, ValueError)
    with pytest.raises(MemoryError):
        manager.concept_source("memory", data=0)
    with pytest.raises(PluginError, match="found dict without name, concepts, samples, sample_pairs"):
        manager.concept_source("half")
    assert manager.provider(source()) == "a plugin that is not registered"


def test_adapt_asks_in_turn() -> None:
    manager = Manager()
    asked: list[str] = []

    def adapter(name: str, answer: object) -> BackboneSpec:
        return BackboneSpec(name, "Asked.", lambda model, site: (asked.append(name), answer)[1])

    manager.register(plugin(inn_backbones=lambda: [adapter("third", "never")]), name="third")
    manager.register(plugin(inn_backbones=lambda: [adapter("second", "mine")]), name="second")
    manager.register(plugin(inn_backbones=lambda: [adapter("first", None)]), name="first")
    assert manager.adapt("timm:x") == "mine" and asked == ["first", "second"]
    assert Manager().adapt("timm:x") is None


def test_a_failing_section_is_left_out_with_a_warning() -> None:
    sections = [
        ReportSectionSpec("good", "G.", lambda explanation: Section("Good", "<p>good</p>")),
        ReportSectionSpec("none", "N.", lambda explanation: None),
        ReportSectionSpec("bad", "B.", lambda explanation: 1 / 0),
        ReportSectionSpec("odd", "O.", lambda explanation: "text"),
    ]
    manager = Manager()
    manager.register(plugin(inn_report_sections=lambda: sections))
    with pytest.warns(PluginWarning) as seen:
        assert [section.title for section in manager.render_sections(None)] == ["Good"]  # type: ignore[arg-type]
    assert "The report section 'bad' of the plugin" in str(seen[0].message)
    assert "to give a Section or None, found an object of type str. This section is left" in str(
        seen[1].message
    )


def test_a_failing_observer_is_named_once_and_the_rest_are_told() -> None:
    manager, told = Manager(), []
    manager.register(plugin(inn_after_fit_step=lambda step: told.append(step)), name="good")
    manager.register(plugin(inn_after_fit_step=lambda: 1 / 0, inn_after_explain=lambda: 1 / 0), name="bad")
    with pytest.warns(
        PluginWarning, match=r"inn_after_fit_step of the plugin 'bad' .* passed over\. ZeroDivision"
    ):
        manager.after_fit_step(STEP)
    manager.after_fit_step(STEP)  # no second warning: warnings are errors here
    assert told == [STEP, STEP]
    with pytest.warns(PluginWarning, match="inn_after_explain of the plugin 'bad'"):
        manager.after_explain(None)  # type: ignore[arg-type]


def test_a_strict_manager_raises() -> None:
    manager = Manager(strict=True)
    manager.register(plugin(inn_after_fit_step=lambda step: 1 / 0))
    for _ in range(2):
        with pytest.raises(PluginError, match="inn_after_fit_step of the plugin") as caught:
            manager.after_fit_step(STEP)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
