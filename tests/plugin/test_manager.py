"""Registering by a call: what is contributed, and what is refused."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator

import pytest

from interpret_inn.errors import PluginError
from interpret_inn.plugin import Manager, hookimpl
from interpret_inn.plugin.checking import HOOKS
from interpret_inn.plugin.contributions import KINDS
from interpret_inn.types import (
    BackboneSpec,
    ConceptSourceSpec,
    FitStep,
    LocalizerSpec,
    MetricSpec,
    ReportSectionSpec,
    Score,
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


class Everything:
    @hookimpl
    def inn_backbones(self) -> list[BackboneSpec]:
        return [BackboneSpec("b", "B.", lambda model, site: None)]

    @hookimpl
    def inn_concept_sources(self) -> Iterator[ConceptSourceSpec]:
        yield ConceptSourceSpec("c", "C.", lambda data: None)

    @hookimpl
    def inn_localizers(self) -> tuple[LocalizerSpec, ...]:
        return (LocalizerSpec("l", "L.", lambda: None),)

    @hookimpl
    def inn_metrics(self) -> list[MetricSpec]:
        return [metric("m"), metric("m2")]

    @hookimpl
    def inn_report_sections(self) -> list[ReportSectionSpec]:
        return [ReportSectionSpec("r", "R.", lambda explanation: None)]


def test_a_plugin_contributes_every_kind() -> None:
    manager = Manager()
    assert manager.register(Everything()) == "Everything"
    names = [
        [spec.name for spec in specs]
        for specs in (
            manager.backbones(),
            manager.concept_sources(),
            manager.localizers(),
            manager.metrics(),
            manager.report_sections(),
        )
    ]
    assert names == [["b"], ["c"], ["l"], ["m", "m2"], ["r"]]
    assert manager.find("metric", "m2") is manager.metrics()[1]
    assert {kind.hook for kind in KINDS.values()} == {
        name for name in HOOKS if not name.startswith("inn_after_")
    }


def test_the_last_registered_comes_first_and_tryfirst_is_heeded() -> None:
    manager = Manager()
    first = types.SimpleNamespace(inn_metrics=hookimpl(lambda: [metric("eager")], tryfirst=True))
    manager.register(first, name="eager")
    manager.register(plugin(inn_metrics=lambda: [metric("old")]), name="old")
    manager.register(plugin(inn_metrics=lambda: [metric("new")]), name="new")
    assert [spec.name for spec in manager.metrics()] == ["eager", "new", "old"]


def test_the_same_plugin_twice_is_once() -> None:
    manager = Manager()
    once = Everything()
    assert manager.register(once) == manager.register(once, name="again") == "Everything"
    assert len(manager.plugins()) == 1


def test_unregister_takes_everything_out() -> None:
    manager = Manager()
    manager.register(Everything())
    manager.unregister("Everything")
    assert manager.metrics() == () and len(manager.plugins()) == 0
    manager.register(Everything())
    with pytest.raises(PluginError, match=r"There is no plugin 'everything'\. Did you mean 'Everything'\?"):
        manager.unregister("everything")


class Unmarked:
    def inn_metrics(self) -> list[MetricSpec]:
        return []


async def waiting() -> list[MetricSpec]:
    return []


def wrapping() -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (Everything, r"found the class Everything\. Register an instance of it: Everything\(\)\."),
        ("labels", "found the text 'labels'. Import it and pass the object."),
        (object(), "found none in an object of type object. Mark one of: inn_backbones"),
        (
            Unmarked(),
            "inn_metrics in an object of type Unmarked would never be called: mark it with @inn.hookimpl",
        ),
        (
            plugin(inn_concept_source=lambda: []),
            "There is no hook 'inn_concept_source'. Did you mean 'inn_concept_sources'",
        ),
        (
            plugin(inn_after_fit_step=lambda state: None),
            r"Expected the arguments of inn_after_fit_step\(step\), found 'state'\. Rename them",
        ),
        (plugin(inn_metrics=waiting), "inn_metrics is asynchronous"),
        (types.SimpleNamespace(inn_metrics=hookimpl(wrapping, wrapper=True)), "inn_metrics is a wrapper"),
        (plugin(inn_metrics=lambda: None), "MetricSpec, found None. Forgot to return"),
        (plugin(inn_metrics=lambda: metric()), r"found a single one\. Type `return \[spec\]`"),
        (plugin(inn_metrics=lambda: [source()]), "an object of type ConceptSourceSpec in it"),
        (plugin(inn_metrics=lambda: "mig"), "found an object of type str"),
        (
            plugin(inn_metrics=lambda: [metric("a b")]),
            "to be of letters, digits, '_', '-' and '.', found 'a b'",
        ),
        (
            plugin(inn_metrics=lambda: [MetricSpec("a", "two\nlines", len)]),
            "Expected a summary of one line for the metric 'a'",
        ),
        (
            plugin(inn_metrics=lambda: [MetricSpec("a", "A.", 3)]),
            "'evaluate' of the metric 'a' to be callable",
        ),
        (
            plugin(inn_backbones=lambda: [BackboneSpec("a", "A.", len, restored="mode")]),
            "'restored' of the backbone 'a' to be a tuple of names, found 'mode'",
        ),
        (
            plugin(inn_metrics=lambda: [metric("a"), metric("a")]),
            "The metric 'a' is contributed twice by the plugin",
        ),
        (
            plugin(inn_metrics=lambda: [dataclasses.replace(metric("a"), quick="no")]),
            "Expected 'quick' of the metric",
        ),
        (
            plugin(inn_metrics=lambda: 1 / 0),
            r"inn_metrics of the plugin 'SimpleNamespace' \(registered by a call .*\) failed\. ZeroDiv",
        ),
    ],
)
def test_refused_by_name_and_not_kept(bad: object, text: str) -> None:
    manager = Manager()
    with pytest.raises(PluginError, match=text):
        manager.register(bad)
    assert len(manager.plugins()) == 0 and manager.metrics() == ()
    manager.register(Everything())  # and the manager is whole


def test_a_generator_that_fails_late_is_named_and_chained() -> None:
    def late() -> Iterator[MetricSpec]:
        yield metric("early")
        raise KeyError("late")

    manager = Manager()
    with pytest.raises(
        PluginError, match=r"inn_metrics of the plugin .* failed\. KeyError: 'late'"
    ) as caught:
        manager.register(plugin(inn_metrics=late))
    assert isinstance(caught.value.__cause__, KeyError)
    assert manager.metrics() == ()


def test_duplicate_names_name_both() -> None:
    manager = Manager()
    manager.register(plugin(inn_metrics=lambda: [metric("mig")]), name="one")
    with pytest.raises(
        PluginError, match=r"Two plugins contribute the metric 'mig': the plugin 'one' .*'two'"
    ):
        manager.register(plugin(inn_metrics=lambda: [metric("mig")]), name="two")
    with pytest.raises(PluginError, match=r"there is already the plugin 'one' .*unregister\('one'\)"):
        manager.register(plugin(inn_metrics=lambda: []), name="one")
    assert [spec.name for spec in manager.metrics()] == ["mig"]


def test_unknown_names_get_the_nearest() -> None:
    manager = Manager()
    manager.register(Everything())
    with pytest.raises(PluginError, match=r"There is no concept source 'colour'\. Known: 'c'\."):
        manager.find("concept_source", "colour")
    with pytest.raises(
        PluginError, match=r"There is no kind of contribution 'metrics'\. Did you mean 'metric'"
    ):
        manager.find("metrics", "m")  # type: ignore[call-overload]
    with pytest.raises(PluginError, match="Expected a record such as ConceptSourceSpec, found str"):
        manager.call("m")  # type: ignore[arg-type]
