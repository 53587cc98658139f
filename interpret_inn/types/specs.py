"""The records that plugins contribute; each can be listed without building anything."""

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
        claims: `claims(model_or_name, site)` says whether to ask `adapt` where no backbone is named; None:
            always. What cannot be told from the model itself (a generator) says no.
        restored: Names of options that `load` may take from a saved interpreter though they are text: `adapt`
            opens nothing and calls nothing by them. Numbers, booleans and lists of them are always taken.
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
            wins, and of equal ones that of the plugin registered last; None or 0: only by name. A localizer for
            all models says 1. Without `suits` it is chosen by name only.
        quick: Options of `build` where "auto" chose it and time is short, as in reports, which show many factors.
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

    Both arrays are float64. What `evaluate` takes by these names it is given beside them: `groups`, the dimensions of
    each factor's code, a list of slices, the residual's last; `seed`; `test`, codes and factors of other samples to
    test on, where samples come in groups (variants of one image) that must not be split, and then
    `resamples=0`. Further keywords are options that users give.

    Attributes:
        name: What `interpreter.scores(names=…)` takes.
        summary: One line; it says which end is good.
        evaluate: As above.
        suits: What the columns of `factors` are. "classes": a class number for each concept, numbers cut into bins;
            "numbers": the concepts that are numbers (angles as cosine and sine); "any": all of them, categories by
            number; "none": nothing, (N, 0). A metric without such values is left out, and the reason is given.
        quick: Takes less than about a second on some thousand samples, so that every report shows it.
        fewest_concepts: With values of fewer concepts it says nothing, and is left out with that reason: a score that
            asks which of several concepts a code tells is 1 whatever the code, if there is one alone.
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
