"""What `linear_rivals.py` measures of a code: what probes read of it, and what edits of it do.

Probes are a line, a small network (the median of three seeds) and a kernel. The kernel probe is written out here, so
that one read-out at least is not the library's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from rival_networks import Samples, Task
from scipy.spatial.distance import cdist

from interpret_inn.flows import fit_whitening
from interpret_inn.metrics.probes import fit_linear_probe, probe_scores
from interpret_inn.types import Concept

Array = np.ndarray
Reader = Callable[[Array], Array]
PROBES = ("line", "network", "kernel")
_WIDTHS, _PENALTIES = (0.5, 1.0, 2.0), np.logspace(-4, 2, 13)
"""Of the kernel, in units of the median distance; and of its ridge regression."""
_INSIDE = 0.99
"""Share of real rows that count as near the data."""
_FLOOR = 0.01
"""Deviation, in units of the layer's, that is added to each axis before distances are measured in deviations."""


# --- probes -------------------------------------------------------------------------------------------


def chance(truth: Concept) -> float:
    """What the best constant answer reaches on these samples."""
    if truth.kind != "categorical":
        return 0.0
    counts = np.bincount(np.asarray(truth.values))
    return float(counts.max() / counts.sum())


def graded(guesses: Array, truth: Concept) -> float:
    """Accuracy of class numbers (M,), or R² of targets (M, k), the mean over columns."""
    if truth.kind == "categorical":
        return float((guesses == truth.values).mean())
    wrong = ((guesses - truth.targets) ** 2).sum(0)
    return float((1 - wrong / ((truth.targets - truth.targets.mean(0)) ** 2).sum(0)).mean())


def line(codes: Array, concept: Concept, groups: Array | None, test: Array) -> Array:
    """What a linear probe makes of test codes (M, d): class numbers (M,) or targets (M, k)."""
    if not codes.shape[1]:
        return _constant(concept, len(test))
    probe = fit_linear_probe(codes, concept.values, kind=concept.kind, groups=groups)
    return np.asarray(probe.predict(test) if concept.kind == "categorical" else probe.scores(test))


def kernel(codes: Array, concept: Concept, groups: Array | None, test: Array) -> Array:
    """The same by kernel ridge regression; width and penalty by the error on each sample (group) left out."""
    if not codes.shape[1]:
        return _constant(concept, len(test))
    targets = concept.targets if concept.indicators is None else concept.indicators
    mean, scale = codes.mean(0), np.maximum(codes.std(0), 1e-9)
    x, y = (codes - mean) / scale, targets - targets.mean(0)
    between, across = cdist(x, x, "sqeuclidean"), cdist((test - mean) / scale, x, "sqeuclidean")
    median = np.median(between[np.triu_indices(len(x), 1)])
    best: tuple[float, Array] | None = None
    for width in _WIDTHS:
        square = np.exp(-between / (2 * width**2 * median))
        values, vectors = np.linalg.eigh(_centred(square, square))
        values, moment = values.clip(0), vectors.T @ y
        errors = [
            _left_out(vectors, values / (values + penalty), moment, y, groups) for penalty in _PENALTIES
        ]
        chosen = int(np.argmin(errors))
        if best is None or errors[chosen] < best[0]:
            weights = vectors @ (moment / (values + _PENALTIES[chosen])[:, None])
            ahead = _centred(np.exp(-across / (2 * width**2 * median)), square) @ weights
            best = (errors[chosen], ahead + targets.mean(0))
    assert best is not None
    return best[1] if concept.indicators is None else np.unique(concept.values)[best[1].argmax(1)]


def _centred(rows: Array, square: Array) -> Array:
    """Products of rows with the training rows after the mean of the latter is taken away in the kernel's space."""
    return np.asarray(rows - rows.mean(1, keepdims=True) - square.mean(0) + square.mean())


def _left_out(vectors: Array, shrunk: Array, moment: Array, y: Array, groups: Array | None) -> float:
    """Mean squared error on samples, or whole groups, that a ridge regression leaves out, in closed form."""
    left = y - vectors @ (shrunk[:, None] * moment)
    if groups is None:
        hat = np.einsum("ni,i,ni->n", vectors, shrunk, vectors) + 1 / len(y)
        return float(((left / (1 - hat)[:, None]) ** 2).mean())
    total = 0.0
    for group in np.unique(groups):
        mine = np.flatnonzero(groups == group)
        hat = (vectors[mine] * shrunk) @ vectors[mine].T + 1 / len(y)
        total += float((np.linalg.solve(np.eye(len(mine)) - hat, left[mine]) ** 2).sum())
    return total / y.size


def _constant(concept: Concept, count: int) -> Array:
    """The best answer of a probe that is given no axis."""
    if concept.kind == "categorical":
        return np.full(count, np.bincount(np.asarray(concept.values)).argmax())
    return np.tile(concept.targets.mean(0), (count, 1))


def read(
    codes: Array, test: Array, concept: Concept, truth: Concept, groups: Array | None
) -> dict[str, float]:
    """Scores of all probes from codes (N, d), on test codes (M, d), by probe."""
    if not codes.shape[1]:
        return dict.fromkeys(PROBES, graded(_constant(concept, len(test)), truth))
    found = probe_scores(codes, concept.values, test, truth.values, kind=concept.kind, train_groups=groups)
    told = kernel(codes, concept, groups, test)
    return {"line": found.linear.value, "network": found.network.value, "kernel": graded(told, truth)}


def model_outputs(task: Task, z: Array) -> Array:
    """The model's outputs (N, C) for rows of its last layer (N, D)."""
    with torch.no_grad():
        found: Array = task.head(torch.from_numpy(z).float()).numpy()
    return found


def readers(task: Task, samples: Samples) -> dict[str, Reader]:
    """By concept, what is read of rows of the layer: the model's own class, or a ridge regression of the targets."""

    def decided(name: str) -> Reader:
        return lambda z: task.decisions[name](model_outputs(task, z))

    found: dict[str, Reader] = {}
    for concept in samples.concepts:
        if concept.kind == "categorical":
            found[concept.name] = decided(concept.name)
        else:
            found[concept.name] = fit_linear_probe(
                samples.z, concept.values, kind=concept.kind, groups=samples.groups
            ).scores
    return found


def agreement(first: Array, second: Array) -> float:
    """Share of equal classes (M,), or correlation of numbers (M, k), the mean over columns."""
    if first.ndim == 1:
        return float((first == second).mean())
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(first.T, second.T, strict=True)]))


class NearData:
    """Tells rows that lie further from the training rows than 99 % of real rows do.

    Distances are Mahalanobis's from the mean, and that to the nearest training row; a row is away if either is beyond.

    Args:
        train: The layer's rows, float32 (N, D).
        real: Other real rows.
    """

    def __init__(self, train: Array, real: Array) -> None:
        rows = torch.from_numpy(train).double()
        self._whitening = fit_whitening(rows, noise=_FLOOR, explained=1.0, most=train.shape[1])
        self._train = train.astype(np.float64)
        self._most = [float(np.quantile(one, _INSIDE)) for one in self._distances(real)]
        self._usual = self._away(real)

    def left(self, z: Array) -> float:
        """Share of rows that are away, less that of the real rows."""
        return self._away(z) - self._usual

    def _away(self, z: Array) -> float:
        beyond = [one > most for one, most in zip(self._distances(z), self._most, strict=True)]
        return float(np.logical_or(*beyond).mean())

    def _distances(self, z: Array) -> tuple[Array, Array]:
        white = self._whitening(torch.from_numpy(z).double())[0].numpy()
        return np.linalg.norm(white, axis=1), cdist(z.astype(np.float64), self._train).min(1)


def swapped(
    code: Any,
    name: str,
    task: Task,
    judge: Samples,
    read_by: Mapping[str, Reader],
    near: NearData,
    *,
    seed: int,
) -> dict[str, float]:
    """What an edit does that gives each sample the concept's axes of another one, its donor.

    Returns:
        `swap`: whether what is read follows the donor; `swap apart`: the same of the donors of another class alone;
        `held`: whether what is read of the other concepts stays as it was; `left`: share of rows that leave the data.
    """
    order = np.random.default_rng(seed).permutation(len(judge.z))
    donors = np.empty_like(order)
    donors[order] = np.roll(order, 1)
    codes = code.encode(judge.z)
    codes[:, code.axes[name]] = codes[donors][:, code.axes[name]]
    edited = code.decode(codes)
    before, after = read_by[name](judge.z), read_by[name](edited)
    apart = before != before[donors] if before.ndim == 1 else np.ones(len(before), bool)
    others = [] if task.nested else [one for other, one in read_by.items() if other != name]
    held = [agreement(one(edited), one(judge.z)) for one in others]
    return {
        "swap": agreement(after, before[donors]),
        "swap apart": agreement(after[apart], before[donors][apart]),
        "held": float(np.mean(held)) if held else float("nan"),
        "left": near.left(edited),
    }
