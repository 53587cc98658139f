"""Places that ask for the kind of a concept: each is a place to change when a kind is added."""

import ast
from collections.abc import Iterable, Iterator

from sources import Source, last_name, nodes, place

_ASKED = ("kind", "_kind", "other_kind")
_CONSTANTS = ("KINDS", "CATEGORICAL", "NUMERIC", "CYCLIC", "UNLABELLED")


def concept_kinds(sources: Iterable[Source]) -> set[str]:
    """The kinds that there are: the constants of `ConceptKind = Literal[…]`.

    Raises:
        LookupError: there is no such definition.
    """
    for _, node in nodes(sources, ast.Assign, ast.AnnAssign, ast.ClassDef):
        name = node.name if isinstance(node, ast.ClassDef) else ast.unparse(node).split(" ")[0].rstrip(":")
        if name == "ConceptKind":
            return {text for text in _texts(node) if text.isidentifier()}
    raise LookupError(
        "Expected ConceptKind = Literal[…] in the core, found none. Type here where the kinds stand now."
    )


def measure(sources: list[Source]) -> dict[str, object]:
    """Comparisons with a concept's kind, and questions such as `concept.is_categorical`."""
    kinds = concept_kinds(sources)
    compared = [
        f"{place(source, node)} {text}" for source in sources for node, text in _compared(source, kinds)
    ]
    asked = {f"is_{kind}" for kind in kinds} | {f"_is_{kind}" for kind in kinds}
    disguised = [
        f"{place(source, node)} {ast.unparse(node)}"
        for source, node in nodes(sources, ast.Attribute, ast.Name)
        if last_name(node) in asked
    ]
    return {
        "comparisons": compared,
        "files": len({one.split(":")[0] for one in compared}),
        "disguised": disguised,
    }


def _compared(source: Source, kinds: set[str]) -> Iterator[tuple[ast.AST, str]]:
    for node in source.nodes:
        if isinstance(node, ast.Compare) and _asks(node, kinds):
            yield node, ast.unparse(node)
        elif isinstance(node, ast.match_case) and _texts(node.pattern) & kinds:
            yield node.pattern, f"case {ast.unparse(node.pattern)}"
        elif isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if len(keys & kinds) > 1:
                yield node, "{" + ", ".join(sorted(map(str, keys))) + "}"


def _asks(node: ast.Compare, kinds: set[str]) -> bool:
    """Whether a comparison is with a kind, with a constant that holds kinds, or of two kinds."""
    sides = [node.left, *node.comparators]
    if any(
        _texts(side) & kinds
        for side in sides
        if isinstance(side, ast.Constant | ast.Tuple | ast.Set | ast.List)
    ):
        return True
    asked = [last_name(side) in _ASKED for side in sides]
    constant = any(last_name(side).lstrip("_") in _CONSTANTS for side in sides)
    return (any(asked) and constant) or (
        all(asked) and any(isinstance(side, ast.Attribute) for side in sides)
    )


def _texts(node: ast.AST) -> set[str]:
    return {
        one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
