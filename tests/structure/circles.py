"""Circles of imports, with those counted that stand under `TYPE_CHECKING` or inside functions.

An import that is put off still says that one module cannot be understood without the other.
"""

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from sources import CORE, Source, last_name, place


@dataclass(frozen=True)
class Import:
    """One import of a module of the project by another.

    Attributes:
        source: The file that imports.
        target: The dotted name of the imported module.
        place: File and line.
        how: Empty, `TYPE_CHECKING` or `in a function`.
    """

    source: Source
    target: str
    place: str
    how: str


def imports(sources: Iterable[Source]) -> list[Import]:
    """All imports of the project's own modules."""
    sources = list(sources)
    modules = {source.module for source in sources}
    found = []
    for source in sources:
        late = _late(source)
        for node in source.nodes:
            for name in _names(node, source):
                target = _module(name, modules)
                if target and target != source.module:
                    found.append(Import(source, target, place(source, node), late.get(node, "")))
    return found


def _late(source: Source) -> dict[ast.AST, str]:
    found: dict[ast.AST, str] = {}
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found |= dict.fromkeys(ast.walk(node), "in a function")
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            found |= dict.fromkeys(ast.walk(node), "TYPE_CHECKING")
    return found


def _names(node: ast.AST, source: Source) -> Iterator[str]:
    """Dotted names that a statement imports; a name in a module may be one more module."""
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = source.package.split(".")
            above = parts[: len(parts) - node.level + 1]
            base = ".".join([*above, *([node.module] if node.module else [])])
        yield from (f"{base}.{name.name}" for name in node.names)
    elif isinstance(node, ast.Call) and last_name(node.func) == "import_module":
        yield from (one.value for one in node.args[:1] if isinstance(one, ast.Constant))


def _module(name: str, modules: set[str]) -> str | None:
    """The longest part of a dotted name that is a module of the project."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in modules:
            return ".".join(parts[:end])
    return None


def circles(edges: Iterable[tuple[str, str]]) -> list[tuple[list[str], list[str]]]:
    """Groups of nodes that reach each other, largest first, each with a shortest circle in it."""
    graph: dict[str, set[str]] = {}
    for start, end in edges:
        graph.setdefault(start, set()).add(end)
        graph.setdefault(end, set())
    reach = {node: _reached(graph, node) for node in graph}
    groups = {frozenset(b for b in reach[a] if a in reach[b]) for a in graph if a in reach[a]}
    found = [(sorted(group), _shortest(graph, group)) for group in groups]
    return sorted(found, key=lambda pair: (-len(pair[0]), pair[0]))


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = deque([start])
    while waiting:
        for node in graph[waiting.popleft()] - seen:
            seen.add(node)
            waiting.append(node)
    return seen


def _shortest(graph: Mapping[str, set[str]], group: Iterable[str]) -> list[str]:
    group = set(group)
    best: list[str] = []
    for start in sorted(group):
        paths = deque([[start]])
        seen = {start}
        while paths:
            path = paths.popleft()
            if best and len(path) + 1 >= len(best):
                break
            if start in graph[path[-1]]:
                best = [*path, start]
                break
            for node in sorted(graph[path[-1]] & group - seen):
                seen.add(node)
                paths.append([*path, node])
    return best


def measure(sources: list[Source]) -> dict[str, object]:
    """Circles between rooms of the core and between all modules, with the imports that make them."""
    found = imports(sources)
    rooms = {source.module: source.room for source in sources}
    return {
        "between rooms": _report(
            (one, one.source.room, rooms[one.target])
            for one in found
            if one.source.in_core
            and one.target.split(".")[0] == CORE
            and one.source.room != rooms[one.target]
        ),
        "between modules": _report((one, one.source.module, one.target) for one in found),
    }


def _report(edges: Iterable[tuple[Import, str, str]]) -> list[dict[str, object]]:
    edges = list(edges)
    report = []
    for group, shortest in circles((start, end) for _, start, end in edges):
        steps = []
        for start, end in pairwise(shortest):
            imported = [one for one, a, b in edges if (a, b) == (start, end)]
            one = min(imported, key=lambda step: (step.how, step.place))  # a plain import, where there is one
            steps.append(f"{start} → {end} at {one.place}" + (f" ({one.how})" if one.how else ""))
        put_off = sum(bool(one.how) for one, a, b in edges if a in group and b in group)
        report.append({"members": group, "shortest": steps, "imports put off": put_off})
    return report
