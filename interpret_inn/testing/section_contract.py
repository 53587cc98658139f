"""The contract of report sections."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser

from interpret_inn.explaining.records import Explanation, plain
from interpret_inn.testing.contract import Check, hold, misfits
from interpret_inn.testing.made_up import toy_explanation
from interpret_inn.types import ReportSectionSpec, Section

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_RUNS = frozenset({"script", "iframe", "object", "embed", "form", "base", "link", "meta"})
_LOADS = frozenset({"src", "srcset", "poster", "data", "background", "action"})
_REMOTE = re.compile(r"^\s*(https?:)?//|^\s*javascript:", re.IGNORECASE)
_REMOTE_STYLE = re.compile(r"url\(\s*['\"]?\s*(https?:)?//|@import", re.IGNORECASE)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look(tag, attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.found.append(f"</{tag}> closes what is not open.")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style" and _REMOTE_STYLE.search(data):
            self.found.append("a style loads something from elsewhere.")

    def _look(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "hostile" in given.get("class", ""):
            self.found.append("a name from the explanation was not escaped; type html.escape(name).")
        if tag in _RUNS:
            self.found.append(f"<{tag}> has no place in a report.")
        for name, value in given.items():
            if name.startswith("on"):
                self.found.append(f"{name}= runs a script.")
            if (name in _LOADS or (name.endswith("href") and tag != "a")) and _REMOTE.match(value):
                self.found.append(f"{name}={value!r} loads something from elsewhere.")
            if name == "style" and _REMOTE_STYLE.search(value):
                self.found.append("a style loads something from elsewhere.")
            if name == "href" and value.strip().lower().startswith("javascript:"):
                self.found.append("a link runs a script.")


def problems(html: str) -> list[str]:
    """Lists what is wrong with a piece of a report's HTML, a sentence each.

    >>> problems("<p>4 &lt; 5</p><br>")
    []
    >>> problems("<p><script></p>")
    ['<script> has no place in a report.', '<p>, <script> are never closed.']
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    found = reader.found
    if reader.open:
        found.append(f"{', '.join(f'<{tag}>' for tag in reader.open)} are never closed.")
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class _Case:
    spec: ReportSectionSpec

    @cached_property
    def explanations(self) -> dict[str, Explanation]:
        return {
            "a plain explanation": toy_explanation(),
            "names full of markup": toy_explanation(hostile=True),
        }


def check_report_section(spec: ReportSectionSpec) -> tuple[str, ...]:
    """Checks a report section on a made-up explanation, and on one whose names try to break the page.

    Args:
        spec: The record that the plugin contributes.

    Returns:
        The names of the checks, all of which held.

    Raises:
        ContractError: everything that is broken, at once.
    """
    return hold(f"The report section {getattr(spec, 'name', spec)!r}", REPORT_SECTION_CHECKS, _Case(spec))


def _is_section(case: _Case) -> Iterator[str]:
    if not isinstance(case.spec, ReportSectionSpec):
        yield f"Expected a ReportSectionSpec, found {type(case.spec).__name__}."
    else:
        yield from misfits(case.spec.render, "render", "explanation")


def _renders(case: _Case) -> Iterator[str]:
    for name, explanation in case.explanations.items():
        section = case.spec.render(explanation)
        if section is None:
            continue
        if not isinstance(section, Section):
            yield f"Expected a Section or None for {name}, found {type(section).__name__}."
            return
        # The page escapes the title, so a title may hold what would be markup in a body.
        if not isinstance(section.title, str) or not section.title.strip():
            yield f"Expected a title for {name}, found {section.title!r}."
        yield from (f"For {name}: {problem}" for problem in problems(section.html))
        try:
            json.dumps(plain(section.data), allow_nan=False)
        except (TypeError, ValueError) as error:
            yield f"The data for {name} cannot be written as JSON: {error}."


def _leaves_explanation(case: _Case) -> Iterator[str]:
    explanation = toy_explanation()
    before = json.dumps(plain(explanation))
    case.spec.render(explanation)
    if json.dumps(plain(explanation)) != before:
        yield "Changes the explanation that it is given."


REPORT_SECTION_CHECKS: tuple[Check[_Case], ...] = (_is_section, _renders, _leaves_explanation)
"""All checks, in order."""
