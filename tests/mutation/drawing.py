"""Small changes of the code: where they can be made, which are drawn, and what a file looks like with one."""

from __future__ import annotations

import ast
import difflib
import hashlib
import random
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from rooms import files_of_rooms

_BINARY = (
    "Add_Sub",
    "Sub_Add",
    "Mul_Div",
    "Div_Mul",
    "FloorDiv_Mul",
    "Mod_Mul",
    "Pow_Mul",
    "BitAnd_BitOr",
    "BitOr_BitAnd",
)
_COMPARISONS = (
    "Eq_NotEq", "NotEq_Eq", "Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt",
    "Is_IsNot", "IsNot_Is",
)  # fmt: skip
_NUMBER = "core/NumberReplacer"
_UNARY = ("Delete_USub", "Delete_Not", "Delete_Invert")
OPERATORS = (
    *(f"core/ReplaceBinaryOperator_{pair}" for pair in _BINARY),
    *(f"core/ReplaceComparisonOperator_{pair}" for pair in _COMPARISONS),
    *(f"core/ReplaceUnaryOperator_{pair}" for pair in _UNARY),
    "core/AddNot", "core/ReplaceAndWithOr", "core/ReplaceOrWithAnd", "core/ReplaceTrueWithFalse",
    "core/ReplaceFalseWithTrue", "core/ReplaceBreakWithContinue", "core/ReplaceContinueWithBreak",
    _NUMBER, "core/RemoveDecorator", "core/ZeroIterationForLoop",
)  # fmt: skip
"""Changes that leave code which could have been meant; `a << b` for `a + b` would be caught by its type alone."""


class Mutant(NamedTuple):
    """A small change of one file.

    Attributes:
        room: The file's room.
        file: Relative to the root.
        operator: Name of cosmic-ray's operator.
        occurrence: Which of the operator's places in the file.
        line: Where it is, from 1.
        name: Of the change, the same while its lines stay as they are, wherever they move.
        diff: What it changes.
    """

    room: str
    file: str
    operator: str
    occurrence: int
    line: int
    name: str
    diff: str


class _Places(Visitor):  # type: ignore[misc]
    """Counts the places of all operators in one walk, in the order in which cosmic-ray counts them."""

    def __init__(self) -> None:
        self.operators = {name: get_operator(name)() for name in OPERATORS}
        self.counts: Counter[str] = Counter()
        self.found: dict[tuple[int, int], list[tuple[str, int]]] = {}

    def visit(self, node: Any) -> Any:
        for name, operator in self.operators.items():
            for start, _ in operator.mutation_positions(node):
                self.found.setdefault(start, []).append((name, self.counts[name]))
                self.counts[name] += 1
        return node


def draw(root: Path, number: int, seed: int) -> list[Mutant]:
    """Mutants of all rooms, as many of each as its share of the lines.

    A place in the code is drawn first, then a change of it, so that places with many changes do not come more
    often. Numbers are half of all places, and many of them amounts that nothing hangs on: at most a third of the
    mutants change one. Changes of annotations, of texts, and those that are no Python are not drawn.
    """
    chosen: list[Mutant] = []
    rooms = files_of_rooms(root)
    for room, count in _shares(root, rooms, number).items():
        places = [
            (file, changes)
            for file in rooms[room]
            for _, changes in sorted(_places((root / file).read_text(encoding="utf-8")).items())
        ]
        generator, mine = random.Random(f"{seed} {room}"), dict[str, Mutant]()
        generator.shuffle(places)
        for file, changes in places:
            if len(mine) == count:
                break
            mutant = made(root, room, file, *generator.choice(changes))
            numbers = sum(one.operator == _NUMBER for one in mine.values())
            if mutant is not None and (mutant.operator != _NUMBER or 3 * numbers < count):
                mine[mutant.name] = mutant
        chosen += mine.values()
    return chosen


def _shares(root: Path, rooms: dict[str, list[Path]], number: int) -> dict[str, int]:
    """Whole numbers that add up: the largest remainders are rounded up."""
    lines = {name: sum(_length(root / file) for file in files) for name, files in rooms.items()}
    exact = {name: number * count / sum(lines.values()) for name, count in lines.items()}
    found = {name: int(share) for name, share in exact.items()}
    for name in sorted(exact, key=lambda name: found[name] - exact[name])[: number - sum(found.values())]:
        found[name] += 1
    return found


def _length(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def _places(code: str) -> dict[tuple[int, int], list[tuple[str, int]]]:
    places = _Places()
    places.walk(get_ast(code))
    return places.found


def made(root: Path, room: str, file: Path, operator: str, occurrence: int) -> Mutant | None:
    """The mutant, or None where the change is no Python or means the same to an interpreter that reads no types."""
    code = (root / file).read_text(encoding="utf-8")
    changed = mutate_code(code, get_operator(operator)(), occurrence)
    if changed is None:
        return None
    try:
        if _meaning(changed) == _meaning(code):
            return None
    except SyntaxError:
        return None
    diff = list(
        difflib.unified_diff(code.splitlines(), changed.splitlines(), str(file), str(file), lineterm="", n=2)
    )
    lines = [line for line in diff[2:] if line[:1] in "+-"]
    at = next(
        i for i, (a, b) in enumerate(zip(code.splitlines(), changed.splitlines(), strict=False)) if a != b
    )
    name = hashlib.sha256("\n".join((str(file), *diff[3:])).encode()).hexdigest()[:12]
    assert lines
    return Mutant(room, str(file), operator, occurrence, at + 1, name, "\n".join(diff))


def _meaning(code: str) -> str:
    """The code without annotations, texts of documentation and positions.

    Nor does it matter how parameters may be given (a bare `*` is no product), and whether a `zip` of equal lengths
    would refuse others.
    """
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.arguments):
            node.args, node.posonlyargs, node.kwonlyargs = (
                [*node.posonlyargs, *node.args, *node.kwonlyargs],
                [],
                [],
            )
            node.defaults, node.kw_defaults = [*node.defaults, *(one for one in node.kw_defaults if one)], []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "zip":
            node.keywords = [one for one in node.keywords if one.arg != "strict"]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


def code_of(root: Path, mutant: Mutant, mark: Path) -> str:
    """The file with the change, and before the changed statement one that leaves a mark where it is reached."""
    code = mutate_code(
        (root / mutant.file).read_text(encoding="utf-8"), get_operator(mutant.operator)(), mutant.occurrence
    )
    probe = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    lines = code.splitlines()
    for first in _statements(code, mutant.line):
        indent = lines[first - 1][: len(lines[first - 1]) - len(lines[first - 1].lstrip())]
        marked = "\n".join([*lines[: first - 1], indent + probe, *lines[first - 1 :]]) + "\n"
        try:
            compile(marked, mutant.file, "exec")
        except SyntaxError:  # between `if` and `elif`, say
            continue
        return marked
    return str(code)


def _statements(code: str, line: int) -> list[int]:
    """First lines of the statements around a line, the innermost first."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.stmt) and node.end_lineno is not None:
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
            if first <= line <= node.end_lineno:
                found.add(first)
    return sorted(found, reverse=True)
