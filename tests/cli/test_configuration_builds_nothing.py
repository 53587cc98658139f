"""Options from flags and files are plain data: nothing is built, imported or opened because a value says so."""

import contextlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from PIL import Image

import interpret_inn as inn
from interpret_inn import cli
from interpret_inn.configuration import load_plain
from interpret_inn.plugin import get_manager
from interpret_inn.testing import toy_images
from interpret_inn.types import ConceptSourceSpec

from .commands import MODEL, refused

TAGS = [
    "!!python/object/apply:os.mkdir [MARK]",
    "!!python/object/new:os.mkdir [MARK]",
    "!!python/name:canary.touched",
    "!!python/module:canary",
    "!!python/tuple [1]",
    "!canary.touched {}",
    "!!binary aGk=",
    "!!timestamp 2020-01-01",
    "!!set {a}",
    "!!omap [a: 1]",
    "&a [*a]",
    "!!int many",
    "{a: 1, a: 2}",
    "{[1]: 2}",
    "[" * 600,  # deeper than Python calls itself, and read in a tenth of the time of twice as many
]


@pytest.mark.parametrize("text", TAGS, ids=lambda text: text[:20])
def test_what_is_not_plain_data_is_refused(text: str, tmp_path: Path, capsys: Any) -> None:
    mark = tmp_path / "mark"
    for where in (text, f"\n  labels: {text}", f"\n  deep:\n    - {text}"):
        (tmp_path / "it.yaml").write_text(f"options: {where}\n".replace("MARK", str(mark)))
        said = refused(capsys, "fit", "m", "d", "o", "--config", str(tmp_path / "it.yaml"))
        assert f"{tmp_path / 'it.yaml'}: expected plain YAML, but: " in said
    assert not mark.exists()


# Every place that a value can stand in, by flag or by file, with a mapping that names something to build.
BUILDS = [
    {"class_path": "os.mkdir", "init_args": {"path": "MARK"}},
    {"class_path": "canary.touched", "init_args": {}, "dict_kwargs": {"path": "MARK"}},
    {"class_path": "canary.Canary"},
    "canary.touched",
    "canary.Canary",
    "$(touch MARK)",
    "${oc.env:HOME}",
    "@CONFIG",
    "CONFIG",
]


PLACES = [
    "options", "options.labels", "options.csv", "options.names", "options.kinds.shape", "options.labels.class_path",
    "options.nothing", "options.spec", "options.self", "options.name", "options.data",
    "preprocess", "preprocess.mean", "preprocess.function", "sizes", "sizes.shape",
    "settings", "settings.steps", "settings.noise", "settings.class_path",
    "site", "layout", "source", "seed", "class_path", "init_args", "config", "model",
]  # fmt: skip


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: Any) -> Path:
    """A module that leaves a mark where it is imported or called, and a file that sets options."""
    mark = tmp_path / "mark"
    lines = [
        "import pathlib",
        f"def touched(*a, **k): pathlib.Path({str(mark)!r}).touch()",
        "class Canary: __init__ = touched",
        "touched()",
    ]
    (tmp_path / "canary.py").write_text("\n".join(lines))
    (tmp_path / "other.yaml").write_text("class_path: canary.touched\nsteps: 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    return mark


def filled(value: Any, trap: Path) -> Any:
    text = json.dumps(value).replace("MARK", str(trap)).replace("CONFIG", str(trap.parent / "other.yaml"))
    return json.loads(text)


@pytest.fixture(scope="module")
def images(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("images")
    for index, image in enumerate(toy_images(12)[0]):
        (folder / str(index % 2)).mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / str(index % 2) / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def wrapped() -> inn.Interpreter:
    return inn.wrap(MODEL)


@pytest.mark.parametrize("value", BUILDS, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_built_imported_or_opened(
    place: str,
    value: Any,
    trap: Path,
    images: Path,
    wrapped: inn.Interpreter,
    tmp_path: Path,
    capsys: Any,
    events: list[tuple[str, Any]],
    monkeypatch: Any,
) -> None:
    of_model = place.partition(".")[0] in ("model", "site", "layout", "preprocess")
    if not of_model:  # a model need not be made anew for each
        monkeypatch.setattr("interpret_inn.wrap", lambda *_, **__: wrapped)
    value = filled(value, trap)
    nested: Any = value
    for key in reversed(place.split(".")):
        nested = {key: nested}
    base = {"data": str(images), "out": str(tmp_path / "out")} | (
        {} if place == "model" else {"model": MODEL}
    )
    (tmp_path / "fit.yaml").write_text(yaml.safe_dump(base | nested))
    word = value if isinstance(value, str) else json.dumps(value)
    for words in (
        ["--config", str(tmp_path / "fit.yaml")],
        [MODEL, str(images), str(tmp_path / "out"), f"--{place}", word],
        [MODEL, str(images), str(tmp_path / "out"), f"--{place}={word}"],
    ):
        if place == "config" and words[0] != "--config" and value == str(tmp_path / "other.yaml"):
            continue  # this is the one flag that names a file
        events.clear()
        refused(capsys, "fit", *words)
        assert not trap.exists()
        assert "canary" not in sys.modules
        ran = [event for event, what in events if event.startswith(("os.", "subprocess.", "socket."))]
        assert ran == []
        opened = [str(what) for event, what in events if event == "open"]
        assert (
            place == "options.csv" or str(tmp_path / "other.yaml") not in opened
        )  # a table is read as a table


@pytest.mark.parametrize("spec", get_manager().concept_sources(), ids=lambda spec: spec.name)
def test_no_option_of_a_concept_source_is_code(
    spec: ConceptSourceSpec, trap: Path, images: Path, events: list[tuple[str, Any]]
) -> None:
    options = [name for name in inspect.signature(spec.build).parameters if name not in ("data", "samples")]
    for value in (*BUILDS[:-2], "os.mkdir", "builtins.exec", ["canary.touched"], {"shape": BUILDS[0]}):
        for option in options:
            with contextlib.suppress(inn.InnError):  # most are refused, and none does anything
                inn.concept_source(spec.name, data=images, **{option: filled(value, trap)})
            assert not trap.exists()
    assert "canary" not in sys.modules
    assert [event for event, _ in events if event.startswith(("subprocess.", "os.system", "socket."))] == []
    assert str(trap) not in [str(what) for event, what in events if event == "os.mkdir"]


@pytest.mark.parametrize("command", ["demo", "sites", "report", "check", "plugins"])
def test_other_commands_build_nothing_either(command: str, trap: Path, tmp_path: Path, capsys: Any) -> None:
    """Whatever they make of a mapping, all of their options are of one value."""
    for param in getattr(cli, command).params:
        if param.name == "config":
            continue
        name = param.opts[0].removeprefix("--")
        (tmp_path / "it.yaml").write_text(yaml.safe_dump({name: filled(BUILDS[1], trap)}))
        said = refused(capsys, command, "--config", str(tmp_path / "it.yaml"))
        assert f"for {name}, found {{'class_path': 'canary.touched'" in said
    assert not trap.exists()


def test_plain_yaml_says_the_line() -> None:
    with pytest.raises(click.UsageError, match=r"the tag '!!python/name:os.system', which is .* in line 2"):
        load_plain("a: 1\nb: !!python/name:os.system ''")
