"""The counts of this checkout, and of small ones that tests write."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("counts.py")


def counts_of(root: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--root", root, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def counts() -> dict[str, Any]:
    """Of this checkout."""
    return counts_of(SCRIPT.parents[2])


@pytest.fixture
def counted(tmp_path: Path) -> Callable[[dict[str, str]], dict[str, Any]]:
    """Counts a checkout that has these files, given as texts by their paths."""

    def write_and_count(files: dict[str, str]) -> dict[str, Any]:
        kinds = 'from typing import Literal\nConceptKind = Literal["categorical", "numeric"]\n'
        for name, text in {"interpret_inn/__init__.py": "", "interpret_inn/types.py": kinds, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "plugins").mkdir(exist_ok=True)
        return counts_of(tmp_path)

    return write_and_count
