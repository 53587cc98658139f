"""Types that say nothing of the backbone, records that change, tolerances in several files, seeds made by addition."""

import ast
from collections.abc import Iterable, Iterator

from sources import Source, last_name, nodes, place

_BACKBONE = ("backbone", "_backbone")
_VAGUE = ("Any", "object")


def vague_backbones(sources: Iterable[Source]) -> list[str]:
    """Parameters and attributes named backbone whose type is `Any` or `object`, or holds one of them."""
    found = []
    for source, node in nodes(sources, ast.arg, ast.AnnAssign):
        assert isinstance(node, ast.arg | ast.AnnAssign)
        name = node.arg if isinstance(node, ast.arg) else last_name(node.target)
        if name in _BACKBONE and node.annotation is not None and _vague(node.annotation):
            found.append(f"{place(source, node)} {name}: {ast.unparse(node.annotation)}")
    return found


def _vague(annotation: ast.AST) -> bool:
    """Whether a type is, or may be, `Any` or `object`: in a union and in quotation marks too."""
    if isinstance(annotation, ast.BinOp):
        return _vague(annotation.left) or _vague(annotation.right)
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _vague(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) in (
        "Optional",
        "Union",
        "Annotated",
    ):
        inner = annotation.slice
        return any(_vague(one) for one in (inner.elts if isinstance(inner, ast.Tuple) else [inner]))
    return last_name(annotation) in _VAGUE


def tolerances(sources: Iterable[Source]) -> dict[str, list[str]]:
    """Numbers in (0, 0.001] and [0.99, 1) that stand in several files, with their places."""
    places: dict[float, list[str]] = {}
    for source, node in nodes(sources, ast.Constant):
        value = getattr(node, "value", None)
        if isinstance(value, float) and (0 < value <= 1e-3 or 0.99 <= value < 1):
            places.setdefault(value, []).append(place(source, node))
    several = {
        value: found for value, found in places.items() if len({one.split(":")[0] for one in found}) > 1
    }
    return {repr(value): found for value, found in sorted(several.items())}


def compared_tolerances(sources: Iterable[Source]) -> dict[str, list[str]]:
    """Those of them that something is compared with: where two such places differ, two answers differ."""
    inside = {
        place(source, one)
        for source, node in nodes(sources, ast.Compare)
        for one in ast.walk(node)
        if isinstance(one, ast.Constant)
    }
    found = {value: [one for one in places if one in inside] for value, places in tolerances(sources).items()}
    return {
        value: places for value, places in found.items() if len({one.split(":")[0] for one in places}) > 1
    }


def added_seeds(sources: Iterable[Source]) -> list[str]:
    """Sums of a seed and a number: two of them may meet, and their random numbers are then the same."""
    return [
        f"{place(source, node)} {ast.unparse(node)}"
        for source, node in nodes(sources, ast.BinOp)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_seed_sum(node)
    ]


def _is_seed_sum(node: ast.BinOp) -> bool:
    return any(_seed(one) and _number(other) for one, other in _both(node))


def _both(node: ast.BinOp) -> Iterator[tuple[ast.expr, ast.expr]]:
    yield node.left, node.right
    yield node.right, node.left


def _seed(node: ast.AST) -> bool:
    name = last_name(node)
    return name.islower() and (name.strip("_") == "seed" or name.endswith("_seed"))


def _number(node: ast.AST) -> bool:
    return (isinstance(node, ast.Constant) and isinstance(node.value, int)) or bool(last_name(node))


def changing_records(sources: Iterable[Source]) -> list[str]:
    """Data classes that are not frozen, by their dotted names."""
    return [
        f"{source.module}.{node.name}"
        for source, node in nodes(sources, ast.ClassDef)
        if isinstance(node, ast.ClassDef)
        for decorator in map(ast.unparse, node.decorator_list)
        if decorator.split("(")[0] == "dataclass" and "frozen=True" not in decorator
    ]
