"""What may not stand in the HTML of a report: a page must stay whole, and load and run nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

HOSTILE = "<b class='hostile'>&"
"""A name that breaks a page where somebody forgot to escape it."""

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
        self._style = False

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
