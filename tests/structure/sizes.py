"""How many files there are, how long they and their functions are, and which share a name."""

import ast
from collections.abc import Iterable
from statistics import median

from sources import Source, nodes, place

SHORT_FILE, LONG_FILE, LONG_FUNCTION = 60, 300, 40
"""Lines; a function's docstring is not counted."""


def measure(sources: list[Source]) -> dict[str, object]:
    """The figures of the core, of the plugins, and names of files that stand in several rooms."""
    core = [source for source in sources if source.in_core]
    plugins = [source for source in sources if not source.in_core]
    return {
        "core": _files(core),
        "plugins": _files(plugins),
        "one name in several rooms": {"core": _shared(core), "core and plugins": _shared(sources)},
    }


def _files(sources: Iterable[Source]) -> dict[str, object]:
    sources = list(sources)
    lengths = [source.lines for source in sources]
    return {
        "files": len(sources),
        "lines": sum(lengths),
        "median lines": median(lengths or [0]),
        f"under {SHORT_FILE} lines": [one.relative for one in sources if one.lines < SHORT_FILE],
        f"over {LONG_FILE} lines": [
            f"{one.relative} {one.lines}" for one in sources if one.lines > LONG_FILE
        ],
        f"functions over {LONG_FUNCTION} lines": [
            f"{place(source, node)} {name} {lines}"
            for source, node in nodes(sources, ast.FunctionDef, ast.AsyncFunctionDef)
            if (lines := _body(node)) > LONG_FUNCTION and (name := getattr(node, "name", ""))
        ],
    }


def _body(node: ast.AST) -> int:
    """Lines of a function, from `def` to its end, without its docstring."""
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is None:
        return lines
    docstring = node.body[0]
    return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def _shared(sources: Iterable[Source]) -> dict[str, list[str]]:
    rooms: dict[str, set[str]] = {}
    for source in sources:
        if not source.path.name.startswith("__"):
            rooms.setdefault(source.path.name, set()).add(source.room)
    return {name: sorted(found) for name, found in sorted(rooms.items()) if len(found) > 1}
