"""Puts an explanation together: scores of the test split, checks, redraws, examples, and what to distrust."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from interpret_inn._version import __version__
from interpret_inn.effects.changes import Target
from interpret_inn.errors import EditError
from interpret_inn.explaining.checks import BatchChecks, check_batch, join_checks
from interpret_inn.explaining.doubts import warnings_of
from interpret_inn.explaining.evaluation import Evaluation
from interpret_inn.explaining.evidence import Checks
from interpret_inn.explaining.examples import describe_examples, neighbours, traversals
from interpret_inn.explaining.flow_record import flow_record
from interpret_inn.explaining.records import Explanation, Place, Redraw
from interpret_inn.explaining.redraws import distance_to_data, redraw_of
from interpret_inn.explaining.saturation import saturation
from interpret_inn.explaining.survey import Survey, survey
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Gallery

Further = Callable[[Translator, Survey], Sequence[Gallery]]
"""Makes more pictures of the examples, within the model's session."""
Locate = Callable[[Survey], Sequence[Place]]
"""Finds where factors act in the examples, outside any session of the model."""


@torch.no_grad()
def explain(
    translator: Translator,
    evaluation: Evaluation,
    inputs: Any,
    *,
    target: Target,
    examples: int,
    resamples: int | None,
    seed: int,
    further: Further,
    locate: Locate | None,
) -> Explanation:
    """Explains inputs with a fitted interpreter; see `Interpreter.explain`."""
    began = time.perf_counter()
    found = survey(translator, inputs, target=target, resamples=resamples, examples=examples, seed=seed)
    redraws = {factor.name: _redraw(translator, found, factor.name, seed) for factor in translator.factors}
    checks = join_checks(found.checks)
    with translator.backbone.session():
        described = describe_examples(translator, found, target=target)
        traversed = traversals(translator, found, target=target)
        galleries = further(translator, found)
    places = tuple(locate(found)) if locate else ()
    backbone, fitted = translator.backbone, translator.fitted
    explanation = Explanation(
        model=backbone.name,
        backbone=backbone.kind,
        site=str(backbone.address),
        layout=str(fitted.layout),
        shape=fitted.z_shape,
        axes=(fitted.factors.total, fitted.network.shape.leading),
        split=fitted.split,
        checks=checks,
        factors=evaluation.summaries,
        leakage=evaluation.leakage,
        redraws=redraws,
        examples=described,
        maps=evaluation.maps,
        neighbours=neighbours(translator, found),
        traversals=traversed,
        drifts=evaluation.drifts,
        timings=_timings(fitted.timings, time.perf_counter() - began),
        warnings=(
            *fitted.notes,
            *_lost_tail(translator),
            *_unknown_range(translator, found),
            *saturation(found.outputs, found.kind, redraws),
        ),
        skipped=found.skipped,
        versions=_versions() | {"seed": str(fitted.seed)},
        galleries=tuple(galleries),
        places=places,
        scores=evaluation.scores,
        preprocess=backbone.preprocess.to_dict(),
        flow=flow_record(fitted),
        refits=evaluation.refits,
        erasure=evaluation.erasure,
    )
    return dataclasses.replace(explanation, warnings=warnings_of(explanation))


def check_counts(examples: int, resamples: int | None) -> None:
    """Refuses numbers of examples and of edits that show nothing.

    Raises:
        EditError: one of them is below 1.
    """
    if examples < 1:
        raise EditError(f"Expected at least 1 example to show, found {examples}.")
    if resamples is not None and resamples < 1:
        raise EditError(f"Expected at least 1 resample of each input, found {resamples}.")


def check(translator: Translator, inputs: Any, *, progress: Callable[[int], object] | None = None) -> Checks:
    """Only the checks, on all inputs that are given; `progress` is told how many are done after every batch."""
    found: list[BatchChecks] = []
    with translator.backbone.session():
        for batch in translator.batches(inputs):
            found.append(check_batch(batch, seed=0))
            if progress is not None:
                progress(sum(part.inputs for part in found))
    return join_checks(found)


def _redraw(translator: Translator, found: Survey, name: str, seed: int) -> Redraw:
    fitted = translator.fitted
    # Distances are measured in the representation. In the code, samples that the flow was fitted to lie closer
    # together than others, and even unedited codes of new inputs would count as far away.
    reference = translator.white(fitted.reference_codes)
    edited = translator.white(found.edited[name].to(fitted.reference_codes))
    away = distance_to_data(edited, reference, groups=fitted.reference_groups, seed=seed)
    effects = found.redraw_effects[name]
    beside = found.slice_effects.get(name)
    return redraw_of(effects, found.kind, beside=beside, groups=found.groups, left_data=away, seed=seed)


def _timings(fit: Mapping[str, float], explaining: float) -> dict[str, float]:
    timings = {**fit, "explain": explaining}
    return timings | {"total": sum(timings.values())}


def _lost_tail(translator: Translator) -> list[str]:
    """Says that the layers after the site do not make all outputs, if this was ever found."""
    if not translator.backbone.lost_tail:
        return []
    return [
        "For some inputs the output does not come from the site alone: the model has another rule for them. Redraws "
        "therefore go through the whole model, fewer of them. If the fit was led by outputs (the order of factors, "
        "say), it knew nothing of this rule."
    ]


def _unknown_range(translator: Translator, found: Survey) -> list[str]:
    """Says how images are shown, if their range of values is not known."""
    if found.kind != "image" or translator.backbone.value_range is not None:
        return []
    low, high = found.value_range
    return [
        f"The range of the model's images is not known. They are shown from {low:.3g} (black) to {high:.3g} (white), "
        "as found. Give the range to the backbone: value_range=(0, 1)."
    ]


def _versions() -> dict[str, str]:
    found = {"interpret-inn": __version__}
    for package in ("torch", "timm", "nflows"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
