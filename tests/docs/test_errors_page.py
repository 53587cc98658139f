"""docs/errors.md has every kind of error with the texts of the code, as docs/generate_errors.py writes it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "errors.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_errors", DOCS / "generate_errors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_is_generated(generator: ModuleType) -> None:
    written = generator.generated(PAGE).splitlines()
    wrong = [line for line in PAGE.splitlines() if line not in written]
    missing = [line for line in written if line not in PAGE.splitlines()]
    assert written == PAGE.splitlines(), "\n".join(
        ["Type python docs/generate_errors.py. Not of the code:", *wrong, "Missing:", *missing]
    )
    texts = re.findall(r"^\| `([^`]+)`", PAGE, re.MULTILINE)
    assert len(texts) > 150


@pytest.mark.slow
def test_reworded_texts_keep_their_cause_and_others_go(generator: ModuleType) -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith("| `… has no module …` |"))
    cells = row.split("` |")[1]
    stale = PAGE.replace(
        row, f"| `… has no such module …` |{cells}\n| `Nobody says this.` | It is gone. | None. |"
    )
    old, written = PAGE.splitlines(), generator.generated(stale).splitlines()
    at = old.index(row)
    assert written[:at] + written[at + 1 :] == old[:at] + old[at + 1 :]
    assert written[at].startswith("| `… has no module …")
    assert written[at].endswith(f"` |{cells}")
