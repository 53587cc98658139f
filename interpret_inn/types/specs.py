"""The records that plugins contribute; each can be listed without building anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from interpret_inn.types.arrays import FloatArray
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
    """A kind of localizer: `build(**options)` returns an object that gives masks (B, 1, H, W) in [0, 1]."""

    name: str
    summary: str
    build: Callable[..., Any]


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
