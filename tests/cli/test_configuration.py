"""Options from flags and files are plain data: nothing is built, imported or opened because a value says so."""

import contextlib
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from PIL import Image

import interpret_inn as inn
from interpret_inn import cli
from interpret_inn.cli import main
from interpret_inn.configuration import load_plain, plain_value
from interpret_inn.plugin import get_manager
from interpret_inn.testing import toy_images
from interpret_inn.translating.settings import FitSettings
from interpret_inn.types import ConceptSourceSpec

MODEL = "timm:test_resnet?random"


@pytest.fixture
def asked(monkeypatch: Any) -> dict[str, Any]:
    """What `fit` would do, in place of doing it."""
    found: dict[str, Any] = {}

    class Stop(Exception):
        pass

    class Interpreter:
        evaluation = type("", (), {"summaries": ()})

        def fit(self, source: Any, **options: Any) -> None:
            found.update(options)

        def save(self, path: Any) -> None:
            found["out"] = path

    def wrap(model: Any, site: Any, **options: Any) -> Interpreter:
        found.update(model=model, site=site, **options)
        return Interpreter()

    monkeypatch.setattr("interpret_inn.wrap", wrap)
    monkeypatch.setattr(
        "interpret_inn.concept_source", lambda name, **given: found.update(source=name, given=given)
    )
    return found


def fit(*words: str, where: Path | None = None, text: str = "") -> None:
    """Runs `fit`, where a file is given with the text as its `--config`."""
    if where is not None:
        (where / "fit.yaml").write_text(text, "utf-8")
        words = ("--config", str(where / "fit.yaml"), *words)
    main(["fit", *words])


def refused(capsys: Any, *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "Traceback" not in said
    return " ".join(said.split())


# --- values are data --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("-3", -3), ("1e-3", 1e-3), (".5", 0.5), ("5.", 5.0), ("true", True), ("null", None),
        ("[1, a, [true]]", [1, "a", [True]]), ("{a: {b: 2}}", {"a": {"b": 2}}), ("'3'", "3"), ('"a b"', "a b"),
        ("labels.csv", "labels.csv"), ("no", "no"), ("007", "007"), ("1_10", "1_10"), ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"), ("#ff0000", "#ff0000"), ("a #b", "a #b"), ("*.png", "*.png"), ("", ""),
        ("@file", "@file"), ("$(touch x)", "$(touch x)"), ("${HOME}", "${HOME}"), ("~", None), ("~/x", "~/x"),
        ("a\\b", "a\\b"), ("\udcff", "\udcff"), ("[1", "[1"), ("-", [None]), ("<<", "<<"), ("=", "="),
        ("!!python/object/apply:os.system [ls]", "!!python/object/apply:os.system [ls]"),
    ],
)  # fmt: skip
def test_values_of_flags(text: str, value: Any, asked: dict[str, Any]) -> None:
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)
    fit("m", "d", "o", "--options.key", text, f"--options.deep.key={text}")
    assert asked["given"] == {"data": Path("d"), "key": value, "deep": {"key": value}}


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


def test_the_environment_sets_nothing(asked: dict[str, Any], monkeypatch: Any) -> None:
    for name in (
        "INTERPRET_INN_FIT_SEED",
        "FIT_SEED",
        "SEED",
        "JSONARGPARSE_DEFAULT_ENV",
        "INTERPRET_INN_SEED",
    ):
        monkeypatch.setenv(name, "7")
    fit("m", "d", "o")
    assert asked["seed"] == 0
    assert asked["preprocess"] is None  # the model's own


# --- files and flags together -----------------------------------------------------------------------


def test_a_file_means_what_the_same_flags_mean(asked: dict[str, Any], tmp_path: Path) -> None:
    text = (
        "model: m\ndata: 2024\nout: o\nsite: 4.10\nlayout: null\nsource: pairs\nseed: 3\n"
        "preprocess: {mean: [0.5], std: [.25]}\n"
        "options: {rate: 1e-3, names: {0: cat}}\nsizes:\n  digit: 3\nsettings:\n  steps: 7\n  noise: 1\n"
    )
    fit(where=tmp_path, text=text)
    from_file = dict(asked)
    asked.clear()
    fit(
        *("m", "2024", "o", "--site", "4.10", "--layout", "null", "--source", "pairs", "--seed", "3"),
        *("--preprocess.mean", "[0.5]", "--preprocess.std", "[.25]"),
        *("--options.rate", "1e-3", "--options.names", "{0: cat}", "--sizes.digit", "3"),
        *("--settings.steps", "7", "--settings.noise", "1"),
    )
    assert from_file == asked
    assert asked["site"] == "4.10"
    assert asked["layout"] is None
    assert asked["preprocess"] == {"mean": [0.5], "std": [0.25]}
    assert asked["given"] == {"data": Path("2024"), "rate": 0.001, "names": {0: "cat"}}
    assert asked["sizes"] == {"digit": 3}
    assert asked["steps"] == 7
    assert type(asked["noise"]) is float
    assert asked["pairs"] == FitSettings().pairs


def test_flags_win_over_files_and_later_files_over_earlier(asked: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "seed: 1\noptions: {a: 1, b: 1, c: {x: 1, y: 1}}\nsettings: {steps: 1, axes: 1}\n"
    )
    (tmp_path / "b.yaml").write_text("seed: 2\noptions: {b: 2, d: 2}\nsettings: {steps: 2}\n")
    files = ("--config", str(tmp_path / "a.yaml"), "--config", str(tmp_path / "b.yaml"))
    fit("m", "d", "o", *files, "--options.c.y", "3", "--options", "{d: 3}", "--settings.axes", "3")
    assert asked["given"] == {"data": Path("d"), "a": 1, "b": 2, "c": {"x": 1, "y": 3}, "d": 3}
    assert (asked["seed"], asked["steps"], asked["axes"]) == (2, 2, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("optons: {}", "expected options of `fit`, found 'optons'. Did you mean 'options'"),
        ("settings: {step: 3}", "found 'settings.step'. Did you mean 'settings.steps'"),
        ("settings: {class_path: os.system}", "found 'settings.class_path'."),
        ("settings: 3", "expected a mapping for settings, found 3"),
        ("settings: {steps: 1.5}", "Invalid value for '--settings.steps': '1.5' is not a valid integer"),
        ("settings: {steps: true}", "'true' is not a valid integer"),
        ("settings: {noise: much}", "'much' is not a valid float"),
        ("settings: {steps: [3]}", "expected integer for settings.steps, found [3]"),
        ("seed: many", "Invalid value for '--seed': 'many' is not a valid integer"),
        ("sizes: {digit: 1.5}", "expected a whole number for 'digit', found 1.5"),
        ("sizes: {digit: true}", "expected a whole number for 'digit', found True"),
        ("sizes: [3]", "expected a mapping such as"),
        ("options: {1: a}", "expected a mapping such as"),
        ("model: [a]", "expected text for model, found ['a']"),
        ("config: other.yaml", "found 'config'"),
        ("[1, 2]", "expected a mapping of options, found [1, 2]"),
        ("3: a", "found '3'"),
        ("1.50: a", "found '1.50'"),
        ("null: a", "found 'null'"),
        ("settings: {true: 3}", "found 'settings.true'"),
        ("settings: {1.50: 3}", "found 'settings.1.50'"),
        ("!!int 3: a", "found '3'"),
        ("!!null x: a", "found 'None'"),
        ("settings: null", "expected a mapping for settings, found None"),
        ("1: a\n'1': a", "found a key twice"),
        ("1: a\ntrue: a", "found a key twice"),
        ("a: !!bool maybe", "expected plain YAML, but: "),
        ("a: !!int ''", "expected plain YAML, but: "),
        ("a: !!seq {b: c}", "expected plain YAML, but: "),
        ("seed: !!float 1.5", "'1.5' is not a valid integer"),
        ("", "expected a mapping of options, found None"),
        ("a: [", "expected plain YAML, but: "),
        ("model: m\nmodel: n", "found a key twice in this mapping in line 1"),
        (
            "options: {data: x}",
            "Expected options of the concept source, found 'data': give data and --source",
        ),
    ],
)
def test_what_a_file_may_not_say(
    text: str, said: str, tmp_path: Path, capsys: Any, asked: dict[str, Any]
) -> None:
    (tmp_path / "it.yaml").write_text(text)
    assert said in refused(capsys, "fit", "m", "d", "o", "--config", str(tmp_path / "it.yaml"))
    assert asked == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--options.a", "1", "--options.a.b", "2", "--options.a.b.c"],
            "--options.a.b.c' requires an argument",
        ),
        (["--options", "word"], "expected a mapping such as"),
        (["--sizes.digit", "x"], "expected a whole number for 'digit', found 'x'"),
        (["--sizes.a.b", "3"], "expected a whole number for 'a', found {'b': 3}"),
        (["--setting.steps", "3"], "No such option:? '?--setting.steps"),
        (["--se", "3"], r"No such option:? '?--se\b"),
        (["--settings", "{steps: 3}"], "No such option:? '?--settings"),
        (["--source"], "--source' requires an argument"),
        (["more"], r"unexpected extra argument \(more\)"),
    ],
)
def test_what_flags_may_not_say(words: list[str], said: str, capsys: Any, asked: dict[str, Any]) -> None:
    found = refused(capsys, "fit", "m", "d", "o", *words)
    assert re.search(said, found)
    assert asked == {}


def test_a_file_that_is_not_text_is_refused(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "it.yaml").write_bytes(b"\xff\xfe\x00")
    assert "it.yaml: " in refused(capsys, "demo", "--config", str(tmp_path / "it.yaml"))
    assert "is a directory" in refused(capsys, "demo", "--config", str(tmp_path))


def test_null_stands_for_no_localizer(tmp_path: Path, monkeypatch: Any) -> None:
    asked: list[Any] = []

    class Loaded:
        def report(self, data: Any, **options: Any) -> Any:
            asked.append(options["localizer"])
            return type("", (), {"save": lambda self, out: [out]})()

    monkeypatch.setattr("interpret_inn.load", lambda path, model: Loaded())
    (tmp_path / "it.yaml").write_text("localizer: null\nmodel: m\n")
    main(["report", "a", "d", "--config", str(tmp_path / "it.yaml")])
    main(["report", "a", "d", "--model", "m", "--localizer", "null"])
    main(["report", "a", "d", "--model", "m"])
    assert asked == [None, None, "auto"]


def test_help_tells_every_setting_with_its_default(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for name, value in vars(FitSettings()).items():
        part = said[said.index(f"--settings.{name} ") :]
        assert f"[default: {value}]" in part[: part.index("]") + 1]
        assert len(part[: part.index("[default")].split()) > 3


def test_plain_yaml_says_the_line() -> None:
    with pytest.raises(click.UsageError, match=r"the tag '!!python/name:os.system', which is .* in line 2"):
        load_plain("a: 1\nb: !!python/name:os.system ''")
