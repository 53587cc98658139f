"""Cases: inputs whose concept took another value, and what the output did in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from interpret_inn.effects.changes import RedrawEffects, Target, measure, output_kind
from interpret_inn.types import IntArray


class Cases(NamedTuple):
    """What the output did in n cases, from an input to its counterpart with another value of the concept.

    Attributes:
        changes: Of the outputs, (n,) each.
        predicted: int64 (n,), the class that is predicted of the input without a change; −1 without classes.
        pair: int64 (n,), which pair of inputs each case is of; or which input, and its value before and after by
            numbers that the caller knows.
    """

    changes: RedrawEffects
    predicted: IntArray
    pair: IntArray

    @classmethod
    def between(cls, before: Tensor, after: Tensor, pair: IntArray, *, target: Target) -> Cases:
        """The cases of n inputs with outputs (n, …) and their counterparts' outputs; images in their plain units."""
        kind = output_kind(before)
        # images in plain units: their range is known at the end
        changes = measure(before, after[None], kind=kind, target=target, value_range=1.0)
        predicted = np.full(len(before), -1, np.int64)
        if kind == "classes":
            predicted = before.argmax(1).numpy()
            # of one counterpart the spread over values is that of the two inputs of the case
            spread = (before.argmax(1) - after.argmax(1)).abs().double() / 2
            changes = changes._replace(class_std=spread.numpy())
        return cls(changes, predicted, pair)

    @classmethod
    def joined(cls, parts: Sequence[Cases]) -> Cases:
        """The cases of several batches as one."""
        return cls(
            RedrawEffects.joined([part.changes for part in parts]),
            np.concatenate([part.predicted for part in parts]),
            np.concatenate([part.pair for part in parts]),
        )
