"""Latent traversals of one factor: along its main direction, through the classes' mean codes, and at random."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from interpret_inn.errors import EditError
from interpret_inn.explore.sampling import spread_of
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.translator import HasTranslator, Translator, positions_of, translator_of
from interpret_inn.types import Factor

BETWEEN = 4
"""Steps from one class to the next, unless the caller says how many."""


@torch.no_grad()
def traverse(
    interpreter: HasTranslator,
    inputs: Any,
    factor: str,
    *,
    steps: int | Sequence[float] = 9,
    hold: Sequence[str] = (),
) -> Tensor:
    """Outputs while one factor moves along its main direction: as `interpreter.traverse`, with `hold`.

    Args:
        interpreter: A fitted interpreter.
        inputs: `B` inputs.
        factor: The factor to move.
        steps: Positions in standard deviations of the data, (S,); or how many, from −2.5 to 2.5.
        hold: Concepts whose prediction by the probe is to stay as it is in the input.

    Returns:
        (S, B, …): primary outputs, on the CPU.

    Raises:
        ConceptError: there is no such factor or concept.
        EditError: no step at all, or `hold` names the factor that moves.
    """
    translator = translator_of(interpreter)
    chosen, positions = translator.factors[factor], positions_of(steps)
    return _along(translator, inputs, lambda batch: batch.traversed(chosen, positions, hold=hold))


@torch.no_grad()
def class_traversal(
    interpreter: HasTranslator,
    inputs: Any,
    factor: str,
    *,
    classes: Sequence[str] | None = None,
    steps: int | None = None,
    hold: Sequence[str] = (),
) -> Tensor:
    """Outputs while one factor goes straight from the mean code of each class to the next class's.

    Args:
        interpreter: A fitted interpreter.
        inputs: `B` inputs; they keep all other factors.
        factor: A factor of a categorical concept.
        classes: Names of its classes, in order; None: all that were seen in the fit.
        steps: Steps in all, evenly spread, the first at the first class and the last at the last one; None:
            4 from each class to the next.
        hold: Concepts whose prediction by the probe is to stay as it is in the input.

    Returns:
        (S, B, …): primary outputs, on the CPU.

    Raises:
        ConceptError: there is no such factor or concept.
        EditError: the factor has no classes or none of that name, no step at all, or `hold` names the factor.
    """
    translator = translator_of(interpreter)
    chosen = translator.factors[factor]
    if isinstance(classes, str):
        raise EditError(f"Expected a list of classes, found {classes!r}. Type classes=[{classes!r}, …].")
    names = seen_classes(translator, chosen) if classes is None else tuple(classes)
    if not names:
        raise EditError("Expected at least one class to move to, found none.")
    count = BETWEEN * (len(names) - 1) + 1 if steps is None else _at_least_one(steps)
    path = through([translator.class_code(chosen, name) for name in names], count)
    return _along(translator, inputs, lambda batch: batch.with_path(chosen, path, hold=hold))


@torch.no_grad()
def random_walk(
    interpreter: HasTranslator,
    inputs: Any,
    factor: str,
    *,
    steps: int = 24,
    step_size: float = 0.15,
    seed: int = 0,
    hold: Sequence[str] = (),
) -> Tensor:
    """Outputs along an Ornstein–Uhlenbeck random walk of one factor: at random, but never far from the data.

    With μ and Σ the mean and covariance of the factor's stored codes and a = exp(−step_size), each step is
    `x ← μ + a (x − μ) + sqrt(1 − a²) Σ^½ ε`, ε ~ N(0, I): the process dx = (μ − x) dt + sqrt(2 Σ) dW, exactly,
    at times that are `step_size` apart. Its stationary distribution is N(μ, Σ). At positions all of an input's
    positions are moved by the same draws.

    Args:
        interpreter: A fitted interpreter.
        inputs: `B` inputs; each walks on its own, from its own code.
        factor: The factor that walks.
        steps: `S`, counted with the start.
        step_size: In units of the time after which a walk has forgotten all but 1/e of its start.
        seed: Of the walk; the same seed gives the same walk.
        hold: Concepts whose prediction by the probe is to stay as it is in the input.

    Returns:
        (S, B, …): primary outputs, on the CPU; the first are those of the inputs themselves.

    Raises:
        ConceptError: there is no such factor or concept.
        EditError: no step at all, a step size that is not positive, or `hold` names the factor.
    """
    translator = translator_of(interpreter)
    chosen, count = translator.factors[factor], _at_least_one(steps)
    if not (isinstance(step_size, int | float) and math.isfinite(step_size) and step_size > 0):
        raise EditError(f"Expected a positive step_size, found {step_size!r}. Type step_size=0.15.")
    generator = Generator().manual_seed(seed)

    def moved(batch: Batch) -> Batch:
        start = batch.codes[..., chosen.slice]
        path = wander(translator, chosen, start, count, step_size=step_size, generator=generator)
        return batch.with_factor(chosen, path, hold=hold)

    return _along(translator, inputs, moved)


def _along(translator: Translator, inputs: Any, moved: Callable[[Batch], Batch]) -> Tensor:
    """Primary outputs (S, B, ...) for S variants of each input."""
    with translator.backbone.session():
        return torch.cat([moved(batch).primary_outputs() for batch in translator.batches(inputs)], 1)


def wander(
    translator: Translator,
    factor: Factor,
    start: Tensor,
    steps: int,
    *,
    step_size: float,
    generator: Generator,
) -> Tensor:
    """The random walk itself: (S, B, ..., size) from the factor's codes (B, ..., size)."""
    spread = spread_of(translator.fitted, factor.start, factor.stop)
    mean, keep = spread.mean.to(start), math.exp(-step_size)
    path = [start]
    for _ in range(steps - 1):
        noise = spread.noise(len(start), generator).to(start)
        noise = noise.reshape(len(start), *[1] * (start.ndim - 2), factor.size)
        path.append(mean + keep * (path[-1] - mean) + math.sqrt(1 - keep**2) * noise)
    return torch.stack(path)


def through(stops: Sequence[Tensor], steps: int) -> Tensor:
    """Points (S, d) evenly spread over the straight lines that join stops (d,), the ends included."""
    places = torch.linspace(0, len(stops) - 1, steps, dtype=torch.float64)
    whole = places.floor().long().clamp_max(max(len(stops) - 2, 0))
    share = (places - whole)[:, None].to(stops[0])
    line = torch.stack([*stops, stops[-1]])
    return (1 - share) * line[whole] + share * line[whole + 1]


def seen_classes(translator: Translator, factor: Factor) -> tuple[str, ...]:
    """The classes of the factor's concept that stored samples have.

    Raises:
        EditError: the factor has no classes.
    """
    concept = translator.fitted.concept(factor)
    if concept is None or not concept.classes or concept.values is None:
        raise EditError(
            f"A class traversal goes through the mean codes of classes, and the factor {factor.name!r} has none. "
            f"Type traverse(interpreter, inputs, {factor.name!r}) to move it along its main direction."
        )
    present = set(concept.values.tolist())
    return tuple(name for index, name in enumerate(concept.classes) if index in present)


def _at_least_one(steps: int) -> int:
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise EditError(f"Expected a number of steps, at least 1, found {steps!r}. Type steps=9.")
    return steps
