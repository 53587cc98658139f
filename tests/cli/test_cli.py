"""The command line: every command, YAML, and errors in one line."""

import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from interpret_inn._version import __version__
from interpret_inn.cli import main
from interpret_inn.testing import toy_images

pytestmark = pytest.mark.usefixtures("hasty_probes")

MODEL = "timm:test_resnet?random"
QUICK = [
    "--settings.steps", "6", "--settings.pairs", "16", "--settings.blocks", "1", "--settings.hidden", "8",
    "--settings.axes", "6", "--settings.samples_per_axis", "1", "--settings.explained", "1",
]  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: Any) -> Path:
    """Sixty pictures in one folder a class, and a table of their hues."""
    folder: Path = tmp_path_factory.mktemp("pictures")
    images, labels = toy_images(60, seed=5)
    lines = ["file,hue"]
    for index, (image, hue) in enumerate(zip(images, labels["hue"], strict=True)):
        place = folder / ("warm" if np.cos(hue) > 0 else "cold")
        place.mkdir(exist_ok=True)
        Image.fromarray(image).resize((40, 40)).save(place / f"{index:02d}.png")
        lines.append(f"{place.name}/{index:02d}.png,{hue:.3f}")
    (folder / "hues.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def few(pictures: Path, tmp_path_factory: Any) -> Path:
    """Ten of the pictures, to look at."""
    folder: Path = tmp_path_factory.mktemp("few")
    for file in sorted(pictures.rglob("*.png"))[:10]:
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def artefact(pictures: Path, tmp_path_factory: Any) -> Path:
    out: Path = tmp_path_factory.mktemp("saved") / "interpreter"
    main(["fit", MODEL, str(pictures), str(out), *QUICK])
    return out


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


@pytest.mark.parametrize("command", ["report", "check"])
def test_the_model_is_asked_for_with_its_name(artefact: Path, few: Path, command: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, str(artefact), str(few)])
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    assert said.err == (
        f"interpret-inn: Expected --model, found none. The interpreter at {artefact} says that it was fitted for "
        f"{MODEL!r}. Check that name, and type it after --model.\n"
    )


@pytest.mark.filterwarnings("default")
def test_warnings_are_told_in_words(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    main(["fit", MODEL, str(pictures), str(tmp_path / "it"), *QUICK[:8], "--settings.axes", "96"])
    said = capsys.readouterr().err
    assert "interpret-inn: note: 42 training samples carry at most 14 of 96 axes" in said
    assert ".py" not in said


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


# --- what others wrote is shown, and steers nothing -------------------------------------------------


@pytest.fixture
def renamed(artefact: Path, tmp_path: Path) -> Any:
    """A copy of the artefact that says it was fitted for another model."""

    def rename(**told: str) -> Path:
        folder = shutil.copytree(artefact, tmp_path / "renamed", dirs_exist_ok=True)
        about = json.loads((folder / "interpreter.json").read_text())
        about["model"].update(told)
        (folder / "interpreter.json").write_text(json.dumps(about))
        sums = json.loads((folder / "checksums.json").read_text())
        sums["interpreter.json"] = hashlib.sha256((folder / "interpreter.json").read_bytes()).hexdigest()
        (folder / "checksums.json").write_text(json.dumps(sums))
        return folder

    return rename


def told(capsys: Any, *words: Any) -> str:
    """What a command says that ends with 2."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    said: str = capsys.readouterr().err
    assert ended.value.code == 2
    assert "Traceback" not in said
    assert said.replace("\n", "").isprintable()
    assert len(said) < 6000
    return said


@pytest.mark.parametrize(
    "name", ["a:b'$(touch mark)'", "a:`touch mark`", "a; touch mark", "a:$HOME", "--out=x"]
)
def test_a_shell_does_nothing_with_a_name_that_is_shown(
    name: str, renamed: Any, few: Path, capsys: Any
) -> None:
    said = told(capsys, "check", renamed(name=name), few)
    assert "type it after --model" not in said
    assert "Type the name of your model after --model." in said
    quoted = said.partition("fitted for ")[2].partition(". Type")[0]
    assert shlex.split(quoted) == [name]
    done = subprocess.run(
        ["/bin/sh", "-c", f"printf %s {quoted}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == name


def test_a_name_that_downloads_is_told_to_do_so(renamed: Any, few: Path, capsys: Any) -> None:
    said = told(capsys, "check", renamed(name="timm:resnet18?download"), few)
    assert said.endswith("type it after --model. Its ?download uses the network.\n")


def test_long_and_steering_words_of_an_artefact_are_cut_and_written_out(
    renamed: Any, few: Path, capsys: Any
) -> None:
    said = told(capsys, "check", renamed(architecture="\x1b[31m\u202e" * 100_000), few, "--model", MODEL)
    assert "fitted for another model: expected \\x1b[31m\\u202e" in said


@pytest.mark.parametrize(
    "text",
    [
        'model: "timm:local-dir:/x\\e[31m\\u202e"\ndata: a\nout: b\n',
        'model: a:b\ndata: a\nout: b\nsettings: {steps: "\\e[31m\\u202e"}\n',
        '"\\e[31m\\u202e": 1\n',
        f"model: a:{'b' * 100_000}\ndata: a\nout: b\n",
        f"seed: {'9' * 100_000}\n",
    ],
)
def test_steering_words_of_a_file_are_written_out(text: str, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "fit.yaml").write_text(text)
    told(capsys, "fit", "--config", tmp_path / "fit.yaml")


@pytest.mark.filterwarnings("default")
def test_warnings_are_written_out(capsys: Any, monkeypatch: Any) -> None:
    from interpret_inn.errors import InnWarning

    monkeypatch.setattr(
        "interpret_inn.plugins", lambda: warnings.warn("\x1b[31m\u202e", InnWarning, stacklevel=1)
    )
    main(["plugins"])
    assert capsys.readouterr().err == "interpret-inn: note: \\x1b[31m\\u202e\n"


# --- the network, and values that nothing can use ---------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "model: timm:resnet18?download\n",
        "model: timm:hf-hub:some/where?download\n",
        "localizer: x?download\n",
        "options: {encoders: [a, {b: 'timm:resnet18?download'}]}\n",
        "'?download': 3\n",
    ],
)
@pytest.mark.parametrize("words", [(), ("timm:test_resnet?random", "a", "b")])
def test_a_file_does_not_open_the_network(
    text: str, words: tuple[str, ...], tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("interpret_inn.wrap", lambda *_, **__: pytest.fail("the model was asked for"))
    (tmp_path / "fit.yaml").write_text(text)
    said = " ".join(told(capsys, "fit", *words, "--config", tmp_path / "fit.yaml").split())
    assert "?download uses the network, and counts only on the command line" in said
    assert "type it yourself" in said


def test_download_on_the_command_line_counts(tmp_path: Path, monkeypatch: Any) -> None:
    asked: list[Any] = []

    def wrap(model: Any, *_: Any, **__: Any) -> None:
        asked.append(model)
        raise KeyboardInterrupt

    monkeypatch.setattr("interpret_inn.wrap", wrap)
    (tmp_path / "fit.yaml").write_text(f"data: {tmp_path}\nout: {tmp_path / 'out'}\n")
    with pytest.raises(SystemExit):
        main(["fit", "timm:resnet18?download", "--config", str(tmp_path / "fit.yaml")])
    assert asked == ["timm:resnet18?download"]


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
