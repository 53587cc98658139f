"""docs/architecture.md names every room, and imports point the way it says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "interpret_inn"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def order() -> list[set[str]]:
    """The rooms in the order of the page, those side by side in one set."""
    block = next(text for text in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if "←" in text)
    return [set(re.findall(r"\w+", part)) for part in block.split("←")]


def imported(path: Path) -> set[str]:
    """Rooms that a file imports, also inside functions and for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "interpret_inn" and len(parts) > 1:
                found.add(parts[1])
    return found


def rooms() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(CORE.rglob("*.py")):
        name = path.relative_to(CORE).parts[0].removesuffix(".py")
        if not name.startswith("__"):
            found.setdefault(name, []).append(path)
    return found


def test_every_room_is_on_the_page() -> None:
    assert set().union(*order()) == set(rooms())
    for name in rooms():
        assert re.search(rf"^  .*\b{name}(/|\.py)", PAGE, re.MULTILINE), name


def test_imports_point_one_way() -> None:
    levels = {name: level for level, names in enumerate(order()) for name in names}
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for name, paths in rooms().items()
        for path in paths
        for other in imported(path) - {name}
        if levels[other] >= levels[name]
    ]
    assert not wrong


def test_plugins_import_only_what_the_page_says() -> None:
    allowed = {"types", "errors", "data", "backbones", "localizing", "metrics"}
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        assert imported(path) <= allowed, path


def test_the_core_imports_neither_timm_nor_captum_at_first() -> None:
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                assert not re.search(r"\b(timm|captum)\b", ast.unparse(node)), path
