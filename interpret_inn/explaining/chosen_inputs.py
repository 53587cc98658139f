"""The inputs of a survey: some of those given, spread evenly, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from interpret_inn.data import Joined, samples, stream
from interpret_inn.errors import DataError
from interpret_inn.translating.encoding import BATCH
from interpret_inn.types import IntArray


@dataclass(frozen=True)
class ChosenInputs:
    """The inputs of a survey: batches with the names of inputs, and what is known of all of them."""

    batches: Iterator[tuple[list[str], Any]]
    count: int | None
    skipped: tuple[str, ...]
    groups: IntArray | None = None


def spread_evenly(count: int, most: int) -> IntArray:
    """Up to `most` indices out of `count`, spread evenly, int64, ascending."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(np.int64))


def choose_inputs(inputs: Any, most: int) -> ChosenInputs:
    """Inputs spread evenly over those given; the first ones of a stream that can be read only once."""
    try:
        found = samples(inputs)
    except DataError:
        return ChosenInputs(_first(inputs, most), None, ())
    indices = spread_evenly(len(found), most)
    # They are read in shuffled order, which spreads the inputs whose redraws are measured evenly as well.
    indices = np.random.default_rng(0).permutation(indices)
    chunks = [indices[at : at + BATCH].tolist() for at in range(0, len(indices), BATCH)]
    if isinstance(found, Joined):  # arrays of one source and tensors of another make no batch
        chunks = [own for chunk in chunks for own in found.apart(chunk)]
    names = found.names
    batches = (([str(names[i]) if names else str(i) for i in chunk], found.take(chunk)) for chunk in chunks)
    groups = (
        None if found.groups is None else np.asarray(found.groups)[[i for chunk in chunks for i in chunk]]
    )
    return ChosenInputs(batches, len(chunks), tuple(found.skipped), groups)


def _first(inputs: Any, most: int) -> Iterator[tuple[list[str], Any]]:
    done = 0
    for batch in stream(inputs, BATCH):
        yield [str(done + i) for i in range(len(batch))], batch
        done += len(batch)
        if done >= most:
            return
