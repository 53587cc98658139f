"""How long the axes of a fit are: traversal perceptual length through the flow and the rest of the model."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor
from tqdm import tqdm

from interpret_inn.backbones import Backbone, primary, rule_of_its_own
from interpret_inn.data import is_stream, samples, stream
from interpret_inn.errors import BackboneError, InputError, warn
from interpret_inn.explaining.chosen_inputs import spread_evenly
from interpret_inn.explore.sampling import has_run
from interpret_inn.metrics.traversals import Distance, TraversalLengths, multi_scale_pixels
from interpret_inn.metrics.traversals.lengths import check_traversals, distances_of, summed_up
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.translator import HasTranslator, Translator, translator_of
from interpret_inn.types import FloatArray

STARTS, STEPS, SPAN, AT_ONCE, THRESHOLD = 10, 24, 4.0, 128, 0.1
"""The arguments of `lengths` and `select` that the caller leaves out; starts and steps are the published ones."""


class TraversalSettings(NamedTuple):
    """How axes are traversed; see `lengths`."""

    distance: Distance = multi_scale_pixels
    steps: int = STEPS
    span: float = SPAN
    at_once: int = AT_ONCE


@torch.no_grad()
def lengths(
    interpreter: HasTranslator,
    *,
    inputs: Any = None,
    distance: Distance = multi_scale_pixels,
    starts: int = STARTS,
    steps: int = STEPS,
    span: float = SPAN,
    threshold: float = THRESHOLD,
    relative: bool = True,
    residual: bool = True,
    at_once: int = AT_ONCE,
    seed: int = 0,
) -> TraversalLengths:
    """Traversal perceptual length of a fit: how far images move along each axis of its code; less is simpler.

    Zhu, Xu and Tao, "Where and What?" (2021), section 4.3, for codes that a flow translates: from each starting point
    every axis is traversed, all else kept, back through the flow and on through the model, and the distances of
    neighbouring images are summed. A traversal reaches `span` standard deviations to either side of the mean of the
    stored codes along that axis: directions that hardly vary are hardly traversed. At positions, all positions are
    put at the same place.

    All axes that enter the flow's blocks count, the residual's among them; otherwise a fit could be short by naming few
    factors. The fit itself fixes factors and not single axes: it may rotate the axes within a factor, and so change its
    length.

    Args:
        interpreter: A fitted interpreter of a model that makes images.
        inputs: Inputs to start from, of which up to `starts` are taken, spread evenly. None: inputs that the model
            draws itself, else codes that the fit stored.
        distance: Of two batches of images, which are where the model is; its units are the score's.
        starts: Number of starting points.
        steps: Images on each traversal.
        span: How far a traversal reaches to either side, in standard deviations of the stored codes.
        threshold: Length that an axis needs to count.
        relative: The threshold is a share of the median axis' length (and a hundredth of the longest at least);
            False: it is a length itself.
        residual: Traverse the residual, too; without it, fits with different factors cannot be compared.
        at_once: Images in one forward.
        seed: Of the starting points and the interval.

    Returns:
        The score and what it is made of; `factors` says what each axis belongs to. 0 if no axis moves the images.

    Raises:
        BackboneError: the model makes no images.
        InputError: numbers that cannot be used, or inputs are needed to start from.
        NotFittedError: before `fit`.

    Warns:
        InnWarning: no axis moves the images.
    """
    check_traversals(steps=steps, at_once=at_once, span=span, threshold=threshold)
    check_starts(starts)
    translator = translator_of(interpreter)
    with translator.backbone.session():
        start = _start(translator, inputs, starts, seed)
        axes = traversed_axes(translator, residual=residual)
        each = axis_lengths(start, axes, TraversalSettings(distance, steps, span, at_once))
    found = summed_up(
        each, threshold=threshold, relative=relative, seed=seed, factors=owners(translator, axes)
    )
    if not found.active.any():
        warn(
            f"No axis of the code moves the images of {translator.backbone.name}: its length is 0, and says nothing."
        )
    return found


def traversed_axes(translator: Translator, *, residual: bool = True) -> range:
    """The axes that are traversed: all that enter the flow's blocks; without the residual, the named factors' axes."""
    return range(translator.fitted.network.shape.leading if residual else translator.factors[-1].start)


def owners(translator: Translator, axes: Sequence[int]) -> tuple[str, ...]:
    """The factor that each axis belongs to."""
    return tuple(next(f.name for f in translator.factors if f.start <= axis < f.stop) for axis in axes)


def axis_lengths(start: Batch, axes: Sequence[int], settings: TraversalSettings) -> FloatArray:
    """Length of the traversal along each of K axes from each of S starting points, float64 (S, K).

    A batch holds one step of many traversals, each in the same row in every step: a model that draws noise by rows
    in its forward draws the same for a traversal in each step.

    Raises:
        BackboneError: the outputs are no images.
        InputError: a distance that gives anything but finite numbers (B,).
    """
    count = len(start)
    moved = torch.tensor(axes).repeat_interleave(count)
    begun = torch.arange(count).repeat(len(axes))
    parts = list(zip(moved.split(settings.at_once), begun.split(settings.at_once), strict=True))
    with start.translator.backbone.session():
        bar = tqdm(parts, desc="lengths", disable=None, leave=False)
        found = [_summed(start.take(rows), axis, settings) for axis, rows in bar]
    return np.asarray(torch.cat(found).reshape(len(axes), count).T)


def _summed(start: Batch, axis: Tensor, settings: TraversalSettings) -> Tensor:
    """Lengths, float64 (B,), of traversals from B starting points, each along its own axis, int64 (B,)."""
    reference = start.translator.fitted.reference_codes
    mean, spread = (of.to(start.codes)[axis] for of in (reference.mean(0), reference.std(0, correction=0)))
    moved = torch.nn.functional.one_hot(axis, start.codes.shape[-1]).bool().to(start.codes.device)
    shape = (len(axis), *[1] * (start.codes.ndim - 1))
    moved = moved.reshape(*shape[:-1], -1)
    total, before = torch.zeros(len(axis), dtype=torch.float64), None
    for place in torch.linspace(-settings.span, settings.span, settings.steps).tolist():
        codes = torch.where(moved, (mean + place * spread).reshape(shape), start.codes)
        images = primary(start.with_codes(codes).outputs()).detach()
        if images.ndim != 4:
            raise BackboneError(
                f"Expected a model that makes images (B, C, H, W) to measure traversals by, found outputs "
                f"{tuple(images.shape)} of {start.translator.backbone.name}. Generators and autoencoders make some."
            )
        if before is not None:
            total += distances_of(settings.distance, before, images).cpu().double()
        before = images
    return total


def check_starts(starts: int, *, least: int = 1) -> None:
    """Refuses what is no number of starting points.

    Raises:
        InputError: no whole number, or one below `least`.
    """
    if isinstance(starts, bool) or not isinstance(starts, numbers.Integral) or starts < least:
        raise InputError(f"Expected starts to be a whole number, at least {least}, found {starts!r}.")


def _start(translator: Translator, inputs: Any, starts: int, seed: int) -> Batch:
    """The inputs to start from; see `lengths`."""
    given = drawn_by(translator.backbone, starts, seed=seed) if inputs is None else some_of(inputs, starts)
    if given is not None:
        return translator.whole(given)
    z = stored(translator, starts, seed=seed)
    return translator.at(z, z)


def some_of(inputs: Any, count: int) -> Any:
    """Up to `count` inputs as one batch, spread evenly over those given; of a stream the first.

    Raises:
        DataError: the inputs cannot be read.
        InputError: an empty stream.
    """
    if is_stream(inputs):
        for batch in stream(inputs, count):
            return batch[:count]
        raise InputError("Expected at least one input, found none.")
    found = samples(inputs)
    return found.take(spread_evenly(len(found), count))


def drawn_by(backbone: Backbone, count: int, *, seed: int) -> Tensor | None:
    """Inputs of the model's own, (count, ...), as `Interpreter.sample_inputs` draws them; None if it has none."""
    return None if backbone.sample_inputs is None else backbone.draw_inputs(count, seed=seed)


def stored(translator: Translator, count: int, *, seed: int) -> Tensor:
    """Representations (count, ...) of reference codes, as starting points of models whose outputs need nothing else.

    If there are fewer codes than `count`, some come twice.

    Raises:
        InputError: outputs need more than codes, or the model has not run yet.
    """
    backbone, reference = translator.backbone, translator.fitted.reference_codes
    if (
        translator.fitted.layout.name not in ("vector", "flat")
        or not has_run(translator)
        or not backbone.has_tail
    ):
        raise InputError(
            f"Expected inputs to start the traversals from, found none: {backbone.name} draws none of its own, and "
            "codes alone do not make its outputs, or nothing has run through it yet. Type inputs=images. "
            + rule_of_its_own(backbone)
        )
    order = torch.randperm(len(reference), generator=Generator().manual_seed(seed))
    codes = reference[order.repeat(-(-count // len(reference)))[:count].to(reference.device)]
    return translator.invert(
        torch.nn.functional.pad(codes, (0, translator.factors.total - codes.shape[1])), None
    )
