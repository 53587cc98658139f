"""Distributions that are made on the spot, with entry points as a stranger's would have."""

from __future__ import annotations

import importlib.metadata
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Install = Callable[..., importlib.metadata.EntryPoint]

HEADER = """
import interpret_inn.plugin as inn
from interpret_inn.types import ConceptSourceSpec, MetricSpec, ReportSectionSpec, Score, Section
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Gives a function that installs a module as a distribution with one entry point of the group."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []
    numbers = itertools.count()

    def make(name: str, source: str, *, distribution: str | None = None, attribute: str = "") -> object:
        distribution = distribution or f"{name}-dist"
        module = f"inn_test_plugin_{name}_{next(numbers)}"
        made.append(module)
        (tmp_path / f"{module}.py").write_text(HEADER + source)
        folder = tmp_path / f"{distribution.replace('-', '_')}-1.5.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        value = f"{module}:{attribute}" if attribute else module
        (folder / "entry_points.txt").write_text(f"[interpret_inn]\n{name} = {value}\n")
        found = importlib.metadata.Distribution.at(folder).entry_points
        return next(iter(found.select(group="interpret_inn")))

    yield make
    for module in made:
        sys.modules.pop(module, None)
