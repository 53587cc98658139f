"""The networks among the probes: three small ones, trained together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.metrics.probe_coordinates import Coordinates, Fold, Systems
from interpret_inn.types import FloatArray

NETWORKS = 3
"""Networks that are trained, each from weights of its own: one alone can fail."""
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

_MOMENTS, _TINY_SLOPE = (0.9, 0.999), 1e-8
"""Of AdamW: how long it remembers slopes and their squares, and what keeps it from dividing by 0."""


def train_networks(
    x: FloatArray, targets: FloatArray, *, classes: bool, folds: Sequence[Fold], system: str, seed: int
) -> Callable[[FloatArray], FloatArray]:
    """Trains three networks of one hidden layer of 128 by AdamW; the weights that did best on validation rows are kept.

    The global random state is neither read nor changed.

    Args:
        x: Codes, float64 (n, d).
        targets: Float64 (n, k): numbers in like units, or a column for each class.
        classes: Cross-entropy between the columns; else squared error.
        folds: The first three hold the rows that say when to stop, one for each network; of fewer, some do so for
            several. Without any, all epochs are trained.
        system: Of the coordinates that the networks read, which come from the rows they are trained on.
        seed: Of the first weights and of the order of rows.

    Returns:
        A function from codes (m, d) to logits or numbers of each network, (3, m, k).
    """
    given = [folds[place % len(folds)] for place in range(NETWORKS)] if folds else []
    coordinates = [fold.systems[system] for fold in given] or NETWORKS * [Systems(x, targets)[system]]
    validation = np.stack([fold.chosen for fold in given] or NETWORKS * [np.zeros(len(x), bool)])
    wanted = torch.from_numpy(targets.argmax(1) if classes else targets)
    generator = Generator().manual_seed(seed)
    inputs = _inputs(coordinates, x)
    networks = _Networks(inputs.shape[2], targets.shape[1], generator)
    _train(
        networks,
        inputs,
        wanted if classes else wanted.float(),
        torch.from_numpy(validation),
        _SURPRISE if classes else _SQUARES,
        generator,
    )

    def read(codes: FloatArray) -> FloatArray:
        found: FloatArray = networks(_inputs(coordinates, codes)).double().numpy()
        return found

    return read


def _inputs(coordinates: Sequence[Coordinates], x: FloatArray) -> Tensor:
    """What each network reads, float32 (g, n, r): its leading coordinates, as many as all of them have."""
    width = min(len(each.variances) for each in coordinates)
    return torch.from_numpy(np.stack([each.of(x)[:, :width] for each in coordinates])).float()


class _Loss(NamedTuple):
    """A loss of each row, and its slope.

    Attributes:
        of: From predictions (g, b, k) and what is wanted, to the loss (g, b).
        slope: From the same, to its derivative by the predictions (g, b, k).
    """

    of: Callable[[Tensor, Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]


def _surprise(found: Tensor, wanted: Tensor) -> Tensor:
    return -found.log_softmax(2).gather(2, wanted[..., None])[..., 0]


def _surprise_slope(found: Tensor, wanted: Tensor) -> Tensor:
    slope = found.softmax(2)
    return slope.scatter_add_(2, wanted[..., None], slope.new_full((), -1.0).expand(*wanted.shape, 1))


_SURPRISE = _Loss(_surprise, _surprise_slope)
_SQUARES = _Loss(
    lambda found, wanted: (found - wanted).square().mean(2),
    lambda found, wanted: (found - wanted) * (2 / wanted.shape[2]),
)


class _Networks:
    """Three networks side by side; their last layers start small.

    A step is over in a tenth of a millisecond, which autograd and an optimiser of many parameters would multiply: so
    gradients are written out, and all weights are parts of one tensor.

    Args:
        inputs: Coordinates r.
        outputs: Columns k.
        generator: Draws the weights.

    Attributes:
        weights: Of each network, one after the other, (g, w).
    """

    def __init__(self, inputs: int, outputs: int, generator: Generator) -> None:
        first = torch.randn(NETWORKS, inputs, HIDDEN, generator=generator) * (2 / max(inputs, 1)) ** 0.5
        last = torch.randn(NETWORKS, HIDDEN, outputs, generator=generator) * _LAST_LAYER * HIDDEN**-0.5
        parts = first, torch.zeros(NETWORKS, 1, HIDDEN), last, torch.zeros(NETWORKS, 1, outputs)
        self.weights = torch.cat([part.flatten(1) for part in parts], 1)
        split = self.weights.split([part[0].numel() for part in parts], 1)
        self._first, self._shift, self._last, self._bias = (
            own.view(part.shape) for own, part in zip(split, parts, strict=True)
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Predictions (g, n, k) for inputs (g, n, r)."""
        return torch.baddbmm(self._bias, self._hidden(x), self._last)

    def gradient(self, x: Tensor, wanted: Tensor, loss: _Loss) -> Tensor:
        """Gradient (g, w) of the mean loss of the rows (g, b, r) by the weights of each network."""
        hidden = self._hidden(x)
        out = loss.slope(torch.baddbmm(self._bias, hidden, self._last), wanted) / x.shape[1]
        inner = torch.bmm(out, self._last.mT).mul_(hidden.sign())
        parts = torch.bmm(x.mT, inner), inner.sum(1), torch.bmm(hidden.mT, out), out.sum(1)
        return torch.cat([part.flatten(1) for part in parts], 1)

    def _hidden(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self._shift, x, self._first).relu_()


class _AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019) on one tensor; the rate falls by half a cosine."""

    def __init__(self, weights: Tensor) -> None:
        self._weights, self._steps = weights, 0
        self._mean, self._square = torch.zeros_like(weights), torch.zeros_like(weights)

    def step(self, gradient: Tensor, *, done: float) -> None:
        """One step, after this share of all epochs."""
        self._steps += 1
        rate = RATE * (1 + math.cos(math.pi * done)) / 2
        first, second = _MOMENTS
        self._mean.lerp_(gradient, 1 - first)
        self._square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = self._square.sqrt().mul_((1 - second**self._steps) ** -0.5).add_(_TINY_SLOPE)
        self._weights.mul_(1 - rate * DECAY).addcdiv_(
            self._mean, root, value=-rate / (1 - first**self._steps)
        )


class _Turns:
    """Which rows each network is trained on, and which say when it stops.

    Args:
        validation: Bool (g, n), the rows that say when each of g networks stops.

    Attributes:
        each: int64 (g, 1), the networks, to index with.
        apart: int64 (g, v), the validation rows of each; of those that have fewer, other rows follow.
        counted: Bool (g, v), which of these are validation rows.
        length: Rows in an epoch, of each network as many as all have: groups may differ in size.
    """

    def __init__(self, validation: Tensor) -> None:
        self._held = validation.sum(1)
        self._order = validation.int().argsort(
            dim=1, descending=True, stable=True
        )  # validation rows come first
        self.each = torch.arange(len(validation))[:, None]
        self.apart = self._order[:, : int(self._held.max())]
        self.counted = torch.arange(self.apart.shape[1]) < self._held[:, None]
        self.length = validation.shape[1] - self.apart.shape[1]

    def epoch(self, generator: Generator) -> Iterator[Tensor]:
        """The rows of each step, int64 (g, b), in an order of its own for each network."""
        rows = [
            own[int(count) :][torch.randperm(len(own) - int(count), generator=generator)[: self.length]]
            for own, count in zip(self._order, self._held, strict=True)
        ]
        batch = min(BATCH, max(_SMALLEST_BATCH, self.length // _BATCHES))
        yield from torch.stack(rows).split(batch, 1)


class _Best:
    """The weights of each network that did best so far, and how many epochs ago that was."""

    def __init__(self, weights: Tensor) -> None:
        self._weights, self._kept = weights, weights.clone()
        self._least = torch.full((len(weights),), torch.inf)
        self._waited = torch.zeros(len(weights), dtype=torch.int64)

    def note(self, losses: Tensor) -> bool:
        """Keeps what did better on validation rows, (g,); whether every network has stopped."""
        better = (losses < self._least) & (self._waited < PATIENCE)
        self._least = torch.where(better, losses, self._least)
        self._waited = torch.where(better, 0, self._waited + 1)
        self._kept[better] = self._weights[better]
        return bool((self._waited >= PATIENCE).all())

    def restore(self) -> None:
        """Puts the kept weights back."""
        self._weights.copy_(self._kept)


@torch.no_grad()
def _train(
    networks: _Networks, x: Tensor, wanted: Tensor, validation: Tensor, loss: _Loss, generator: Generator
) -> None:
    """AdamW with a falling rate; of each network, the weights that did best on its validation rows stay.

    Networks share no weights, so that the steps of one are what they would be without the others.

    Args:
        networks: To be trained.
        x: Inputs (g, n, r).
        wanted: Of all networks, (n,) or (n, k).
        validation: Bool (g, n).
        loss: Of each row.
        generator: Of the order of rows.
    """
    optimizer = _AdamW(networks.weights)
    turns, best = _Turns(validation), _Best(networks.weights)
    counted, told = bool(turns.counted.any()), turns.counted.sum(1)
    apart, asked = x[turns.each, turns.apart], wanted[turns.apart]
    for epoch in range(EPOCHS):
        for rows in turns.epoch(generator):
            gradient = networks.gradient(x[turns.each, rows], wanted[rows], loss)
            optimizer.step(gradient, done=epoch / EPOCHS)
        if counted and best.note((loss.of(networks(apart), asked) * turns.counted).sum(1) / told):
            break
    if counted:
        best.restore()
