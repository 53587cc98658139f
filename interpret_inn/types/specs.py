"""The records that plugins contribute; listing them builds nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from interpret_inn.types.concept_sources import ConceptSource
from interpret_inn.types.localizers import LocalizerFunction
from interpret_inn.types.results import Score, Section


@dataclass(frozen=True)
class BackboneSpec:
    """A way to adapt models: `adapt(model_or_name, site)` returns a `Backbone`, or None for "not mine".

    Attributes:
        name: What `wrap(model, backbone=...)` takes.
        summary: One line.
        adapt: As above; further options are keywords of `wrap`.
        claims: `claims(model_or_name, site)` says whether to ask `adapt` if no backbone is named; None: always. A
            kind that cannot be told from the model itself (a generator) says no.
        restored: Names of text options that `load` may take from a saved interpreter: `adapt` opens nothing and calls
            nothing by them. Numbers, booleans and lists of them are always taken.
    """

    name: str
    summary: str
    adapt: Callable[..., Any]
    claims: Callable[[Any, Any], bool] | None = None
    restored: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConceptSourceSpec:
    """A kind of concept source: `build(data, **options)` returns a `ConceptSource`."""

    name: str
    summary: str
    build: Callable[..., ConceptSource]


@dataclass(frozen=True)
class LocalizerSpec:
    """A kind of localizer: `build(**options)` returns a `Localizer`, or a function that can be called as one.

    Attributes:
        name: What `interpreter.localize(…, localizer=…)` takes.
        summary: One line.
        build: As above.
        suits: `suits(translator)` says how well it suits a fitted model, for localizer="auto": the largest number
            wins, and of equal numbers the plugin registered last. A localizer for all models says 1. If there is no
            `suits`, or it says None or 0, the localizer is chosen by name only.
        quick: Options of `build` when "auto" chooses it and time is short, as in reports, which show many factors.
    """

    name: str
    summary: str
    build: Callable[..., LocalizerFunction]
    suits: Callable[[Any], float | None] | None = None
    quick: Mapping[str, Any] = field(default_factory=dict, hash=False)


Suits = Literal["any", "classes", "numbers", "none"]
"""Which values of concepts a metric takes; see `MetricSpec`."""


@dataclass(frozen=True)
class MetricSpec:
    """A score of codes against known factors: `evaluate(codes (N, D), factors (N, K))` returns a `Score`.

    Both arrays are float64. `evaluate` also receives those of these keywords that it takes: `groups`, the dimensions of
    each factor's code, a list of slices, the residual's last; `seed`; and, if samples come in groups (variants of one
    image) that must not be split, `test`, codes and factors of other samples to test on, with `resamples=0`. Further
    keywords are options that users give.

    Attributes:
        name: What `interpreter.scores(names=…)` takes.
        summary: One line, which says whether high or low is good.
        evaluate: As above.
        suits: What the columns of `factors` are. "classes": a class number for each concept, numbers cut into bins;
            "numbers": the concepts that are numbers (angles as cosine and sine); "any": all of them, categories by
            number; "none": nothing, (N, 0). A metric without such values is left out, and the reason is given.
        quick: It takes less than about a second for some thousand samples, so every report shows it.
        fewest_concepts: With values of fewer concepts it says nothing, and is left out with that reason: a score that
            asks which of several concepts a code tells is 1 for any code if there is one concept alone.
    """

    name: str
    summary: str
    evaluate: Callable[..., Score]
    suits: Suits = "any"
    quick: bool = True
    fewest_concepts: int = 1


@dataclass(frozen=True)
class ReportSectionSpec:
    """A section of the report: `render(explanation)` returns a `Section`, or None to leave it out."""

    name: str
    summary: str
    render: Callable[[Any], Section | None]
