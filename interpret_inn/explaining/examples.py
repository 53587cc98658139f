"""Single inputs: the value of each factor in them, its effect, and predictions in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from interpret_inn.effects.changes import OutputKind, Target
from interpret_inn.explaining.output_pictures import picture_of
from interpret_inn.explaining.records import (
    Example,
    ExampleFactor,
    Neighbours,
    Outcome,
    Picture,
    Traversal,
)
from interpret_inn.explaining.survey import Survey
from interpret_inn.translating.translator import REACH, Translator
from interpret_inn.types import Factor, FloatArray
from interpret_inn.types.concepts import class_name

_TRAVERSED, _TRAVERSAL_STEPS = 3, 9  # examples that are traversed, and positions of each
_CURVES = 4  # classes whose probabilities a traversal shows
_STOPS = np.linspace(-2, 2, 7)  # standard deviations: 95 % of normal data lie between the outer ones
_PER_STOP = 4  # inputs that are shown at each stop
_TOP = 3  # classes that a prediction names


def describe_examples(translator: Translator, survey: Survey, *, target: Target) -> tuple[Example, ...]:
    """A record for each example: its factors, and the prediction after each factor's swap."""
    batch, names = survey.examples, translator.backbone.class_names
    base = outcomes(batch.primary_outputs(), kind=survey.kind, names=names, target=target)
    donors = _donors(base)
    factors: list[dict[str, ExampleFactor]] = [{} for _ in donors]
    pictures: list[dict[str, Picture]] = [{} for _ in donors]
    for factor in translator.factors:
        swapped = batch.with_factor(factor, batch.codes[donors][..., factor.slice]).primary_outputs()
        after = outcomes(swapped, kind=survey.kind, names=names, target=target)
        rows = _factor_rows(translator, survey, factor, after, donors)
        for index, row in enumerate(rows):
            factors[index][factor.name] = row
            if survey.kind == "image":
                pictures[index][factor.name] = picture_of(swapped[index], *survey.value_range)
    return tuple(
        Example(
            name=survey.names[i],
            picture=survey.pictures[i] if survey.pictures else None,
            prediction=base[i],
            factors=factors[i],
            edited=pictures[i],
        )
        for i in range(len(batch))
    )


def _donors(base: list[Outcome]) -> list[int]:
    """For every example the next one (in a ring) with another prediction; else simply the next."""
    found = []
    for i, outcome in enumerate(base):
        ring = [(i + step) % len(base) for step in range(1, len(base))]
        other = [j for j in ring if base[j].labels[:1] != outcome.labels[:1]]
        found.append((other or ring or [i])[0])
    return found


def _factor_rows(
    translator: Translator, survey: Survey, factor: Factor, after: list[Outcome], donors: list[int]
) -> list[ExampleFactor]:
    """One factor in each example, with the predictions after its swap."""
    axis = translator.axes_of_inputs[factor.name]
    codes = survey.examples.codes
    positions = axis.position(_whole(codes)[:, factor.slice]).cpu()
    percentiles = axis.percentile(positions)
    labels = predicted_values(translator, factor.name, codes)
    flips = dict(zip(survey.order, survey.redraw_effects[factor.name].flip.tolist(), strict=True))
    return [
        ExampleFactor(
            value=float(positions[i]),
            percentile=float(percentiles[i]),
            label=labels[i],
            resample_flip=flips.get(i, float("nan")),
            swap=after[i],
            donor=donors[i],
        )
        for i in range(len(codes))
    ]


def _whole(codes: Tensor) -> Tensor:
    """Codes (n, D), or means over positions of (n, P, D)."""
    return codes if codes.ndim == 2 else codes.mean(1)


def neighbours(translator: Translator, survey: Survey) -> dict[str, Neighbours]:
    """The inputs nearest to seven stops along each factor's main direction."""
    found = {}
    for factor in translator.factors:
        axis = translator.axes_of_inputs[factor.name]
        width = min(factor.stop, survey.codes.shape[1]) - factor.start
        codes = torch.nn.functional.pad(
            survey.codes[:, factor.start : factor.start + width], (0, factor.size - width)
        )
        positions = axis.position(codes).numpy()
        nearest = np.abs(positions[None] - _STOPS[:, None]).argsort(1)[:, :_PER_STOP]
        shown = survey.pictures
        rows = [[shown[i] for i in row] for row in nearest] if shown else []
        labels = _predicted(translator, factor.name, survey.probe_inputs)
        texts = [[labels[i] for i in row] for row in nearest] if any(labels) else []
        found[factor.name] = Neighbours(
            positions=_STOPS.astype(np.float64),
            indices=nearest.astype(np.int64),
            pictures=tuple(tuple(row) for row in rows),
            values=tuple(tuple(row) for row in texts),
        )
    return found


def traversals(translator: Translator, survey: Survey, *, target: Target) -> dict[str, tuple[Traversal, ...]]:
    """By factor, the outputs of the first examples while it moves along its main direction."""
    positions = torch.linspace(-REACH, REACH, _TRAVERSAL_STEPS)
    first = survey.examples.take(slice(0, _TRAVERSED))
    before, found = first.primary_outputs(), {}
    for factor in translator.factors:
        outputs = first.traversed(factor, positions).outputs()
        here = translator.axes[factor.name].position(_whole(first.codes)[:, factor.slice]).tolist()
        curves = (
            _traversal(translator, survey, index, positions, before[index], outputs[:, index], target)
            for index in range(len(first))
        )
        found[factor.name] = tuple(replace(curve, here=own) for curve, own in zip(curves, here, strict=True))
    return found


def _traversal(
    translator: Translator,
    survey: Survey,
    index: int,
    positions: Tensor,
    before: Tensor,
    outputs: Tensor,
    target: Target,
) -> Traversal:
    """One traversal from the output before it, (...), and the outputs along it, (S, ...)."""
    steps: FloatArray = positions.double().numpy()
    if survey.kind == "classes" and not callable(target):
        shares = outputs.double().softmax(1)
        leading = shares.argmax(1).unique().tolist()
        leading.sort(key=lambda c: -float(shares[:, c].max()))
        shown = leading[:_CURVES]
        if len(shown) == 1:  # a straight line alone says little: add the runner-up
            shown.append(next(c for c in shares.amax(0).argsort(descending=True).tolist() if c not in shown))
        names = tuple(class_name(c, translator.backbone.class_names) for c in shown)
        return Traversal(index, steps, names, shares[:, shown].numpy())
    pictures: tuple[Picture, ...] = ()
    if survey.kind == "image":
        pictures = tuple(picture_of(image, *survey.value_range) for image in outputs)
        if not callable(target):
            change = (outputs - before).double().flatten(1).square().mean(1).sqrt()
            return Traversal(index, steps, ("change",), change[:, None].numpy(), pictures)
    values = [outcome.values[0] for outcome in outcomes(outputs, kind="scalar", names=None, target=target)]
    name = "score" if callable(target) else "output"
    return Traversal(index, steps, (name,), np.asarray(values, np.float64)[:, None], pictures)


def outcomes(
    outputs: Tensor, *, kind: OutputKind, names: Sequence[str] | None, target: Target = None
) -> list[Outcome]:
    """Outputs (B, ...) in a few words: the top classes with their probabilities, or a number; nothing for images."""
    if kind == "classes":
        values, classes = outputs.double().softmax(1).topk(min(_TOP, outputs.shape[1]))
        return [
            Outcome(tuple(class_name(c, names) for c in row), tuple(map(float, shares)))
            for row, shares in zip(classes.tolist(), values.tolist(), strict=True)
        ]
    if callable(target):
        return [Outcome(("score",), (float(v),)) for v in torch.as_tensor(target(outputs)).flatten()]
    if kind == "image":
        return [Outcome((), ()) for _ in outputs]
    column = outputs.reshape(len(outputs), -1)[:, target or 0]
    return [Outcome(("output",), (float(v),)) for v in column]


def predicted_values(translator: Translator, name: str, codes: Tensor) -> list[str]:
    """The linear probe's predictions of a concept, as text; empty without values of it.

    Args:
        translator: Backbone and flow.
        name: Of the concept.
        codes: Of n inputs, float (n, d), or (n, P, d) at positions.
    """
    read = translator.probe_input(codes.to(translator.fitted.reference_codes))
    return _predicted(translator, name, read.cpu())


def _predicted(translator: Translator, name: str, read: Tensor) -> list[str]:
    """The same from what probes read, (n, d)."""
    concept = next((c for c in translator.fitted.concepts if c.name == name and c.values is not None), None)
    if concept is None:
        return [""] * len(read)
    return [concept.text(value) for value in translator.probe(name).predict(read.numpy())]
