"""The order of the house: imports point one way, no plugin is imported by the core, and none of it early."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "interpret_inn"
PLUGINS = CORE.parent / "plugins"

FLOORS = [
    {"errors"},
    {"types"},
    {"backbones", "flows", "metrics", "data", "datasets"},
    {"fitting"},
    {"explaining"},
    {"plugin"},
    {"reports", "explore", "localizing"},
    {"saving", "scoring"},
    {"interpreter"},
    {"opening"},
    {"cli", "demo", "testing", "__init__"},
    {"__main__"},
]
"""From the ground up: a room imports from lower floors, and on the ground floor of rooms also sideways."""
HEIGHT = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def imports(file: Path) -> Iterator[tuple[str, bool]]:
    """Names of modules that a file imports, and whether it does so only within functions or for types."""
    tree = ast.parse(file.read_text("utf-8"))
    late = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node in late
        elif isinstance(node, ast.ImportFrom):
            if node.level:  # a neighbour in the same package
                continue
            yield str(node.module), node in late
            if node.module == "interpret_inn":
                for name in node.names:
                    yield f"interpret_inn.{name.name}", node in late


def room_of(file: Path) -> str:
    return file.relative_to(CORE).parts[0].removesuffix(".py")


FILES = sorted(CORE.rglob("*.py"))


def test_every_room_has_its_floor() -> None:
    assert {room_of(file) for file in FILES} <= set(HEIGHT)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORE)))
def test_imports_point_one_way(file: Path) -> None:
    room = room_of(file)
    for name, late in imports(file):
        parts = name.split(".")
        assert not parts[0].startswith("interpret_inn_"), f"{file} imports the plugin {name}"
        if parts[0] in ("timm", "captum"):
            assert late or room == "demo", f"{file} imports {name} when it is imported itself"
        if parts[0] != "interpret_inn" or len(parts) == 1 or late:
            continue
        target = parts[1]
        if target not in HEIGHT:  # a public name, such as `from interpret_inn import hookimpl`
            continue
        sideways = target == room or {target, room} <= FLOORS[2]
        assert sideways or HEIGHT[target] < HEIGHT[room], f"{file} imports {name} from above"


@pytest.mark.parametrize(
    "file", sorted(PLUGINS.rglob("*.py")), ids=lambda file: str(file.relative_to(PLUGINS))
)
def test_plugins_import_no_other_plugin_and_no_machinery(file: Path) -> None:
    own = file.relative_to(PLUGINS).parts[0]
    for name, _ in imports(file):
        parts = name.split(".")
        assert not (parts[0].startswith("interpret_inn_") and parts[0] != own), f"{file} imports {name}"
        if parts[0] == "interpret_inn" and len(parts) > 1:
            assert parts[1] not in ("interpreter", "cli", "reports", "saving", "plugin", "fitting"), name


def test_importing_the_library_loads_neither_timm_nor_captum_nor_plugins() -> None:
    code = (
        "import sys, interpret_inn; "
        "print([m for m in sys.modules if m.split('.')[0] in ('timm', 'captum', 'sklearn') "
        "or m.startswith('interpret_inn_')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
