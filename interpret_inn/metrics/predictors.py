"""The predictors that probes are made of: a small network, ridge and logistic regression."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor, nn

from interpret_inn.types import FloatArray, IntArray
from interpret_inn.types.numbers import ROUNDING, SMALLEST

HIDDEN = 128
BATCH = 256
EPOCHS = 60
PATIENCE = 6
RATE = 3e-3
DECAY = 0.3
"""Decoupled weight decay: probes are trained on few samples of many axes."""
BETAS, EPSILON = (0.9, 0.999), 1e-8

Loss = Callable[[Tensor, Tensor], Tensor]
Slope = Callable[[Tensor, Tensor], Tensor]
"""Gradient of a loss with respect to the outputs, (n, k)."""


def train_network(
    x: FloatArray,
    targets: FloatArray,
    *,
    classes: IntArray | None,
    held_out: npt.NDArray[np.bool_],
    seed: int,
) -> Callable[[FloatArray], FloatArray]:
    """Trains one hidden layer of 128 by AdamW; the weights that did best on the held-out rows are kept.

    The global random state is neither read nor changed.

    Args:
        x: Codes (n, d), in any units.
        targets: Float64 (n, k): numbers, or class indices (n, 1).
        classes: The classes that occur, sorted, (C,): cross-entropy; None: squared error.
        held_out: Bool (n,), rows for deciding when to stop; with none, the last weights are kept.
        seed: Of first weights and of the order of rows.

    Returns:
        A function from codes (m, d) to logits (m, C) or numbers (m, k).
    """
    mean, scale = x.mean(0), np.maximum(x.std(0), ROUNDING * max(1.0, float(np.abs(x).max())))
    shift, spread = np.zeros(1), np.ones(1)
    loss: Loss
    slope: Slope
    if classes is not None:
        wanted = torch.from_numpy(np.searchsorted(classes, targets[:, 0]))
        outputs, loss, slope = len(classes), nn.functional.cross_entropy, _cross_entropy_slope
    else:
        shift, spread = targets.mean(0), targets.std(0) + SMALLEST
        wanted = torch.from_numpy((targets - shift) / spread).float()
        outputs, loss, slope = wanted.shape[1], nn.functional.mse_loss, _squared_error_slope
    generator = Generator().manual_seed(seed)
    network = _fresh(x.shape[1], outputs, generator)
    with torch.no_grad():
        _train(network, _rows(x, mean, scale), wanted, torch.from_numpy(held_out), (loss, slope), generator)

    @torch.no_grad()
    def read(codes: FloatArray) -> FloatArray:
        found: FloatArray = network(_rows(codes, mean, scale)).double().numpy()
        return found * spread + shift

    return read


def _rows(codes: FloatArray, mean: FloatArray, scale: FloatArray) -> Tensor:
    return torch.from_numpy((np.asarray(codes, np.float64) - mean) / scale).float()


def _fresh(inputs: int, outputs: int, generator: Generator) -> nn.Sequential:
    """First weights from the generator; the last layer starts small, near the mean answer."""
    first = nn.utils.skip_init(nn.Linear, inputs, HIDDEN)
    last = nn.utils.skip_init(nn.Linear, HIDDEN, outputs)
    nn.init.kaiming_normal_(first.weight, generator=generator)
    nn.init.normal_(last.weight, std=0.3 * HIDDEN**-0.5, generator=generator)
    for layer in (first, last):
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.ReLU(), last)


def _cross_entropy_slope(outputs: Tensor, wanted: Tensor) -> Tensor:
    share = 1 / len(outputs)
    slope = outputs.log_softmax(1).exp_().mul_(share)
    slope[torch.arange(len(outputs)), wanted] -= share
    return slope


def _squared_error_slope(outputs: Tensor, wanted: Tensor) -> Tensor:
    return (outputs - wanted).mul_(2 / outputs.numel())


def _gradient(network: nn.Sequential, x: Tensor, wanted: Tensor, slope: Slope) -> Tensor:
    """Of one batch, by the chain rule, all in one row: autograd takes thrice as long for a network this small."""
    first, _, last = network
    hidden = nn.functional.linear(x, first.weight, first.bias).relu_()
    after = slope(nn.functional.linear(hidden, last.weight, last.bias), wanted)
    before = (after @ last.weight).mul_(hidden > 0)
    parts = (before.T @ x, before.sum(0), after.T @ hidden, after.sum(0))
    return torch.cat([part.reshape(-1) for part in parts])


class _AdamW:
    """AdamW (Loshchilov and Hutter 2019) of one row of weights, without what an optimizer of torch asks each step."""

    def __init__(self, weights: Tensor) -> None:
        self.weights, self.steps = weights, 0
        self.mean, self.square = torch.zeros_like(weights), torch.zeros_like(weights)

    def step(self, gradient: Tensor, rate: float) -> None:
        self.steps += 1
        self.mean.lerp_(gradient, 1 - BETAS[0])
        self.square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        first, second = (1 - beta**self.steps for beta in BETAS)
        scale = self.square.sqrt().mul_(second**-0.5).add_(EPSILON)
        self.weights.mul_(1 - rate * DECAY).addcdiv_(self.mean, scale, value=-rate / first)


def _train(
    network: nn.Sequential,
    x: Tensor,
    wanted: Tensor,
    held_out: Tensor,
    losses: tuple[Loss, Slope],
    generator: Generator,
) -> None:
    """AdamW with a rate that falls by a cosine; leaves the best weights in the network where rows are held out."""
    loss, slope = losses
    weights = nn.utils.parameters_to_vector(network.parameters())
    nn.utils.vector_to_parameters(weights, network.parameters())  # the network reads this row from here on
    optimizer, kept = _AdamW(weights), weights.clone()
    train_x, train_wanted = x[~held_out], wanted[~held_out]
    judged_x, judged_wanted = x[held_out], wanted[held_out]
    batch = min(BATCH, max(16, len(train_x) // 8))
    best, waited = float("inf"), 0
    for epoch in range(EPOCHS):
        rate = RATE * (1 + math.cos(math.pi * epoch / EPOCHS)) / 2
        for rows in torch.randperm(len(train_x), generator=generator).split(batch):
            optimizer.step(_gradient(network, train_x[rows], train_wanted[rows], slope), rate)
        if not len(judged_x):
            continue
        found = float(loss(network(judged_x), judged_wanted))
        waited += 1
        if found < best:
            best, waited, kept = found, 0, weights.clone()
        if waited >= PATIENCE:
            break
    if len(judged_x):
        weights.copy_(kept)


_INVERSE_PENALTIES = (0.003, 0.03, 0.3, 3.0)
_PENALTIES = np.logspace(-4, 2, 13)


def ridge(x: FloatArray, targets: FloatArray, chosen: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Ridge regression on standardised x; penalty (per row) by the chosen rows."""
    best = _PENALTIES[len(_PENALTIES) // 2]
    if chosen.any():
        weights, biases = ridge_path(x[~chosen], targets[~chosen], _PENALTIES)
        guesses = np.einsum("nd,akd->ank", x[chosen], weights) + biases[:, None]
        scale = targets.var(0) + SMALLEST
        best = _PENALTIES[(((guesses - targets[chosen]) ** 2).mean(1) / scale).mean(1).argmin()]
    weights, biases = ridge_path(x, targets, np.array([best]))
    return weights[0], biases[0]


def ridge_path(x: FloatArray, targets: FloatArray, penalties: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights (a, k, d) and biases (a, k) for each penalty: (XᵀX/n + a I)⁻¹ Xᵀy/n of centred data."""
    mean, target_mean = x.mean(0), targets.mean(0)
    centred = x - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    moment = vectors.T @ (centred.T @ (targets - target_mean)) / len(x)
    shrunk = moment / (np.maximum(values, 0.0)[None, :, None] + penalties[:, None, None])
    weights = np.einsum("de,aek->akd", vectors, shrunk)
    return weights, target_mean - weights @ mean


def logistic(
    x: FloatArray, labels: IntArray, count: int, chosen: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Multinomial logistic regression on standardised x; inverse penalty (per row) by the chosen rows."""
    from scipy.special import logsumexp

    if count < 2:
        return np.zeros((1, x.shape[1])), np.zeros(1)
    best = 0.3
    if chosen.any() and len(np.unique(labels[~chosen])) == count:
        losses = []
        for inverse in _INVERSE_PENALTIES:
            weight, bias = _logistic_once(x[~chosen], labels[~chosen], inverse)
            logits = x[chosen] @ weight.T + bias
            own = np.take_along_axis(logits, labels[chosen][:, None], 1)[:, 0]
            losses.append(float((logsumexp(logits, 1) - own).mean()))
        best = _INVERSE_PENALTIES[int(np.argmin(losses))]
    return _logistic_once(x, labels, best)


def _logistic_once(x: FloatArray, labels: IntArray, inverse: float) -> tuple[FloatArray, FloatArray]:
    """Weights (C, d) and biases (C,) for one inverse penalty; two classes get two opposite rows."""
    from sklearn.linear_model import LogisticRegression  # slow to import, and not needed to wrap a model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "did not converge": the number of iterations is fixed on purpose
        model = LogisticRegression(C=inverse, max_iter=150, tol=1e-3).fit(x, labels)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias
