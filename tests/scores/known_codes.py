"""Codes whose concepts are known, their scores, and metrics that are registered for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import interpret_inn as inn
from interpret_inn.scoring.score_table import Scored, ScoreRequest, score_table
from interpret_inn.types import Concept, Factors, MetricSpec, Scores

FACTORS = Factors.from_sizes({"shape": 2, "size": 1}, total=5)
SLICES = [slice(0, 2), slice(2, 3), slice(3, 5)]


@contextmanager
def registered(*specs: MetricSpec) -> Iterator[None]:
    class Strange:
        @inn.hookimpl
        def inn_metrics(self) -> list[MetricSpec]:
            return list(specs)

    name = inn.register(Strange(), name="strange")
    try:
        yield
    finally:
        inn.unregister(name)


def coded(count: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (N, 5) in which a category takes two axes and a number one; the category and the number."""
    rng = np.random.default_rng(seed)
    shape, size = rng.integers(0, 4, count), rng.uniform(0, 1, count)
    codes = np.column_stack([shape % 2, shape // 2, 3 * size, np.zeros((count, 2))])
    return codes + 0.1 * rng.normal(size=codes.shape), shape, size


def concepts_of(shape: np.ndarray, size: np.ndarray) -> list[Concept]:
    return [
        Concept("shape", "categorical", shape.astype(np.int64), tuple("abcd")),
        Concept("size", "numeric", size.astype(np.float64)),
    ]


def table(codes: np.ndarray, concepts: list[Concept], groups: Any = None, **request: Any) -> Scores:
    return score_table(Scored(codes, FACTORS, concepts, groups), ScoreRequest(**request))
