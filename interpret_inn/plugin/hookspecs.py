"""Every hook that a plugin can implement, with its exact arguments and an example.

A plugin is a module, or an instance of a class, that holds functions of these names marked with `hookimpl`.
The contributing hooks take nothing and give frozen records (`interpret_inn.types`), each with a `name` and a
one-line `summary`, so that everything can be listed without building anything. The observing hooks, whose
names begin with `inn_after_`, are told what happened and return nothing.

The built-in plugins use the same hooks. `docs/hooks.md` shows each of them in a program.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from interpret_inn.types import (
    BackboneSpec,
    ConceptSourceSpec,
    FitStep,
    LocalizerSpec,
    MetricSpec,
    ReportSectionSpec,
)

if TYPE_CHECKING:
    from interpret_inn.explaining.records import Explanation

GROUP = "interpret_inn"
"""The group of entry points in which plugins are found, and the name of the pluggy project."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a function of a plugin as the implementation of the hook of the same name."""


@hookspec
def inn_backbones() -> Iterable[BackboneSpec]:
    """Contributes ways to adapt models, for `inn.wrap`.

    `adapt(model_or_name, site)` is called with what the user gave (an `nn.Module` or a name such as
    `"mine:small"`) and a site or None; it returns a `Backbone`, or None for "not mine".

    Example:
        ```python
        @inn.hookimpl
        def inn_backbones():
            yield BackboneSpec("mine", "Models of my laboratory, by name.", adapt)
        ```
    """
    raise NotImplementedError


@hookspec
def inn_concept_sources() -> Iterable[ConceptSourceSpec]:
    """Contributes kinds of concept sources, for `Interpreter.fit` and `inn.concept_source`.

    `build(data, **options)` returns a `ConceptSource`, or a plain object with its needed members.

    Example:
        ```python
        @inn.hookimpl
        def inn_concept_sources():
            yield ConceptSourceSpec("brightness", "Pairs of images that are equally bright.", Brightness)
        ```
    """
    raise NotImplementedError


@hookspec
def inn_localizers() -> Iterable[LocalizerSpec]:
    """Contributes kinds of localizers: where in the image a factor acts.

    `build(**options)` returns a callable: `localizer(translator, inputs, factor)` gives masks
    (B, 1, H, W) in [0, 1] and changes nothing in the translator. `suits` and `quick` are for localizer="auto".

    Example:
        ```python
        @inn.hookimpl
        def inn_localizers():
            yield LocalizerSpec("gradients", "Absolute gradient of a factor at the input.", Gradients)
        ```
    """
    raise NotImplementedError


@hookspec
def inn_metrics() -> Iterable[MetricSpec]:
    """Contributes scores of codes against known factors, for `Interpreter.scores` and the report.

    `evaluate(codes (N, D), factors (N, K))`, both float64, returns a `Score`. It is given `groups`, `seed`, `test` and
    `resamples` if it takes them by name (see `MetricSpec`); further keywords are options.

    Example:
        ```python
        @inn.hookimpl
        def inn_metrics():
            yield MetricSpec("mig", "Mutual information gap.", mutual_information_gap)
        ```
    """
    raise NotImplementedError


@hookspec
def inn_report_sections() -> Iterable[ReportSectionSpec]:
    """Contributes sections of the report.

    `render(explanation)` returns a `Section` (escape what is not markup), or None to leave it out.

    Example:
        ```python
        @inn.hookimpl
        def inn_report_sections():
            yield ReportSectionSpec("samples", "How many samples were tested.", render)
        ```
    """
    raise NotImplementedError


@hookspec
def inn_after_fit_step(step: FitStep) -> None:
    """Observes a fit: called after each validation. What it raises becomes a warning, the fit goes on.

    Example:
        ```python
        @inn.hookimpl
        def inn_after_fit_step(step):
            log.info("%d of %d: %.4f nats", step.step, step.steps, step.validation)
        ```
    """


@hookspec
def inn_after_explain(explanation: Explanation) -> None:
    """Observes explanations: called with each one when it is finished. What it raises becomes a warning.

    Example:
        ```python
        @inn.hookimpl
        def inn_after_explain(explanation):
            log.info("%s: %d factors", explanation.model, len(explanation.factors))
        ```
    """
