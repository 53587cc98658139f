"""The predictors that probes are made of: a small network, ridge and logistic regression."""

from __future__ import annotations

import copy
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

Loss = Callable[[Tensor, Tensor], Tensor]


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
        _train(network, _rows(x, mean, scale), wanted, torch.from_numpy(held_out), loss, generator)

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


def _train(
    network: nn.Sequential, x: Tensor, wanted: Tensor, held_out: Tensor, loss: Loss, generator: Generator
) -> None:
    """AdamW with a falling rate; leaves the best weights in the network where rows are held out."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    train_x, fit_wanted = x[~held_out], wanted[~held_out]
    batch = min(BATCH, max(16, len(train_x) // 8))
    best, waited, kept = float("inf"), 0, copy.deepcopy(network.state_dict())
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(train_x), generator=generator).split(batch):
            optimizer.zero_grad()
            loss(network(train_x[rows]), fit_wanted[rows]).backward()
            optimizer.step()
        schedule.step()
        if not held_out.any():
            continue
        with torch.no_grad():
            found = float(loss(network(x[held_out]), wanted[held_out]))
        waited += 1
        if found < best:
            best, waited, kept = found, 0, copy.deepcopy(network.state_dict())
        if waited >= PATIENCE:
            break
    if held_out.any():
        network.load_state_dict(kept)


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
