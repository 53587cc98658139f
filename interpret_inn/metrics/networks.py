"""The small network of the non-linear read-out, in plain numpy.

It is small and trained so often (once per concept and factor) that numpy beats a framework, and it touches
neither the global random state, nor the gradient mode, nor the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from interpret_inn.types import FloatArray, IntArray

HIDDEN = 128
BATCH = 256
EPOCHS = 60
PATIENCE = 6
RATE = 3e-3
DECAY = 0.3
"""Weight decay, decoupled from the gradient, of both weight matrices."""

_Array32 = npt.NDArray[np.float32]
Weights = list[_Array32]
"""Weight (d, HIDDEN), bias (HIDDEN,), weight (HIDDEN, out), bias (out,)."""


def train_network(
    x: FloatArray,
    targets: FloatArray,
    *,
    classes: IntArray | None,
    held_out: npt.NDArray[np.bool_],
    seed: int,
) -> Callable[[FloatArray], FloatArray]:
    """Trains one hidden layer of 128 by Adam; the weights that did best on the held-out rows are kept.

    Args:
        x: Codes (n, d), in any units.
        targets: Float64 (n, k): numbers, or class indices (n, 1).
        classes: The classes that occur, sorted, (C,): softmax and cross-entropy; None: squared error.
        held_out: Bool (n,), rows for deciding when to stop; with none, the last weights are kept.
        seed: Of first weights and of the order of rows.

    Returns:
        A function from codes (m, d) to logits (m, C) or numbers (m, k).
    """
    mean, scale = x.mean(0), np.maximum(x.std(0), 1e-12 * max(1.0, float(np.abs(x).max())))
    inputs = ((x - mean) / scale).astype(np.float32)
    shift, spread = np.zeros(1), np.ones(1)
    if classes is not None:
        wanted = np.eye(len(classes), dtype=np.float32)[np.searchsorted(classes, targets[:, 0])]
    else:
        shift, spread = targets.mean(0), targets.std(0) + 1e-300
        wanted = ((targets - shift) / spread).astype(np.float32)
    softmax = classes is not None
    weights = _train(inputs, wanted, held_out, softmax=softmax, seed=seed)

    def network(codes: FloatArray) -> FloatArray:
        rows = ((np.asarray(codes, np.float64) - mean) / scale).astype(np.float32)
        return forward(weights, rows)[1].astype(np.float64) * spread + shift

    return network


def forward(weights: Weights, x: _Array32) -> tuple[_Array32, _Array32]:
    """Hidden activations (n, HIDDEN) and outputs (n, out)."""
    first, first_bias, second, second_bias = weights
    hidden = np.maximum(x @ first + first_bias, 0)
    return hidden, hidden @ second + second_bias


def loss_and_gradients(
    weights: Weights, x: _Array32, wanted: _Array32, *, softmax: bool
) -> tuple[float, Weights]:
    """Mean loss per row (cross-entropy, or half the squared error) and its gradients."""
    hidden, outputs = forward(weights, x)
    loss, error = _loss(outputs, wanted, softmax=softmax)
    error /= np.float32(len(x))
    below = (error @ weights[2].T) * (hidden > 0)
    return loss, [x.T @ below, below.sum(0), hidden.T @ error, error.sum(0)]


def _loss(outputs: _Array32, wanted: _Array32, *, softmax: bool) -> tuple[float, _Array32]:
    """Mean loss per row, and the loss's derivative by the outputs, per row (n, out)."""
    if not softmax:
        error = outputs - wanted
        return float((error**2).sum(1).mean()) / 2, error
    outputs = outputs - outputs.max(1, keepdims=True)
    exponentials = np.exp(outputs)
    totals = exponentials.sum(1, keepdims=True)
    loss = float((np.log(totals[:, 0]) - (outputs * wanted).sum(1)).mean())
    return loss, exponentials / totals - wanted


def _train(
    x: _Array32, wanted: _Array32, held_out: npt.NDArray[np.bool_], *, softmax: bool, seed: int
) -> Weights:
    """Adam with decoupled decay, a falling rate, and early stopping where rows are held out."""
    generator = np.random.default_rng(seed)
    weights = _first_weights(x.shape[1], wanted.shape[1], generator)
    fit_x, fit_wanted = x[~held_out], wanted[~held_out]
    kept, best, waited = weights, np.inf, 0
    means = [np.zeros_like(weight) for weight in weights]
    squares = [np.zeros_like(weight) for weight in weights]
    step, batch = 0, min(BATCH, max(16, len(fit_x) // 8))
    for epoch in range(EPOCHS):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        order = generator.permutation(len(fit_x))
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            _, gradients = loss_and_gradients(weights, fit_x[rows], fit_wanted[rows], softmax=softmax)
            step += 1
            weights = _adam(weights, gradients, means, squares, step=step, rate=float(rate))
        if not held_out.any():
            kept = weights
            continue
        loss, _ = _loss(forward(weights, x[held_out])[1], wanted[held_out], softmax=softmax)
        waited += 1
        if loss < best:
            kept, best, waited = weights, loss, 0
        if waited >= PATIENCE:
            break
    return kept


def _first_weights(width: int, out: int, generator: np.random.Generator) -> Weights:
    """He's first weights; the last layer starts small, so that training starts near the mean answer."""
    first = generator.normal(0, np.sqrt(2 / width), (width, HIDDEN))
    second = generator.normal(0, 0.3 * np.sqrt(1 / HIDDEN), (HIDDEN, out))
    zeros = np.zeros(HIDDEN, np.float32), np.zeros(out, np.float32)
    return [first.astype(np.float32), zeros[0], second.astype(np.float32), zeros[1]]


def _adam(
    weights: Weights, gradients: Weights, means: Weights, squares: Weights, *, step: int, rate: float
) -> Weights:
    """One step (Kingma and Ba, 2015, algorithm 1); `means` and `squares` are updated in place."""
    moved = []
    for weight, gradient, mean, square in zip(weights, gradients, means, squares, strict=True):
        mean += np.float32(0.1) * (gradient - mean)
        square += np.float32(0.001) * (gradient * gradient - square)
        scale = np.sqrt(square / np.float32(1 - 0.999**step)) + np.float32(1e-8)
        moved_by = np.float32(rate / (1 - 0.9**step)) * mean / scale
        decay = np.float32(1 - rate * DECAY if weight.ndim == 2 else 1)
        moved.append(weight * decay - moved_by)
    return moved
