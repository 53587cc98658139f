"""The contracts of metrics and report sections."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from html.parser import HTMLParser
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from interpret_inn.errors import InputError
from interpret_inn.explaining.records import Explanation, plain
from interpret_inn.testing.contract import Check, hold, misfits, same
from interpret_inn.testing.made_up import toy_explanation
from interpret_inn.types import FloatArray, MetricSpec, ReportSectionSpec, Score, Section
from interpret_inn.types.metric_calls import parameter_names, score_fault

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
class _MetricCase:
    spec: MetricSpec

    @property
    def known(self) -> dict[str, _Known]:
        """Codes whose worth is plain: the factors themselves, and noise that knows nothing of them.

        Beside the axes of the three factors there are two of the residual. Made anew for every check, as a bad metric
        may spoil them.
        """
        rng = np.random.default_rng(0)
        factors = rng.integers(0, 5, (500, 3)).astype(np.float64)
        noise, rest = rng.normal(size=(500, 3)), rng.normal(size=(500, 2))
        return {
            "perfect": _Known(np.hstack([factors, rest]), factors),
            "noise": _Known(np.hstack([noise, rest]), factors),
        }

    @property
    def unusual(self) -> dict[str, _Known]:
        """What the library may give besides; a metric may say of it by InputError that it does not suit."""
        codes, factors, _ = self.known["perfect"]
        constant = codes.copy()
        constant[:, 0] = 0.0
        several = {"test": (codes[:150].copy(), factors[:150].copy()), "resamples": 0}
        return {
            "one concept": _Known(codes[:, [0, 3, 4]], factors[:, :1], {"resamples": 0}),
            "a constant axis": _Known(constant, factors, {"resamples": 0}),
            "samples in groups": _Known(codes[150:], factors[150:], several),
        }

    @cached_property
    def asked(self) -> dict[str, _Known]:
        """The plain codes that the metric is asked about first; it may have spoiled them."""
        return self.known

    @cached_property
    def first(self) -> dict[str, Any]:
        """What the metric gives of the plain codes when it is asked first."""
        return {name: self.score(known) for name, known in self.asked.items()}

    def score(self, known: _Known) -> Any:
        """What the metric gives, called as the library calls it."""
        count = known.factors.shape[1]
        residual = slice(count, known.codes.shape[1])
        offered = {"groups": [*(slice(k, k + 1) for k in range(count)), residual], "seed": 0, **known.further}
        taken = parameter_names(self.spec.evaluate)
        factors = np.empty((len(known.codes), 0)) if self.spec.suits == "none" else known.factors
        options = {name: value for name, value in offered.items() if name in taken}
        return self.spec.evaluate(known.codes, factors, **options)


class _Known(NamedTuple):
    """Codes (N, D), factors (N, K), and what else is offered to a metric by name."""

    codes: FloatArray
    factors: FloatArray
    further: Mapping[str, Any] = MappingProxyType({})


def check_metric(spec: MetricSpec) -> tuple[str, ...]:
    """Checks a metric on codes of known worth: 500 samples, 3 factors of 5 values, and two axes of the residual.

    It is called as the library calls it: with `groups`, `seed`, `test` and `resamples` if it takes them. One concept, a
    constant axis and samples in groups are tried, too.

    Args:
        spec: The record that the plugin contributes.

    Returns:
        The names of the checks, all of which held.

    Raises:
        ContractError: everything that is broken, at once.
    """
    # It draws from Python's generator as it is imported, for which no metric that imports it is to blame.
    import sklearn.linear_model  # noqa: F401

    return hold(f"The metric {getattr(spec, 'name', spec)!r}", METRIC_CHECKS, _MetricCase(spec))


def _is_metric(case: _MetricCase) -> Iterator[str]:
    if not isinstance(case.spec, MetricSpec):
        yield f"Expected a MetricSpec, found {type(case.spec).__name__}."
        return
    if not isinstance(case.spec.quick, bool):
        yield f"Expected quick to be True or False, found {case.spec.quick!r:.60}."
    needed = {"groups", "seed", "test", "resamples"} & set(parameter_names(case.spec.evaluate))
    by_name = partial(case.spec.evaluate, **dict.fromkeys(needed))
    yield from misfits(by_name, "evaluate", "codes", "factors")


def _gives_scores(case: _MetricCase) -> Iterator[str]:
    for name, score in case.first.items():
        if not isinstance(score, Score):
            yield f"Expected a Score, found {type(score).__name__}."
            return
        fault = score_fault(score)
        if fault:
            yield f"Of {name} codes: {fault}"
        elif not math.isfinite(score.value):
            yield f"Of {name} codes: Expected a finite score, found {score.value}."


def _bears_the_unusual(case: _MetricCase) -> Iterator[str]:
    for name, known in case.unusual.items():
        try:
            score = case.score(known)
        except InputError:
            continue
        except Exception as error:
            yield f"Of {name}: raised {type(error).__name__}: {error}"
            continue
        fault = (
            score_fault(score)
            if isinstance(score, Score)
            else f"Expected a Score, found {type(score).__name__}."
        )
        if fault:
            yield f"Of {name}: {fault}"


def _repeats_scores(case: _MetricCase) -> Iterator[str]:
    if not same(case.first["noise"], case.score(case.known["noise"])):
        yield "The same codes get another score the second time."


def _tells_perfect_from_noise(case: _MetricCase) -> Iterator[str]:
    if case.spec.suits == "none":  # it knows of no factors to be perfect about
        return
    perfect, noise = (case.first[name].value for name in ("perfect", "noise"))
    if perfect == noise:
        yield f"Perfect codes and noise get the same score, {perfect}."


def _leaves_arrays(case: _MetricCase) -> Iterator[str]:
    assert case.first  # it has been asked by now
    if not all(same(known[:2], case.asked[name][:2]) for name, known in case.known.items()):
        yield "Changes the arrays that it is given."


METRIC_CHECKS: tuple[Check[_MetricCase], ...] = (
    _is_metric,
    _gives_scores,
    _bears_the_unusual,
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
    else:
        yield from misfits(case.spec.render, "render", "explanation")


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
