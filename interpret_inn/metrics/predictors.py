"""The predictors that probes are made of: a small network, ridge and logistic regression."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Generator, Tensor, nn

from interpret_inn.types import FloatArray, IntArray
from interpret_inn.types.numbers import ROUNDING, SMALLEST, BoolArray

HIDDEN = 128
"""Units of the hidden layer."""
BATCH, _SMALLEST_BATCH, _BATCHES = 256, 16, 8
"""Rows in a step, at most and at least; between these an epoch has at least that many steps."""
EPOCHS, PATIENCE = 60, 6
"""Passes through the rows at most, and how many of them without improvement end the training."""
RATE, DECAY = 3e-3, 0.3
"""Learning rate and weight decay of AdamW: the decay is strong, as probes are trained on few samples of many axes."""
_LAST_LAYER = 0.3
"""Standard deviation of the first outputs, roughly, in units of the targets': training begins near their mean."""
_PENALTIES = np.logspace(-4, 2, 13)
"""Of ridge regression, in units of the variance of standardised codes."""
_INVERSE_PENALTIES, _USUAL_INVERSE = (0.003, 0.03, 0.3, 3.0), 0.3
"""Of logistic regression, per row; and the one that is taken if there are no rows to choose by."""
_ITERATIONS, _TOLERANCE = 150, 1e-3
"""Of logistic regression: it stops early, as a probe's accuracy hardly changes after that."""

Loss = Callable[[Tensor, Tensor], Tensor]


def train_network(
    x: FloatArray,
    targets: FloatArray,
    *,
    classes: IntArray | None,
    validation: BoolArray,
    seed: int,
) -> Callable[[FloatArray], FloatArray]:
    """Trains one hidden layer of 128 by AdamW; the weights that did best on the validation rows are kept.

    The global random state is neither read nor changed.

    Args:
        x: Codes (n, d), in any units.
        targets: Float64 (n, k): numbers, or class indices (n, 1).
        classes: The classes that occur, sorted, (C,): cross-entropy; None: squared error.
        validation: Bool (n,), rows that say when to stop; without any, the last weights are kept.
        seed: Of the first weights and of the order of rows.

    Returns:
        A function from codes (m, d) to logits (m, C) or numbers (m, k).
    """
    mean, scale = x.mean(0), np.maximum(x.std(0), ROUNDING * max(1.0, float(np.abs(x).max())))
    shift, spread = np.zeros(1), np.ones(1)
    loss: Loss
    if classes is not None:
        wanted = torch.from_numpy(np.searchsorted(classes, targets[:, 0]))
        outputs, loss = len(classes), nn.functional.cross_entropy
    else:
        shift, spread = targets.mean(0), targets.std(0) + SMALLEST
        wanted = torch.from_numpy((targets - shift) / spread).float()
        outputs, loss = wanted.shape[1], nn.functional.mse_loss
    generator = Generator().manual_seed(seed)
    network = _fresh(x.shape[1], outputs, generator)
    with torch.enable_grad():
        _train(network, _rows(x, mean, scale), wanted, torch.from_numpy(validation), loss, generator)

    @torch.no_grad()
    def read(codes: FloatArray) -> FloatArray:
        found: FloatArray = network(_rows(codes, mean, scale)).double().numpy()
        return found * spread + shift

    return read


def _rows(codes: FloatArray, mean: FloatArray, scale: FloatArray) -> Tensor:
    return torch.from_numpy((np.asarray(codes, np.float64) - mean) / scale).float()


def _fresh(inputs: int, outputs: int, generator: Generator) -> nn.Sequential:
    """A network with weights drawn from the generator; its last layer starts small."""
    first = nn.utils.skip_init(nn.Linear, inputs, HIDDEN)
    last = nn.utils.skip_init(nn.Linear, HIDDEN, outputs)
    nn.init.kaiming_normal_(first.weight, generator=generator)
    nn.init.normal_(last.weight, std=_LAST_LAYER * HIDDEN**-0.5, generator=generator)
    for layer in (first, last):
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.ReLU(), last)


def _train(
    network: nn.Sequential, x: Tensor, wanted: Tensor, validation: Tensor, loss: Loss, generator: Generator
) -> None:
    """AdamW with a falling rate; with validation rows, the weights that did best on them stay in the network."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    train_x, train_wanted = x[~validation], wanted[~validation]
    batch = min(BATCH, max(_SMALLEST_BATCH, len(train_x) // _BATCHES))
    best, waited, kept = float("inf"), 0, copy.deepcopy(network.state_dict())
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(train_x), generator=generator).split(batch):
            optimizer.zero_grad()
            loss(network(train_x[rows]), train_wanted[rows]).backward()
            optimizer.step()
        schedule.step()
        if not validation.any():
            continue
        with torch.no_grad():
            found = float(loss(network(x[validation]), wanted[validation]))
        waited += 1
        if found < best:
            best, waited, kept = found, 0, copy.deepcopy(network.state_dict())
        if waited >= PATIENCE:
            break
    if validation.any():
        network.load_state_dict(kept)


def ridge(x: FloatArray, targets: FloatArray, chosen: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Ridge regression on standardised x: weights (k, d) and biases (k,).

    The rows `chosen`, bool (n,), choose the penalty; without any it is the middle one.
    """
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


def logistic(x: FloatArray, labels: IntArray, count: int, chosen: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Multinomial logistic regression on standardised x: weights (C, d) and biases (C,) of `count` classes.

    The rows `chosen`, bool (n,), choose the penalty, if the other rows hold every class.
    """
    from scipy.special import logsumexp

    if count < 2:
        return np.zeros((1, x.shape[1])), np.zeros(1)
    best = _USUAL_INVERSE
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
        warnings.simplefilter("ignore")  # "did not converge"
        model = LogisticRegression(C=inverse, max_iter=_ITERATIONS, tol=_TOLERANCE).fit(x, labels)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias
