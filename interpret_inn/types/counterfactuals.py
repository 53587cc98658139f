"""Pairs that a source says differ in one concept alone: read, and what is wrong with them, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interpret_inn.types.concepts import Concept
from interpret_inn.types.numbers import IntArray


def as_index_pairs(given: Any) -> IntArray | None:
    """Pairs of indices, int64 (n, 2), of a tensor, an array or a list; None if it is something else."""
    try:
        found = np.asarray(given.detach().cpu() if isinstance(given, Tensor) else given)
    except ValueError:  # rows of several lengths
        return None
    if found.size == 0:
        return np.empty((0, 2), np.int64)
    return (
        found.astype(np.int64)
        if found.ndim == 2 and found.shape[1] == 2 and found.dtype.kind in "iu"
        else None
    )


def counterfactual_faults(given: Any, concepts: Sequence[Concept], among: Tensor) -> Iterator[str]:
    """What is wrong with the pairs that `counterfactual_pairs(among)` gave, in sentences."""
    named = {concept.name: concept for concept in concepts}
    if not isinstance(given, Mapping):
        yield f"Expected counterfactual_pairs(among) to give a mapping by concept, found {type(given).__name__}."
        return
    for name, pairs in given.items():
        if name not in named:
            yield f"Expected counterfactual_pairs(among) by the names of its concepts, found {name!r}."
            continue
        ends = as_index_pairs(pairs)
        if ends is None:
            yield f"Expected counterfactual pairs of {name!r} to be whole numbers (n, 2), found others."
        elif not bool(torch.isin(torch.from_numpy(ends).flatten(), among).all()):
            yield f"Expected counterfactual pairs of {name!r} among the samples it was asked for, found others."
        else:
            yield from _meaning(name, ends, list(concepts))


def _meaning(name: str, ends: IntArray, concepts: list[Concept]) -> Iterator[str]:
    """Pairs that do not differ in their concept, or differ in others."""
    first, second = ends[:, 0], ends[:, 1]
    if (first == second).any():
        yield f"Expected two samples in each counterfactual pair of {name!r}, found one paired with itself."
    for concept in concepts:
        if concept.values is None:
            continue
        values = np.asarray(concept.values)
        apart = concept.distance(values[first], values[second])  # NaN if a value is missing
        if concept.name == name and (apart == 0).any():
            yield f"{int((apart == 0).sum())} counterfactual pairs of {name!r} have the same value of it."
        if concept.name != name and (apart > 0).any():
            yield f"{int((apart > 0).sum())} counterfactual pairs of {name!r} differ in {concept.name!r} too."
