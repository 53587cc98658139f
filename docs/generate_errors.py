"""Writes docs/errors.md anew: texts and kinds are read from the code, causes and cures are kept from the page.

    python docs/generate_errors.py

A text that the code has changed takes the place of the old one, whose cause and cure stay with it; a text that is
gone leaves the page; a new one is added below its kind, with empty cells that may be filled in on the page. What
stands around the tables is the page's own.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from interpret_inn import errors
from interpret_inn.plugin import PluginWarning
from interpret_inn.testing import ContractError

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "errors.md"
NEAR = 0.6
"""Texts that are at least so alike are one text that was reworded."""
_ROW = re.compile(r"^\| `(?P<text>[^`]+)` \|(?P<cells>.*)$")
_HEADING = re.compile(r"^###? (?P<kind>\w+)$")
_LONGEST, _FEWEST = 120, 20
"""Characters of a new text on the page, and letters that it has at least: `…: …` would tell nobody anything."""

Text = tuple[str | None, str]
"""A string of the code and the kind of error that it is raised with, where that is plain."""


def kinds() -> dict[str, type]:
    """All kinds of errors and warnings by name."""
    base = (errors.InnError, errors.InnWarning)
    own = {
        name: found
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, base)
    }
    return own | {ContractError.__name__: ContractError, PluginWarning.__name__: PluginWarning}


@cache
def texts_of_the_code() -> list[Text]:
    """Every sentence of the code, in order, with … for all that is filled in."""
    found: dict[Text, None] = {}
    for root in ("interpret_inn", "plugins"):
        for path in sorted((ROOT / root).rglob("*.py")):
            found |= dict.fromkeys(_texts(ast.parse(path.read_text(encoding="utf-8"))))
    return list(found)


def _texts(tree: ast.AST) -> Iterator[Text]:
    names = kinds()
    for node in ast.walk(tree):
        text = _template(node)
        if text is not None and " " in text:
            yield None, text
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            text = _template(node.args[0])
            if text is not None and node.func.id in names:
                yield node.func.id, text


def _template(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return None


def _begins(text: str) -> re.Pattern[str]:
    """Finds the strings that begin with a text of the page."""
    return re.compile(".*?".join(map(re.escape, text.split("…"))), re.DOTALL)


def matches(kind: str, text: str, code: list[Text]) -> list[Text]:
    """The strings of the code that a text of the page may stand for; none where they are of other kinds only."""
    first, wanted = text.split("…")[0], _begins(text)
    found = [one for one in code if one[1].startswith(first) and wanted.match(one[1])]
    named = [one for one in found if one[0] is not None]
    return [one for one in named if one[0] == kind] if named else found


def shown(template: str) -> str:
    """What the page shows of a string: no mark that a table would read, and no more than two sentences or so."""
    plain = re.sub(r"`[^`]*`|[`|\n]", "…", template)
    while "……" in plain:
        plain = plain.replace("……", "…")
    cut = plain if len(plain) <= _LONGEST else plain[: plain.rfind(" ", 0, _LONGEST)] + " …"
    return cut.strip()


def generated(page: str) -> str:
    """The page with the texts of the code."""
    code = texts_of_the_code()
    lines: list[str] = []
    seen: set[str] = set()
    for part in re.split(r"(?m)^(?=###? \w+$)", page):
        heading = _HEADING.match(part.splitlines()[0]) if part else None
        if heading is None:
            lines += part.splitlines()
        elif heading["kind"] in kinds():
            seen.add(heading["kind"])
            lines += _section(heading["kind"], part.splitlines(), code)
    for kind in kinds().keys() - seen:
        summary = str(kinds()[kind].__doc__).splitlines()[0]
        lines += _section(kind, ["", f"## {kind}", "", summary, ""], code)
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(kind: str, lines: list[str], code: list[Text]) -> list[str]:
    rows = {at: row for at, line in enumerate(lines) if (row := _ROW.match(line))}
    found = {at: matches(kind, row["text"], code) for at, row in rows.items()}
    known = {text for texts in found.values() for _, text in texts}
    left = [text for of, text in code if of == kind and text not in known and _says_something(text)]
    for at in [at for at, texts in found.items() if not texts]:
        old = rows[at]["text"]
        near = max(left, key=lambda text: _likeness(old, text), default="")
        if near and _likeness(old, near) >= NEAR:
            lines[at] = f"| `{shown(near)}` |{rows[at]['cells']}"
            left.remove(near)
        else:
            lines[at] = ""
    gone = {at for at in rows if not lines[at]}
    new = list(dict.fromkeys(f"| `{shown(text)}` |{_empty(lines)}" for text in left))
    last = max(rows, default=len(lines) - 1)
    if new and not rows:
        new = ["| text | cause | cure |", "|---|---|---|", *new, ""]
    return [
        line
        for at, kept in enumerate(lines)
        for line in ([] if at in gone else [kept]) + (new if at == last else [])
    ]


def _says_something(text: str) -> bool:
    return sum(letter.isalpha() for letter in shown(text)) >= _FEWEST


def _empty(lines: list[str]) -> str:
    header = next((line for line in lines if line.startswith("| text |")), "| text | cause | cure |")
    return " |" * (header.count("|") - 2)


def _likeness(old: str, text: str) -> float:
    return difflib.SequenceMatcher(None, old, text[: len(old)], autojunk=False).ratio()


if __name__ == "__main__":
    PAGE.write_text(generated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
