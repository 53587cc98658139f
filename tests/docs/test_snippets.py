"""Every Python block of the documentation runs, in order, as a reader would type it.

Blocks marked ```` ```python no-run ```` are left out: those that need what a test cannot have.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from interpret_inn.plugin import shared_manager

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


SLOW = {
    "disentanglement", "explore", "generators", "localizers", "metrics", "pairs", "selecting", "sketches", "transforms",
    "tutorial", "unsupervised", "write-a-localizer",
}  # fmt: skip
"""Pages that fit and explain for seconds run with the slow tests; the names on them are looked up with the others."""


def marked(page: Path) -> Any:
    slow = page.stem in SLOW
    return pytest.param(page, marks=[pytest.mark.slow] if slow else [], id=page.stem)


@pytest.mark.slow
@pytest.mark.parametrize("page", [marked(page) for page in PAGES if blocks(page)])
def test_snippets_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTERPRET_INN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(shared_manager, "_manager", None)  # what a page registers is gone after it
    names: dict[str, object] = {"__name__": "__main__"}
    for line, code in blocks(page):
        # Moved down to where it stands, so that a traceback points into the page.
        exec(compile("\n" * line + code, str(page), "exec"), names)


def test_every_page_is_code_and_names_what_there_is() -> None:
    """Quick, for the pages that run with the slow tests: a public name that is gone shows at once."""
    wrong = []
    for page in PAGES:
        modules: dict[str, ModuleType] = {}
        for line, code in blocks(page):
            tree = ast.parse(code, f"{page.name}, block of line {line}")
            wrong += [f"{page.name}:{line + at}: {name}" for at, name in missing_names(tree, modules)]
    assert not wrong, "\n".join(wrong)


def missing_names(tree: ast.AST, modules: dict[str, ModuleType]) -> Iterator[tuple[int, str]]:
    """Names of this library and its plugins that a block imports or reads and that there are not.

    Args:
        tree: Of the block.
        modules: The modules that the page has imported so far, by the page's name for them; added to.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.name.startswith("interpret_inn"):
                    module = importlib.import_module(one.name)
                    modules[one.asname or one.name] = module
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("interpret_inn"):
            module = importlib.import_module(str(node.module))
            for one in node.names:
                inside = hasattr(module, "__path__") and find_spec(f"{node.module}.{one.name}")
                if not hasattr(module, one.name) and not inside:
                    yield node.lineno, f"{node.module}.{one.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module is not None and not hasattr(module, node.attr):
                yield node.lineno, f"{node.value.id}.{node.attr}"


def test_links_inside_the_documentation_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
