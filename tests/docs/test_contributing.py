"""CONTRIBUTING.md, noxfile.py and the hosted workflow are in step with each other and with the project."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def sessions() -> set[str]:
    """The names of nox's sessions, which are functions."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {one.name for one in functions if any("session" in ast.unparse(by) for by in one.decorator_list)}


def test_the_page_has_the_commands_that_there_are() -> None:
    named = set(re.findall(r"nox -s (\w+)", PAGE)) | set(re.findall(r"`(lint|types)`", PAGE))
    assert named == sessions()


def test_links_and_paths_lead_somewhere() -> None:
    for page in (PAGE, (ROOT / "docs" / "stability.md").read_text(encoding="utf-8").replace("](", "](docs/")):
        for target in re.findall(r"\]\(([^)#]+)\)", page):
            assert "://" in target or (ROOT / target).exists(), target
    for path in re.findall(r"`((?:tests|plugins|interpret_inn|docs)/[\w/.]*)`", PAGE):
        assert (ROOT / path).exists(), path


def test_the_workflow_runs_on_the_pythons_that_are_declared() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    declared = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    jobs = workflow["jobs"]
    assert jobs["all"]["strategy"]["matrix"]["python"] == declared
    assert jobs["lowest"]["steps"][-1] == {"run": ".ci/run lowest"}
    lowest = jobs["lowest"]["steps"][1]["with"]["python-version"]
    assert lowest == declared[0]
    assert PROJECT["requires-python"] == f">={lowest}"


def test_the_lowest_versions_are_those_of_the_project() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "lowest"], capture_output=True, text=True, check=True
    )
    lowest = done.stdout.splitlines()
    assert [line.replace("==", ">=") for line in lowest[:-1]] == [
        re.sub(r"\[.*\]", "", requirement) for requirement in PROJECT["dependencies"]
    ]
