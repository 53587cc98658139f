"""Batches of inputs, and the cases of fits that they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Generator

import interpret_inn as inn
from interpret_inn.translating.batch import Batch


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


Fit = Callable[[str], inn.Interpreter]


CASES = ["head", "pooled", "flat", "positions"]


def batch_of(it: inn.Interpreter, inputs: Any, **options: Any) -> Batch:
    return it.translator.batch(it.backbone.prepare(inputs), **options)
