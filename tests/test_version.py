"""One version: what the library says, what is built, and what artefacts and reports carry."""

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import interpret_inn as inn

ROOT = Path(__file__).parents[1]
PARTS = ["interpret_inn", "plugins", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"]


def test_an_artefact_carries_the_version(toy, tmp_path):
    toy.interpreter.save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "interpreter.json").read_text())["library"] == inn.__version__


@pytest.mark.slow
def test_a_report_carries_the_version(toy, tmp_path):
    toy.interpreter.report(toy.fresh[:20]).save(tmp_path / "report.html")
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["versions"]["interpret-inn"] == inn.__version__


@pytest.mark.slow
def test_wheel_and_source_carry_the_version(tmp_path):
    source, built = tmp_path / "source", tmp_path / "built"
    source.mkdir()
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", built], cwd=source, check=True)
    name = f"interpret_inn-{inn.__version__}"
    with zipfile.ZipFile(built / f"{name}-py3-none-any.whl") as wheel:
        about = wheel.read(f"{name}.dist-info/METADATA").decode()
    with tarfile.open(built / f"{name}.tar.gz") as archive:
        about_source = archive.extractfile(f"{name}/PKG-INFO").read().decode()
    assert f"\nVersion: {inn.__version__}\n" in about
    assert f"\nVersion: {inn.__version__}\n" in about_source


def test_no_other_file_of_the_build_says_it():
    said = [
        path.relative_to(ROOT)
        for folder in ("interpret_inn", "plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if f'"{inn.__version__}"' in path.read_text(encoding="utf-8")
    ]
    assert said == [Path("interpret_inn/_version.py")]
    assert f'"{inn.__version__}"' not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
