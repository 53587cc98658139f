"""The example in docs/examples is installed as a stranger's would be, found by its entry point, and used."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "brightness_concept"
TUTORIAL = Path(__file__).parents[2] / "docs" / "write-a-concept-source.md"
MODULE = EXAMPLE / "brightness_concept" / "__init__.py"

USE = """
import interpret_inn as inn
from interpret_inn.testing import check_concept_source, toy_classifier, toy_images

row = next(row for row in inn.plugins() if row.name == "brightness")
assert (row.distribution, row.version, row.state) == ("brightness-concept", "0.1.0", "loaded"), row
images, _ = toy_images(120)
check_concept_source(inn.concept_source("brightness", data=images))
interpreter = inn.wrap(toy_classifier(), "head:in")
interpreter.fit("brightness", data=images, cache=None, checkpoint=None, steps=3)
assert interpreter.factors.names == ("brightness", "residual")
try:
    inn.concept_source("brightnes", data=images)
except inn.PluginError as error:
    assert "Did you mean 'brightness'?" in str(error)
"""


def run(*command: str, path: str, folder: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "INTERPRET_INN_PLUGINS"}
    environment |= {
        "PYTHONPATH": path,
        "INTERPRET_INN_STRICT": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_example_is_installed_and_used(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="needs hatchling to build the example: pip install hatchling")
    target, source = tmp_path / "site", tmp_path / "source"
    ignored = {"__pycache__", "dist", "build", ".pytest_cache"}
    shutil.copytree(EXAMPLE, source, ignore=lambda folder, names: ignored & set(names))
    roots = [str(Path(entry).resolve()) for entry in sys.path if entry]
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
        *("--no-index", "--no-build-isolation", "--target", str(target), str(source)),
        path=os.pathsep.join(roots),
        folder=tmp_path,
    )
    run(sys.executable, "-c", USE, path=os.pathsep.join([str(target), *roots]), folder=tmp_path)


def test_the_plugin_is_shorter_than_twenty_lines() -> None:
    tree = ast.parse(MODULE.read_text(encoding="utf-8"))
    code = [node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    texts = [ast.unparse(node).splitlines() for node in code]
    assert sum(len([line for line in lines if line.strip()]) for lines in texts) < 20


def test_the_tutorial_has_the_same_source() -> None:
    text = MODULE.read_text(encoding="utf-8")
    start = text.index("class Brightness")
    assert text[start : text.index("@inn.hookimpl")].strip() in TUTORIAL.read_text(encoding="utf-8")
