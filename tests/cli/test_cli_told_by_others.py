"""The command line shows what others wrote in files and artefacts, and lets it steer nothing."""

import hashlib
import json
import shlex
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest

from interpret_inn.cli import main

from .commands import MODEL, told

pytestmark = pytest.mark.usefixtures("hasty_probes")


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
