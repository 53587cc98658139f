"""docs/errors.md describes every kind of error, and its texts are those of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from interpret_inn import errors
from interpret_inn.plugin.manager import PluginWarning
from interpret_inn.testing import ContractError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
SECTIONS = {part.splitlines()[0]: part for part in re.split(r"^###? ", PAGE, flags=re.MULTILINE)[1:]}
TEXTS = [
    (section, text) for section, part in SECTIONS.items() for text in re.findall(r"^\| `([^`]+)`", part, re.M)
]


def kinds() -> set[str]:
    own = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, (errors.InnError, errors.InnWarning))
    }
    return own | {ContractError.__name__, PluginWarning.__name__}


def template(node: ast.AST) -> str | None:
    """A string in the code with … for all that is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return None


def templates() -> Iterator[tuple[str | None, str]]:
    """Every string of the code, with the error that it is the text of where that is plain."""
    for root in ("interpret_inn", "plugins"):
        for path in sorted((ROOT / root).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                found = template(node)
                if found is not None:
                    yield None, found
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                    found = template(node.args[0])
                    if found is not None and node.func.id in kinds():
                        yield node.func.id, found


def test_every_kind_of_error_is_described() -> None:
    assert set(SECTIONS) == kinds()


def test_texts_are_unique_and_many() -> None:
    assert len(TEXTS) > 150
    assert len(set(TEXTS)) == len(TEXTS)


def test_every_text_stands_in_the_code() -> None:
    in_code = set(templates())
    wrong = [found for section, text in TEXTS if (found := complaint(section, text, in_code))]
    assert not wrong, "\n".join(wrong)


def complaint(section: str, text: str, in_code: set[tuple[str | None, str]]) -> str | None:
    """What is wrong with a text of the page; None where some string of the code begins with it."""
    first, *_ = parts = text.split("…")
    wanted = re.compile(".*?".join(map(re.escape, parts)), re.DOTALL)
    matches = [kind for kind, found in in_code if found.startswith(first) and wanted.match(found)]
    if not matches:
        return f"no string of the code begins with {text!r}"
    named = {kind for kind in matches if kind is not None}
    if named and section not in named:
        return f"{text!r} is the text of {named}, not of {section}"
    return None
