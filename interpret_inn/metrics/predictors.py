"""The networks among the probes: three small ones, trained together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Generator, Tensor, nn

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

Loss = Callable[[Tensor, Tensor], Tensor]
"""From predictions (g, b, k) and what is wanted, to the loss (g, b) of each row."""


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
    with torch.enable_grad():
        _train(
            networks,
            inputs,
            wanted if classes else wanted.float(),
            torch.from_numpy(validation),
            _surprise if classes else _squares,
            generator,
        )

    @torch.no_grad()
    def read(codes: FloatArray) -> FloatArray:
        found: FloatArray = networks(_inputs(coordinates, codes)).double().numpy()
        return found

    return read


def _inputs(coordinates: Sequence[Coordinates], x: FloatArray) -> Tensor:
    """What each network reads, float32 (g, n, r): its leading coordinates, as many as all of them have."""
    width = min(len(each.variances) for each in coordinates)
    return torch.from_numpy(np.stack([each.of(x)[:, :width] for each in coordinates])).float()


def _squares(found: Tensor, wanted: Tensor) -> Tensor:
    return (found - wanted).square().mean(2)


def _surprise(found: Tensor, wanted: Tensor) -> Tensor:
    flat = nn.functional.cross_entropy(found.flatten(0, 1), wanted.flatten(), reduction="none")
    return flat.reshape(wanted.shape)


class _Networks(nn.Module):
    """Three networks side by side, whose weights are drawn from the generator; their last layers start small."""

    def __init__(self, inputs: int, outputs: int, generator: Generator) -> None:
        super().__init__()
        first = torch.randn(NETWORKS, inputs, HIDDEN, generator=generator) * (2 / max(inputs, 1)) ** 0.5
        last = torch.randn(NETWORKS, HIDDEN, outputs, generator=generator) * _LAST_LAYER * HIDDEN**-0.5
        self.first, self.last = nn.Parameter(first), nn.Parameter(last)
        self.shift = nn.Parameter(torch.zeros(NETWORKS, 1, HIDDEN))
        self.bias = nn.Parameter(torch.zeros(NETWORKS, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Predictions (g, n, k) for inputs (g, n, r)."""
        hidden = torch.baddbmm(self.shift, x, self.first).relu()
        return torch.baddbmm(self.bias, hidden, self.last)


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

    def __init__(self, networks: nn.Module) -> None:
        self._weights = list(networks.parameters())
        self._kept = [value.detach().clone() for value in self._weights]
        count = len(self._kept[0])
        self._least = torch.full((count,), torch.inf)
        self._waited = torch.zeros(count, dtype=torch.int64)

    def note(self, losses: Tensor) -> bool:
        """Keeps what did better on validation rows, (g,); whether every network has stopped."""
        better = (losses < self._least) & (self._waited < PATIENCE)
        self._least = torch.where(better, losses, self._least)
        self._waited = torch.where(better, 0, self._waited + 1)
        for kept, value in zip(self._kept, self._weights, strict=True):
            kept[better] = value.detach()[better]
        return bool((self._waited >= PATIENCE).all())

    @torch.no_grad()
    def restore(self) -> None:
        """Puts the kept weights back."""
        for kept, value in zip(self._kept, self._weights, strict=True):
            value.copy_(kept)


def _train(
    networks: nn.Module, x: Tensor, wanted: Tensor, validation: Tensor, loss: Loss, generator: Generator
) -> None:
    """AdamW with a falling rate; of each network, the weights that did best on its validation rows stay.

    Networks share no weights, so that the steps of one are what they would be without the others.

    Args:
        networks: To be trained; the first axis of all weights counts networks.
        x: Inputs (g, n, r).
        wanted: Of all networks, (n,) or (n, k).
        validation: Bool (g, n).
        loss: Of each row.
        generator: Of the order of rows.
    """
    optimizer = torch.optim.AdamW(networks.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    turns, best = _Turns(validation), _Best(networks)
    for _ in range(EPOCHS):
        for rows in turns.epoch(generator):
            optimizer.zero_grad()
            loss(networks(x[turns.each, rows]), wanted[rows]).mean(1).sum().backward()
            optimizer.step()
        schedule.step()
        if not turns.counted.any():
            continue
        with torch.no_grad():
            each = loss(networks(x[turns.each, turns.apart]), wanted[turns.apart]) * turns.counted
        if best.note(each.sum(1) / turns.counted.sum(1)):
            break
    if turns.counted.any():
        best.restore()
