"""Every Python block of the documentation runs, in order, as a reader would type it.

Blocks marked ```` ```python no-run ```` are left out: those that need what a test cannot have.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from interpret_inn.plugin import manager

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
BLOCK = re.compile(r"^```python(?P<marks>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[int, str]]:
    """The blocks of a page that run, each with the line it begins at."""
    text = page.read_text(encoding="utf-8")
    return [
        (text[: found.start("code")].count("\n"), found["code"])
        for found in BLOCK.finditer(text)
        if "no-run" not in found["marks"].split()
    ]


def test_there_is_documentation() -> None:
    assert {"hooks.md", "write-a-concept-source.md"} <= {page.name for page in PAGES}
    assert len(blocks(DOCS / "write-a-concept-source.md")) >= 5


def marked(page: Path) -> Any:
    """Pages that take more than a few seconds run with the slow tests."""
    slow = page.stem in ("localizers", "metrics")
    return pytest.param(page, marks=[pytest.mark.slow] if slow else [], id=page.stem)


@pytest.mark.parametrize("page", [marked(page) for page in PAGES if blocks(page)])
def test_snippets_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTERPRET_INN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(manager, "_manager", None)  # what a page registers is gone after it
    names: dict[str, object] = {"__name__": "__main__"}
    for line, code in blocks(page):
        # Moved down to where it stands, so that a traceback points into the page.
        exec(compile("\n" * line + code, str(page), "exec"), names)


def test_links_inside_the_documentation_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
