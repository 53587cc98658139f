"""Public names, parameters and defaults are those on record."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
def test_public_names_parameters_and_defaults_are_those_on_record():
    """After a change on purpose: python tests/structure/signatures.py > tests/structure/signatures.txt."""
    done = subprocess.run(
        [sys.executable, HERE / "signatures.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    recorded = (HERE / "signatures.txt").read_text(encoding="utf-8")
    assert done.stdout.splitlines() == recorded.splitlines()
