"""Installed plugins: found, chosen by the environment, and kept from harming one another."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from interpret_inn.errors import PluginError
from interpret_inn.plugin import Manager, PluginWarning
from interpret_inn.plugin import shared_manager as manager
from interpret_inn.plugin.registry import found_entry_points, origin_of

METRIC = """
@inn.hookimpl
def inn_metrics():
    yield MetricSpec({name!r}, "A metric.", lambda codes, factors: Score(1.0))
"""


def test_installed_plugins_are_found(install: Any) -> None:
    install("found", METRIC.format(name="mine"))
    assert [entry.value.split("_")[3] for entry in found_entry_points() if entry.name == "found"] == ["found"]
    loaded = Manager()
    loaded.load(chosen="found")
    assert [spec.name for spec in loaded.metrics()] == ["mine"]
    row = loaded.plugins().rows[0]
    assert (row.name, row.distribution, row.version, row.state) == ("found", "found-dist", "1.5", "loaded")
    assert (row.hooks, row.contributions) == (("inn_metrics",), {"metric": ("mine",)})


def test_the_own_distribution_comes_first(install: Any) -> None:
    install("aaa", METRIC.format(name="one"), distribution="abc")
    install("zzz", METRIC.format(name="two"), distribution="Interpret_INN")
    names = [entry.name for entry in found_entry_points()]
    assert names.index("zzz") < names.index("aaa")


@pytest.mark.parametrize(
    ("source", "attribute", "text"),
    [
        ("import a_module_that_is_not_there", "", r"ModuleNotFoundError: No module named 'a_module_that"),
        ("raise SystemExit(3)", "", "SystemExit: 3"),
        ("class Plugin: pass", "Plugin", r"found the class Plugin\. Register an instance of it"),
        (
            "@inn.hookimpl\ndef inn_metric(): return []",
            "",
            "no hook 'inn_metric'. Did you mean 'inn_metrics'",
        ),
        ("@inn.hookimpl\ndef inn_metrics(): raise OSError('disk')", "", "OSError: disk"),
        (
            METRIC.format(name="good"),
            "",
            "Two plugins contribute the metric 'good'.*good-dist 1.5.*bad-dist 1.5",
        ),
    ],
)
def test_one_broken_plugin_leaves_the_rest_whole(
    install: Any, source: str, attribute: str, text: str
) -> None:
    good = install("good", METRIC.format(name="good"))
    bad = install("bad", source, attribute=attribute)
    last = install("last", METRIC.format(name="last"))
    lenient = Manager()
    with pytest.warns(
        PluginWarning, match=rf"Could not load the plugin 'bad' \(from bad-dist 1\.5\).*{text}"
    ):
        lenient.load([good, bad, last])
    assert [spec.name for spec in lenient.metrics()] == ["last", "good"]
    assert {row.name: row.state for row in lenient.plugins()} == {
        "good": "loaded",
        "last": "loaded",
        "bad": "failed",
    }
    with pytest.raises(PluginError, match=r"no metric 'worse'\..* Plugins that could not be loaded: bad\."):
        lenient.find("metric", "worse")
    with pytest.raises(PluginError, match="Could not load the plugin 'bad'") as caught:
        Manager(strict=True).load([good, bad, last])
    assert caught.value.__cause__ is not None


def test_two_distributions_with_one_entry_point_name(install: Any) -> None:
    one = install("same", METRIC.format(name="one"), distribution="first")
    two = install("same", METRIC.format(name="two"), distribution="second")
    both = Manager()
    with pytest.warns(
        PluginWarning, match=r"'same' \(from second 1\.5\): there is already .*\(from first 1\.5\)"
    ):
        both.load([one, two])
    assert [row.state for row in both.plugins()] == ["loaded", "failed"]


def test_chosen_plugins(install: Any) -> None:
    entries = [install(name, METRIC.format(name=name)) for name in ("one", "two", "three")]
    for chosen, names in ((None, {"one", "two", "three"}), ("", set()), (" one, three ", {"one", "three"})):
        some = Manager()
        some.load(entries, chosen=chosen)
        assert {spec.name for spec in some.metrics()} == names
        assert {row.name for row in some.plugins() if row.state == "off"} == {"one", "two", "three"} - names
    with pytest.raises(PluginError, match="Plugins left out by INTERPRET_INN_PLUGINS: two"):
        some.find("metric", "two")
    with pytest.warns(PluginWarning, match="PLUGINS names 'tow', which is not installed. Did you mean 'two'"):
        Manager().load(entries, chosen="tow")


def test_an_entry_point_without_distribution() -> None:
    entry = EntryPoint("lost", "not.there", "interpret_inn")
    assert origin_of(entry).provider == "the plugin 'lost' (from an unknown distribution)"


def test_the_table(install: Any) -> None:
    entries = [install("good", METRIC.format(name="good")), install("bad", "1/0"), install("off", "")]
    shown = Manager()
    with pytest.warns(PluginWarning):
        shown.load(entries, chosen="good,bad")
    lines = str(shown.plugins()).splitlines()
    assert lines[0].split() == ["name", "version", "state", "hooks", "contributes"]
    assert lines[1].split() == ["good", "good-dist", "1.5", "loaded", "inn_metrics", "metric", "good"]
    assert lines[2].split() == ["off", "off-dist", "1.5", "off", "-", "-"]
    assert lines[-1] == "bad: ZeroDivisionError: division by zero"
    rows = json.loads(json.dumps(shown.plugins().to_dict()))["plugins"]
    assert rows[0] == {
        "name": "good",
        "distribution": "good-dist",
        "version": "1.5",
        "state": "loaded",
        "hooks": ["inn_metrics"],
        "contributions": {"metric": ["good"]},
        "reason": None,
    }
    assert str(Manager().plugins()) == "No plugins."


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "_manager", None)


@pytest.mark.usefixtures("fresh")
def test_the_manager_of_the_process_reads_the_environment(
    install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("broken", "1/0")
    monkeypatch.setenv("INTERPRET_INN_PLUGINS", "broken")
    monkeypatch.setenv("INTERPRET_INN_STRICT", "1")
    with pytest.raises(PluginError, match="broken-dist"):
        manager.get_manager()
    monkeypatch.setenv("INTERPRET_INN_STRICT", "0")
    with pytest.warns(PluginWarning, match="broken-dist"):
        assert manager.get_manager() is manager.get_manager()


@pytest.mark.usefixtures("fresh")
def test_public_functions_use_the_manager_of_the_process(
    install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = install("direct", METRIC.format(name="direct"))
    monkeypatch.setenv("INTERPRET_INN_PLUGINS", "")
    assert manager.register(entry.load(), name="direct") == "direct"
    assert [row.name for row in manager.plugins() if row.state == "loaded"] == ["direct"]
    manager.unregister("direct")
    with pytest.raises(PluginError, match="There is no concept source 'labels'"):
        manager.concept_source("labels", data=[])


@pytest.mark.usefixtures("fresh")
def test_a_plugin_may_register_itself_while_it_is_imported(
    install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = "\nimport sys\ninn.register(sys.modules[__name__])\n"
    install("itself", METRIC.format(name="itself") + late)
    monkeypatch.setenv("INTERPRET_INN_PLUGINS", "itself")
    assert [spec.name for spec in manager.get_manager().metrics()] == ["itself"]
    assert [row.state for row in manager.plugins() if row.state != "off"] == ["loaded"]
