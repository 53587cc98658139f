"""The records that plugins contribute; each can be listed without building anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from interpret_inn.types.arrays import FloatArray
from interpret_inn.types.localizers import LocalizerFunction
from interpret_inn.types.results import Score, Section
from interpret_inn.types.sources import ConceptSource


@dataclass(frozen=True)
class BackboneSpec:
    """A way to adapt models: `adapt(model_or_name, site)` returns a `Backbone`, or None for "not mine".

    Attributes:
        name: What `wrap(model, backbone=...)` takes.
        summary: One line.
        adapt: As above; further options are keywords of `wrap`.
        claims: `claims(model_or_name, site)` says whether to ask `adapt` where no backbone is named; None:
            always. What cannot be told from the model itself (a generator) says no.
    """

    name: str
    summary: str
    adapt: Callable[..., Any]
    claims: Callable[[Any, Any], bool] | None = None


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


@dataclass(frozen=True)
class MetricSpec:
    """A score of codes against factors: `evaluate(codes (N, D), factors (N, K))` returns a `Score`."""

    name: str
    summary: str
    evaluate: Callable[[FloatArray, FloatArray], Score]


@dataclass(frozen=True)
class ReportSectionSpec:
    """A section of the report: `render(explanation)` returns a `Section`, or None to leave it out."""

    name: str
    summary: str
    render: Callable[[Any], Section | None]
