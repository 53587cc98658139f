"""The small network of the non-linear probe."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor, nn

from interpret_inn.types import FloatArray, IntArray
from interpret_inn.types.tolerances import ROUNDING, SMALLEST

HIDDEN = 128
BATCH = 256
EPOCHS = 60
PATIENCE = 6
RATE = 3e-3
DECAY = 0.3
"""Decoupled weight decay: probes are trained on few samples of many axes."""

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


def _set_gradients(network: nn.Sequential, x: Tensor, wanted: Tensor, slope: Slope) -> None:
    """The gradients of one batch by the chain rule: autograd takes thrice as long for a network this small."""
    first, _, last = network
    hidden = nn.functional.linear(x, first.weight, first.bias).relu_()
    after = slope(nn.functional.linear(hidden, last.weight, last.bias), wanted)
    before = (after @ last.weight).mul_(hidden > 0)
    first.weight.grad, first.bias.grad = before.T @ x, before.sum(0)
    last.weight.grad, last.bias.grad = after.T @ hidden, after.sum(0)


def _train(
    network: nn.Sequential,
    x: Tensor,
    wanted: Tensor,
    held_out: Tensor,
    losses: tuple[Loss, Slope],
    generator: Generator,
) -> None:
    """AdamW with a falling rate; leaves the best weights in the network where rows are held out."""
    loss, slope = losses
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    train_x, train_wanted = x[~held_out], wanted[~held_out]
    batch = min(BATCH, max(16, len(train_x) // 8))
    best, waited, kept = float("inf"), 0, copy.deepcopy(network.state_dict())
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(train_x), generator=generator).split(batch):
            _set_gradients(network, train_x[rows], train_wanted[rows], slope)
            optimizer.step()
        schedule.step()
        if not held_out.any():
            continue
        found = float(loss(network(x[held_out]), wanted[held_out]))
        waited += 1
        if found < best:
            best, waited, kept = found, 0, copy.deepcopy(network.state_dict())
        if waited >= PATIENCE:
            break
    if held_out.any():
        network.load_state_dict(kept)
