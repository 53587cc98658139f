"""Runs inputs and their counterparts through the whole model, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor
from tqdm import tqdm

from interpret_inn.backbones import Backbone, primary
from interpret_inn.data import Joined
from interpret_inn.data.digests import digest
from interpret_inn.effects.cases import Cases
from interpret_inn.effects.changes import OutputKind, Target, output_kind
from interpret_inn.effects.inputs import InputPairs
from interpret_inn.translating.encoding import BATCH, prepared
from interpret_inn.types import IntArray, Samples


class Forward(NamedTuple):
    """A batch as the model takes it, (B, …), and its primary outputs, (B, …), on the CPU."""

    ready: Tensor
    outputs: Tensor


class Runner:
    """Runs batches through the whole model; it needs a session of the backbone.

    Args:
        backbone: The model.
        target: What of the output to watch; see `measure`.

    Attributes:
        kind: What the outputs are, once one batch was run.
    """

    def __init__(self, backbone: Backbone, target: Target) -> None:
        self._backbone, self._target = backbone, target
        self._low, self._high = np.inf, -np.inf
        self._met = False
        self.kind: OutputKind = "scalar"

    def run(self, batch: Any, start: int = 0) -> Forward:
        """Runs a batch whose first input is at `start` among all."""
        ready = prepared(self._backbone, batch, start=start)
        if not self._met:
            self._backbone.represent(ready)  # the first run tells whether the model draws random numbers
            self._met = True
        outputs = primary(self._backbone.outputs(ready)).detach().cpu()
        self.kind = output_kind(outputs)
        if self.kind == "image":
            self._low = min(self._low, float(outputs.min()))
            self._high = max(self._high, float(outputs.max()))
        return Forward(ready, outputs)

    def cases(self, before: Tensor, after: Tensor, pair: IntArray) -> Cases:
        """What the outputs (n, …) of n inputs and of their counterparts come to."""
        return Cases.between(before, after, pair, target=self._target)

    def in_units(self, cases: Cases) -> Cases:
        """The same; changes of images in units of the model's own range, or of that of all outputs that were run."""
        if self.kind != "image" or self._target is not None:
            return cases
        low, high = self._backbone.value_range or (self._low, self._high)
        return cases._replace(changes=cases.changes.in_units((high - low) or 1.0))


class RunPairs(NamedTuple):
    """What running n pairs gave.

    Attributes:
        cases: One of each pair, or two if neither end comes first: all from the first, then all from the second.
        firsts: int64 (n,), equal for pairs whose first inputs are the same.
        unchanged: How many pairs are of two equal inputs.
    """

    cases: Cases
    firsts: IntArray
    unchanged: int


def run_pairs(runner: Runner, pairs: InputPairs) -> RunPairs:
    """Runs both inputs of each pair."""
    forth: list[Cases] = []
    back: list[Cases] = []
    digests: list[str] = []
    unchanged = 0
    for chunk in _bar(range(0, len(pairs.places), BATCH), pairs.concept.name):
        places = pairs.places[chunk : chunk + BATCH]
        first, second = (
            runner.run(samples.take(places[:, side].tolist()), chunk)
            for side, samples in enumerate((pairs.first, pairs.second))
        )
        number = np.arange(chunk, chunk + len(places), dtype=np.int64)
        forth.append(runner.cases(first.outputs, second.outputs, number))
        if pairs.both_ways:
            back.append(runner.cases(second.outputs, first.outputs, number))
        digests += [digest(row).hex() for row in first.ready.cpu()]
        unchanged += _equal_rows(first.ready, second.ready)
    firsts = np.unique(np.array(digests), return_inverse=True)[1].reshape(-1)
    return RunPairs(runner.in_units(Cases.joined(forth + back)), firsts.astype(np.int64), unchanged)


def _equal_rows(first: Tensor, second: Tensor) -> int:
    """How many rows are the same in both."""
    if first.shape != second.shape:
        return 0
    return int((first == second).flatten(1).all(1).sum())


def chunks(inputs: Samples, chosen: IntArray, name: str) -> Iterator[list[int]]:
    """Indices of inputs, a batch at a time; each batch is of one part of joined samples."""
    parts = [chosen[at : at + BATCH].tolist() for at in range(0, len(chosen), BATCH)]
    if isinstance(inputs, Joined):  # arrays of one source and tensors of another make no batch
        parts = [own for part in parts for own in inputs.apart(part)]
    yield from _bar(parts, name)


def _bar(parts: Any, name: str) -> Any:
    return tqdm(parts, desc=f"effect of {name}", disable=None, leave=False)
