"""The order of the house: imports point one way, no plugin is imported by the core, and none of it early."""

import ast
import functools
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "interpret_inn"
PLUGINS = CORE.parent / "plugins"

FLOORS = [
    {"_version", "errors"},
    {"renamed"},
    {"types"},
    {"backbones", "flows", "data", "datasets"},
    {"metrics"},
    {"translating"},
    {"fitting"},
    {"effects"},
    {"explaining"},
    {"plugin", "reports", "explore", "localizing", "saving", "testing"},
    {"comparing", "scoring"},
    {"attached"},
    {"interpreter"},
    {"opening"},
    {"demo", "refused_values"},
    {"configuration"},
    {"cli"},
    {"__init__", "__main__"},
]
"""From the ground up: a room imports from lower floors alone, and from no other room of its own floor."""
HEIGHT = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
THIRD_PARTIES = ("timm", "captum")
"""Libraries of plugins, which the core must not load when it is imported."""
MACHINERY = ("interpreter", "cli", "reports", "saving", "plugin", "fitting")
"""Rooms that plugins must not import."""


@functools.cache
def imports(file: Path) -> list[tuple[str, bool]]:
    """Names of all modules that a file imports, within functions and for types too, and whether only there."""
    tree = ast.parse(file.read_text("utf-8"))
    late = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(name.name, node in late) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:  # a neighbour in the same package
                continue
            names = [str(node.module), *(f"{node.module}.{name.name}" for name in node.names)]
            found += [(name, node in late) for name in names]
    return found


def room_of(file: Path) -> str:
    return file.relative_to(CORE).parts[0].removesuffix(".py")


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(CORE.parent).with_suffix("").parts).removesuffix(".__init__")


FILES = sorted(CORE.rglob("*.py"))
MODULES = {module_of(file) for file in FILES}


def test_every_room_has_its_floor() -> None:
    assert {room_of(file) for file in FILES} <= set(HEIGHT)


def test_imports_point_one_way() -> None:
    """Wherever they stand: an import within a function, or for types alone, is an import."""
    wrong = []
    for file in FILES:
        room = room_of(file)
        for name, late in imports(file):
            parts = name.split(".")
            if parts[0].startswith("interpret_inn_"):
                wrong.append(f"{file} imports the plugin {name}")
            if parts[0] in THIRD_PARTIES and not (late or room == "demo"):
                wrong.append(f"{file} imports {name} when it is imported itself")
            if parts[0] != "interpret_inn" or len(parts) == 1 or parts[1] == room:
                continue
            if parts[1] in HEIGHT and HEIGHT[parts[1]] >= HEIGHT[room]:
                # what is no room is a public name, such as `from interpret_inn import hookimpl`
                wrong.append(f"{file} imports {name}, which does not lie below")
    assert wrong == []


def test_no_files_import_each_other_in_a_circle() -> None:
    wanted = {}
    for file in FILES:
        found = {name for name, _ in imports(file)}
        modules = found & MODULES
        # `from package import module` is of the module, `from package import name` of the package
        packages = {name.rpartition(".")[0] for name in found - MODULES}
        of_modules = {name for name in modules if any(other.startswith(f"{name}.") for other in modules)}
        wanted[module_of(file)] = (modules - of_modules) | (packages & MODULES)
    TopologicalSorter(wanted).prepare()  # raises CycleError, which lists the circle


def test_plugins_import_no_other_plugin_and_no_machinery() -> None:
    wrong = []
    for file in sorted(PLUGINS.rglob("*.py")):
        own = file.relative_to(PLUGINS).parts[0]
        for name, _ in imports(file):
            parts = name.split(".")
            if parts[0].startswith("interpret_inn_") and parts[0] != own:
                wrong.append(f"{file} imports {name}")
            if parts[0] == "interpret_inn" and len(parts) > 1 and parts[1] in MACHINERY:
                wrong.append(f"{file} imports {name}")
    assert wrong == []


@pytest.mark.slow
def test_importing_the_library_loads_neither_timm_nor_captum_nor_plugins() -> None:
    code = (
        "import sys, interpret_inn; "
        "print([m for m in sys.modules if m.split('.')[0] in ('timm', 'captum', 'sklearn') "
        "or m.startswith('interpret_inn_')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
