"""The contracts of metrics and report sections."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser

import numpy as np

from interpret_inn.explaining.records import Explanation, plain
from interpret_inn.testing.contract import Check, hold, same
from interpret_inn.testing.made_up import toy_explanation
from interpret_inn.types import FloatArray, MetricSpec, ReportSectionSpec, Score, Section

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


@dataclass(frozen=True)
class _MetricCase:
    spec: MetricSpec

    @property
    def known(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """Codes whose worth is plain: the factors themselves, and noise that knows nothing of them.

        Made anew for every check, as a bad metric may spoil them.
        """
        rng = np.random.default_rng(0)
        factors = rng.integers(0, 5, (500, 3)).astype(np.float64)
        return {"perfect": (factors.copy(), factors), "noise": (rng.normal(size=(500, 3)), factors)}


def check_metric(spec: MetricSpec) -> tuple[str, ...]:
    """Checks a metric on codes of known worth: 500 samples, 3 factors of 5 values.

    Args:
        spec: The record that the plugin contributes.

    Returns:
        The names of the checks, all of which held.

    Raises:
        ContractError: everything that is broken, at once.
    """
    return hold(f"The metric {getattr(spec, 'name', spec)!r}", METRIC_CHECKS, _MetricCase(spec))


def _is_metric(case: _MetricCase) -> Iterator[str]:
    if not isinstance(case.spec, MetricSpec):
        yield f"Expected a MetricSpec, found {type(case.spec).__name__}."


def _gives_scores(case: _MetricCase) -> Iterator[str]:
    for name, (codes, factors) in case.known.items():
        score = case.spec.evaluate(codes, factors)
        if not isinstance(score, Score):
            yield f"Expected a Score, found {type(score).__name__}."
            return
        numbers = {"value": score.value, "low": score.low, "high": score.high, **score.parts}
        strange = {
            key: value for key, value in numbers.items() if not isinstance(value, (int, float, np.number))
        }
        if strange:
            yield f"Expected numbers in a Score, found {strange}."
        elif not math.isfinite(score.value):
            yield f"The score of {name} codes is {score.value}."
        elif score.low > score.value or score.high < score.value:
            yield f"The score {score.value} of {name} codes is not within {score.low} to {score.high}."


def _repeats_scores(case: _MetricCase) -> Iterator[str]:
    codes, factors = case.known["noise"]
    if not same(case.spec.evaluate(codes, factors), case.spec.evaluate(codes, factors)):
        yield "The same codes get another score the second time."


def _tells_perfect_from_noise(case: _MetricCase) -> Iterator[str]:
    perfect, noise = (case.spec.evaluate(*case.known[name]).value for name in ("perfect", "noise"))
    if perfect == noise:
        yield f"Perfect codes and noise get the same score, {perfect}."


def _leaves_arrays(case: _MetricCase) -> Iterator[str]:
    codes, factors = case.known["perfect"]
    kept = codes.copy(), factors.copy()
    case.spec.evaluate(codes, factors)
    if not same(kept, (codes, factors)):
        yield "Changes the arrays that it is given."


METRIC_CHECKS: tuple[Check[_MetricCase], ...] = (
    _is_metric,
    _gives_scores,
    _repeats_scores,
    _tells_perfect_from_noise,
    _leaves_arrays,
)
"""All checks, in order."""


@dataclass(frozen=True)
class _SectionCase:
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
    return hold(
        f"The report section {getattr(spec, 'name', spec)!r}", REPORT_SECTION_CHECKS, _SectionCase(spec)
    )


def _is_section(case: _SectionCase) -> Iterator[str]:
    if not isinstance(case.spec, ReportSectionSpec):
        yield f"Expected a ReportSectionSpec, found {type(case.spec).__name__}."


def _renders(case: _SectionCase) -> Iterator[str]:
    for name, explanation in case.explanations.items():
        section = case.spec.render(explanation)
        if section is None:
            continue
        if not isinstance(section, Section):
            yield f"Expected a Section or None for {name}, found {type(section).__name__}."
            return
        # The page escapes the title itself, so a title may well hold what is markup elsewhere.
        if not isinstance(section.title, str) or not section.title.strip():
            yield f"Expected a title for {name}, found {section.title!r}."
        yield from (f"For {name}: {problem}" for problem in problems(section.html))
        try:
            json.dumps(plain(section.data), allow_nan=False)
        except (TypeError, ValueError) as error:
            yield f"The data for {name} cannot be written as JSON: {error}."


def _leaves_explanation(case: _SectionCase) -> Iterator[str]:
    explanation = toy_explanation()
    before = json.dumps(plain(explanation))
    case.spec.render(explanation)
    if json.dumps(plain(explanation)) != before:
        yield "Changes the explanation that it is given."


REPORT_SECTION_CHECKS: tuple[Check[_SectionCase], ...] = (_is_section, _renders, _leaves_explanation)
"""All checks, in order."""
