"""The command line tells errors and warnings in one line, and ends with a code that says so."""

from pathlib import Path
from typing import Any

import pytest

from interpret_inn.cli import main

from .commands import MODEL, QUICK, told

pytestmark = pytest.mark.usefixtures("hasty_probes")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["sites", "timm:resnet_fifty?random"], "timm has no model 'resnet_fifty'"),
        (["sites", "nothing"], "Expected a torch.nn.Module or a name that a plugin knows, found 'nothing'"),
        (["check", "/nowhere", "/nowhere"], "Expected a saved interpreter at /nowhere, found none"),
        (["report", "/nowhere", "/nowhere"], "Expected a saved interpreter at /nowhere, found none"),
        (["fit", MODEL, "/nowhere", "/nowhere/out"], "there is nothing at /nowhere"),
        (
            ["fit", MODEL, "/nowhere", "/nowhere/out", "--source", "label"],
            "There is no concept source 'label'",
        ),
        (["fit", MODEL, "/nowhere", "/nowhere/out", "--site", "layer9"], "has no module 'layer9'"),
        (
            ["fit", MODEL, "/nowhere", "/nowhere/out", "--preprocess.mean", "grey"],
            "Expected mean of a preprocess to be a list of finite numbers, one for each channel, found 'grey'",
        ),
        (
            ["fit", MODEL, "/nowhere", "/nowhere/out", "--preprocess.function", "os.system"],
            "Expected fields of a preprocess",
        ),
        (
            ["fit", MODEL, "/nowhere", "/nowhere/out", "--settings.steps", "0"],
            "Expected steps of at least 1, found 0",
        ),
    ],
)
def test_errors_are_told_in_one_line_and_end_with_2(arguments: list[str], text: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert text in said.err
    assert said.err.startswith("interpret-inn: ")
    assert "Traceback" not in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["frobnicate"], "frobnicate"),
        (["fit"], "model"),
        (["report", "a", "b", "--example", "3"], "--example"),
        (["fit", MODEL, "a", "b", "--settings.step", "3"], "step"),
        (["fit", "--config", "/nowhere.yaml"], "/nowhere.yaml"),
        (["demo", "--seed", "many"], "seed"),
        (["sites", MODEL, "--size", "0"], "--size"),
        (["sites", MODEL, "--size", "-32"], "--size"),
    ],
)
def test_words_that_are_not_understood_end_with_2(arguments: list[str], text: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert text in said.err
    assert "Traceback" not in said.err


def test_a_place_that_is_taken_is_refused_before_the_fit(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SystemExit) as ended:
        main(["fit", "timm:resnet50", str(pictures), str(tmp_path)])
    assert ended.value.code == 2
    assert "Expected a new folder or an artefact to replace" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_interrupt_is_told_in_one_line(capsys: Any, monkeypatch: Any) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("interpret_inn.plugins", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["plugins"])
    assert ended.value.code == 130
    assert capsys.readouterr().err.startswith(
        "interpret-inn: stopped. The same command goes on with a fit where it was"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_warnings_are_told_in_words(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    main(["fit", MODEL, str(pictures), str(tmp_path / "it"), *QUICK[:8], "--settings.axes", "96"])
    said = capsys.readouterr().err
    assert "interpret-inn: note: 42 training samples carry at most 14 of 96 axes" in said
    assert ".py" not in said


@pytest.mark.parametrize("out", ['"a\\0b"', '"\\ud800"'])
@pytest.mark.parametrize("key", ["out", "data", "model", "site", "source"])
def test_text_that_nothing_can_use_is_refused(key: str, out: str, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "fit.yaml").write_text(f"{key}: {out}\n")
    said = told(capsys, "fit", MODEL, tmp_path, "--config", tmp_path / "fit.yaml")
    assert "text that cannot be used" in said


@pytest.mark.parametrize(
    "words",
    [
        ["fit", MODEL, "a", "b\0c"],
        ["fit", MODEL, "a", "b\ud800"],
        ["fit", MODEL, "a", "b", "--sizes." + ".".join("a" * 20_000), "3"],
        ["fit", MODEL, "a", "b", "--seed", "99999999999999999999999"],
        ["fit", MODEL, "a", "b", "--seed", "-1"],
        ["demo", "--seed", "9" * 5000],
        ["fit", MODEL, "a", "b", "--site", "head@" + "9" * 5000],
        ["fit", MODEL, "a", "b", "--site", "head:" + "9" * 5000],
    ],
    ids=range(8),
)
def test_values_beyond_all_bounds_are_refused(
    words: list[str], tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    told(capsys, *words)
