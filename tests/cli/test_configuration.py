"""What flags and YAML files say to a command, what they may not say, and which of them wins."""

import re
from pathlib import Path
from typing import Any

import pytest

from interpret_inn.cli import main
from interpret_inn.configuration import plain_value
from interpret_inn.translating.settings import FitSettings

from .commands import refused


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
        assert f"[default: {'(automatic)' if value is None else value}]" in part[: part.index("]") + 1]
        assert len(part[: part.index("[default")].split()) > 3
