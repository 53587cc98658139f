from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.types import Concept
from interpret_inn_labels import LabelSource


class FakeSamples:
    """The `Samples` protocol over nothing but numbers."""

    names = None
    skipped: Sequence[str] = ()

    def __init__(self, count: int, groups: Any = None) -> None:
        self.count = count
        self.groups = groups

    def __len__(self) -> int:
        return self.count

    def batches(self, batch_size: int) -> Iterator[Any]:
        for start in range(0, self.count, batch_size):
            yield self.take(range(start, min(start + batch_size, self.count)))

    def take(self, indices: Sequence[int]) -> Any:
        return torch.tensor(list(indices), dtype=torch.float32)[:, None]

    def fingerprint(self) -> str:
        return f"fake-{self.count}"


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def source_of() -> Callable[..., LabelSource]:
    """Makes a source from `name=values`; integers are categories, floats are numbers, `angle` is cyclic."""

    def make(
        groups: Any = None, *, balance: bool = True, strength: float = 0.975, **columns: Any
    ) -> LabelSource:
        concepts = []
        for name, values in columns.items():
            kind = "categorical" if values.dtype.kind == "i" else "cyclic" if name == "angle" else "numeric"
            classes = tuple(f"c{i}" for i in range(values.max() + 1)) if kind == "categorical" else ()
            concepts.append(Concept(name, kind, values, classes))
        samples = FakeSamples(len(values), groups)
        return LabelSource(samples, concepts, balance=balance, strength=strength)

    return make
