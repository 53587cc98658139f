"""Effects that are measured on inputs which a function of the caller's renders with other values of a concept."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from interpret_inn.effects.cases import Cases
from interpret_inn.effects.inputs import Rendering
from interpret_inn.effects.moves import moves_of
from interpret_inn.effects.running import Runner, chunks
from interpret_inn.effects.summary import CaseTable
from interpret_inn.errors import ConceptError, InnError, PluginError
from interpret_inn.types import Concept, FloatArray, IntArray, Samples

_ALL_VALUES = 16
"""Values that are all rendered; of more, so many are, spread evenly over the data's."""
_IMAGES, _INPUTS = 4096, (64, 512)
"""Images that are rendered of all inputs, and the fewest and most inputs that they are of."""


class _Values(NamedTuple):
    """V values of a concept that inputs are rendered with.

    Attributes:
        concept: The concept with these values.
        shares: float64 (V,), how often each occurs in the data.
        complete: All values that the data have are among them.
    """

    concept: Concept
    shares: FloatArray
    complete: bool


class RunRenderings(NamedTuple):
    """What running rendered inputs gave: its cases, how many inputs they are of, and what to know of them."""

    table: CaseTable
    inputs: int
    notes: list[str]


def run_renderings(
    runner: Runner, rendering: Rendering, inputs: Samples, own: Concept | None
) -> RunRenderings:
    """Renders inputs with the values of a concept, and runs what comes of it.

    Args:
        runner: Of the model.
        rendering: The function, and the concept with the values of the data.
        inputs: N inputs.
        own: The concept with the values of these inputs, (N,). Cases then go from each input as it is to the values
            that it has not; None: not known. Then they go between any two renderings of an input.

    Raises:
        ConceptError: another number of images than was given, or a concept of one value.
        PluginError: the function raised.
    """
    values = _values(rendering.concept)
    count = len(values.shares)
    most = int(np.clip(_IMAGES // count, *_INPUTS))
    known = np.arange(len(inputs)) if own is None else np.flatnonzero(own.known)
    chosen = known[np.unique(np.linspace(0, len(known) - 1, min(most, len(known))).round().astype(int))]
    if not len(chosen):
        own, chosen = (
            None,
            np.unique(np.linspace(0, len(inputs) - 1, min(most, len(inputs))).round().astype(int)),
        )
    parts: list[Cases] = []
    moved: list[IntArray] = []
    for chunk in chunks(inputs, chosen.astype(np.int64), rendering.concept.name):
        for cases, ends in _of_batch(runner, rendering, values, inputs.take(chunk), np.array(chunk), own):
            parts.append(cases)
            moved.append(ends)
    if not parts:
        raise _one_value(rendering.concept)
    ends = np.concatenate(moved)
    table = _table(runner.in_units(Cases.joined(parts)), ends, rendering.concept, values, inputs, own)
    return RunRenderings(table, len(np.unique(table.groups)), _notes(rendering, values, own))


def _values(concept: Concept) -> _Values:
    """What to render: all values if they are few, else some that are spread evenly over the data's."""
    assert concept.values is not None
    data = np.asarray(concept.values)[concept.known]
    unique, counts = np.unique(data, axis=0, return_counts=True)
    complete = len(unique) <= _ALL_VALUES
    if not complete:
        order = (
            np.argsort(data, kind="stable")
            if data.ndim == 1
            else np.random.default_rng(0).permutation(len(data))
        )
        places = ((np.arange(_ALL_VALUES) + 0.5) / _ALL_VALUES * len(data)).astype(int)
        unique, counts = np.unique(data[order[places]], axis=0, return_counts=True)
    if len(unique) < 2:
        raise _one_value(concept)
    indices = Concept(concept.name, concept.kind, unique, concept.classes)
    return _Values(indices, counts / counts.sum(), complete)


def _one_value(concept: Concept) -> ConceptError:
    return ConceptError(
        f"Expected data with at least 2 values of {concept.name!r} to render, found one. Give pairs of images in place "
        "of the function."
    )


def _of_batch(
    runner: Runner,
    rendering: Rendering,
    values: _Values,
    batch: Any,
    places: IntArray,
    own: Concept | None,
) -> Iterator[tuple[Cases, IntArray]]:
    """The cases of one batch; with each, int64 (n, 2), the value before and after: places among values, −1 its own."""
    count = len(values.shares)
    if own is not None:
        before = runner.run(batch).outputs
        mine = own.at(places)
        for number in range(count):
            other = np.flatnonzero(~_same(mine, values.concept, number))
            if len(other):
                after = _rendered(runner, rendering, values, number, batch)[other]
                ends = np.array([[-1, number]]).repeat(len(other), 0)
                yield runner.cases(before[other], after, places[other]), ends
        return
    outputs = [_rendered(runner, rendering, values, number, batch) for number in range(count)]
    for start, end in itertools.permutations(range(count), 2):
        yield (
            runner.cases(outputs[start], outputs[end], places),
            np.array([[start, end]]).repeat(len(places), 0),
        )


def _same(mine: Concept, values: Concept, number: int) -> npt.NDArray[np.bool_]:
    """Which inputs have a value, bool (n,)."""
    assert values.values is not None
    assert mine.values is not None
    wanted = np.asarray(values.values)[number]
    return np.asarray((np.asarray(mine.values) == wanted).reshape(len(mine.values), -1).all(1))


def _rendered(runner: Runner, rendering: Rendering, values: _Values, number: int, batch: Any) -> Tensor:
    """The outputs for a batch that is rendered with one of the values, (B, …)."""
    concept = rendering.concept
    value = _told(values.concept, number)
    try:
        images = rendering.render(copy.deepcopy(batch), value)  # a copy, as it may write into its argument
        count = len(images)
    except InnError:
        raise
    except Exception as error:
        raise PluginError(
            f"The counterfactuals of {concept.name!r} failed on {len(batch)} images and the value {value!r}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if count != len(batch):
        raise ConceptError(
            f"Expected {len(batch)} images from the counterfactuals of {concept.name!r}, as many as were given, found "
            f"{count}. Return one image for each."
        )
    return runner.run(images).outputs


def _told(values: Concept, number: int) -> Any:
    """A value as the function is given it: the name of a class, or its index; a number, or an array of several."""
    assert values.values is not None
    value = np.asarray(values.values)[number]
    if values.indicators is not None:
        return values.classes[value] if value < len(values.classes) else int(value)
    return float(value) if value.ndim == 0 else value.copy()


def _table(
    cases: Cases, ends: IntArray, data: Concept, values: _Values, inputs: Samples, own: Concept | None
) -> CaseTable:
    """The cases of all inputs with their weights: each input counts as much as another."""
    share, count = values.shares, len(values.shares)
    after = values.concept.at(ends[:, 1])
    if own is None:
        before = values.concept.at(ends[:, 0])
        weights = share[ends[:, 0]] * share[ends[:, 1]] / (1 - share[ends[:, 0]])
        even = share[ends[:, 0]] / (count - 1)
    else:
        before = own.at(cases.pair)
        weights, even = share[ends[:, 1]], np.ones(len(ends))
        inputs_of = np.unique(cases.pair, return_inverse=True)[1].reshape(-1)
        weights = weights / np.bincount(inputs_of, weights)[inputs_of]
        even = even / np.bincount(inputs_of, even)[inputs_of]
    groups = cases.pair if inputs.groups is None else np.asarray(inputs.groups)[cases.pair]
    moves = moves_of(data, before, after)
    return CaseTable(
        cases.changes, cases.predicted, groups, moves, weights, even if values.complete else None
    )


def _notes(rendering: Rendering, values: _Values, own: Concept | None) -> list[str]:
    name = rendering.concept.name
    notes = [
        f"Inputs were rendered with {len(values.shares)} values of {name} by a function of the caller’s."
    ]
    if not values.complete:
        notes[0] = notes[0].replace(" by", ", spread evenly over those of the data, by")
    if own is None:
        notes.append(
            f"The inputs’ own {name} is not known, so each case compares two renderings of one input, from values as "
            "often as they are in the data."
        )
    return notes
