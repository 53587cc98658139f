"""Every command of the command line does what it says, from flags and from YAML."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from interpret_inn._version import __version__
from interpret_inn.cli import main

from .commands import MODEL, QUICK

pytestmark = pytest.mark.usefixtures("hasty_probes")


def test_a_factor_of_one_axis_has_one_axis(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    main(["fit", MODEL, str(pictures), str(tmp_path / "out"), *QUICK, "--sizes", '{"label": 1}'])
    assert "label (1 axis): " in capsys.readouterr().out


def test_fit_saves_and_says_what_was_learnt(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "deep" / "interpreter"
    main(["fit", MODEL, str(pictures), str(out), *QUICK, "--seed", "3", "--sizes", '{"label": 2}'])
    said = capsys.readouterr().out
    assert "label (2 axes): " in said
    assert f"Saved in {out}." in said
    about = json.loads((out / "interpreter.json").read_text())
    assert about["seed"] == 3
    assert about["settings"]["steps"] == 6
    assert about["factors"]["label"] == 2
    assert about["model"]["name"] == MODEL


@pytest.mark.slow
def test_fit_takes_labels_from_a_table(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    options = '{"csv": "hues.csv", "kinds": {"hue": "cyclic"}}'
    main(["fit", MODEL, str(pictures), str(tmp_path / "it"), *QUICK, "--options", options])
    factors = json.loads((tmp_path / "it" / "interpreter.json").read_text())["factors"]
    assert "hue" in factors


@pytest.mark.slow
def test_report_writes_page_and_json(artefact: Path, few: Path, tmp_path: Path, capsys: Any) -> None:
    main(
        [
            "report",
            str(artefact),
            str(few),
            "--model",
            MODEL,
            "--out",
            str(tmp_path / "page.html"),
            "--examples",
            "3",
        ]
    )
    assert f"Wrote {tmp_path / 'page.html'} and {tmp_path / 'page.json'}." in capsys.readouterr().out
    content = json.loads((tmp_path / "page.json").read_text())
    assert len(content["examples"]) == 3
    assert content["model"] == MODEL
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_check_prints_what_it_measured(artefact: Path, few: Path, capsys: Any) -> None:
    main(["check", str(artefact), str(few), "--model", MODEL])
    content = json.loads(capsys.readouterr().out)
    assert content["passed"] is True
    assert content["samples"] == 10
    assert content["round_trip_data"] < 1e-4


def test_check_says_how_far_it_is_beside_what_it_prints(
    artefact: Path, few: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("interpret_inn.cli._EVERY", 0.0)
    main(["check", str(artefact), str(few), "--model", MODEL])
    said = capsys.readouterr()
    assert said.err == "interpret-inn: 10 of 10 images checked\n"
    assert json.loads(said.out)["samples"] == 10


@pytest.mark.slow
def test_preprocess_changes_single_fields_and_is_saved(pictures: Path, tmp_path: Path, few: Path) -> None:
    config = tmp_path / "fit.yaml"
    config.write_text("preprocess: {mean: [0.5, 0.5, 0.5], std: [1, 1, 1]}\n")
    words = ["--config", str(config), "--preprocess.std", "[0.5, 0.25, 0.5]"]
    main(["fit", MODEL, str(pictures), str(tmp_path / "it"), *QUICK, *words])
    stored = json.loads((tmp_path / "it" / "interpreter.json").read_text())["preprocess"]
    assert stored["mean"] == [0.5, 0.5, 0.5]
    assert stored["std"] == [0.5, 0.25, 0.5]
    assert stored["size"] == [160, 160]  # the model's own
    main(["check", str(tmp_path / "it"), str(few), "--model", MODEL])


def test_version(capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"interpret-inn {__version__}\n"


def test_check_ends_with_1_where_a_check_fails(
    artefact: Path, few: Path, capsys: Any, monkeypatch: Any
) -> None:
    from interpret_inn.explaining.evidence import Checks

    monkeypatch.setattr(Checks, "passed", False)
    with pytest.raises(SystemExit) as ended:
        main(["check", str(artefact), str(few), "--model", MODEL])
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["passed"] is False


def test_sites_lists_what_can_be_explained(capsys: Any) -> None:
    main(["sites", MODEL])
    said = capsys.readouterr().out
    assert "layer4" in said
    assert "fc" in said
    main(["sites", MODEL, "--size", "64"])
    assert "layer4" in capsys.readouterr().out


def test_plugins_as_a_table_and_as_json(capsys: Any) -> None:
    main(["plugins"])
    assert "labels" in capsys.readouterr().out
    main(["plugins", "--json"])
    content = json.loads(capsys.readouterr().out)
    assert {"labels", "timm"} <= {row["name"] for row in content["plugins"]}


def test_demo_writes_into_out(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("interpret_inn.demo.demo", lambda out, seed: asked.append((out, seed)))
    main(["demo", "--out", str(tmp_path / "demo"), "--seed", "7"])
    assert asked == [(tmp_path / "demo", 7)]
    assert str(tmp_path / "demo" / "report.html") in capsys.readouterr().out


@pytest.mark.slow
def test_a_yaml_file_stands_for_flags_and_flags_win(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    config = tmp_path / "fit.yaml"
    config.write_text(
        f"model: {MODEL}\ndata: {pictures}\nout: {tmp_path / 'from-yaml'}\nseed: 5\n"
        "options:\n  csv: hues.csv\n  kinds: {hue: cyclic}\n"
        "settings:\n  steps: 4\n  pairs: 16\n  blocks: 1\n  hidden: 8\n  axes: 6\n  samples_per_axis: 1\n"
        "  explained: 1.0\n"
    )
    main(["fit", "--config", str(config), "--seed", "6"])
    about = json.loads((tmp_path / "from-yaml" / "interpreter.json").read_text())
    assert about["seed"] == 6
    assert about["settings"]["steps"] == 4


@pytest.mark.parametrize("command", [None, "demo", "sites", "fit", "report", "check", "plugins"])
def test_help_tells_each_command_in_words(command: str | None, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*([command] if command else []), "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert "interpret-inn" in said
    for name in [] if command else ["demo", "sites", "fit", "report", "check", "plugins"]:
        assert name in said


@pytest.mark.slow
def test_as_a_module_from_the_shell() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "interpret_inn", "plugins", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"labels", "timm"} <= {row["name"] for row in json.loads(done.stdout)["plugins"]}
    assert done.stderr == ""
