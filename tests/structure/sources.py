"""The Python files of the core and of the built-in plugins, read and parsed once."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CORE = "interpret_inn"


@dataclass(frozen=True)
class Source:
    """One Python file.

    Attributes:
        path: Where it stands.
        relative: The same below the root of the repository, for messages.
        module: Its dotted name, as it is imported.
        package: The dotted name of the package that relative imports in it start from.
        room: The top-level package or module that it belongs to: `fitting`, `errors`, `interpret_inn_labels`.
    """

    path: Path
    relative: str
    module: str
    package: str
    room: str

    @property
    def in_core(self) -> bool:
        """False for a plugin's."""
        return self.module.split(".")[0] == CORE

    @cached_property
    def text(self) -> str:
        """What stands in it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def lines(self) -> int:
        """How many lines it has."""
        return len(self.text.splitlines())

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text, filename=str(self.path))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of its syntax tree."""
        return list(ast.walk(self.tree))


def read(root: Path) -> list[Source]:
    """All files of the core and of the built-in plugins, sorted by path."""
    packages = [root / CORE, *sorted(path for path in (root / "plugins").iterdir() if path.is_dir())]
    return [_source(path, root, package) for package in packages for path in sorted(package.rglob("*.py"))]


def _source(path: Path, root: Path, package: Path) -> Source:
    parts = [package.name, *path.relative_to(package).with_suffix("").parts]
    is_package = parts[-1] == "__init__"
    dotted = parts[:-1] if is_package else parts
    core = package.name == CORE
    return Source(
        path=path,
        relative=str(path.relative_to(root)),
        module=".".join(dotted),
        package=".".join(dotted if is_package else dotted[:-1]),
        room=parts[1] if core else package.name,
    )


def nodes(sources: Iterable[Source], *kinds: type[ast.AST]) -> Iterator[tuple[Source, ast.AST]]:
    """All nodes of these kinds, each with its file."""
    for source in sources:
        for node in source.nodes:
            if isinstance(node, kinds):
                yield source, node


def place(source: Source, node: ast.AST) -> str:
    """Where a node stands: `interpret_inn/cli.py:12`."""
    return f"{source.relative}:{getattr(node, 'lineno', 1)}"


def last_name(node: ast.AST) -> str:
    """The last name of an expression: `kind` of `concept.kind` and of `kind`; empty for other expressions."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
