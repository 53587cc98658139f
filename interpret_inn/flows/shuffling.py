"""Random weights for a flow, or any network, that keep the distribution of its own."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Generator, Tensor, nn

from interpret_inn.flows.gated_scale import Gate, GatedScale
from interpret_inn.flows.kernel_mean import KernelMean


@torch.no_grad()
def shuffle_weights(module: nn.Module, generator: Generator) -> None:
    """Shuffles the numbers within each weight of two axes and more, in place.

    Weights are the trained ones, and the numbers of a conditional flow, which are found in closed form. Its triangular
    factors keep their diagonals apart from what stands below, so that they stay invertible.

    Args:
        module: A network, or a flow.
        generator: Draws the orders, on the CPU.
    """
    for weight in _weights(module):
        if weight.ndim > 1:
            weight.copy_(_shuffled(weight.flatten(), generator).view_as(weight))
    for part in module.modules():
        if isinstance(part, GatedScale):
            ones = torch.ones_like(part.factors)
            for kept in (ones.tril(-1).bool(), (ones.tril() - ones.tril(-1)).bool()):
                part.factors[kept] = _shuffled(part.factors[kept], generator)


def _weights(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    for part in module.modules():
        if isinstance(part, KernelMean):
            yield from (part.centres, part.weights)
        elif isinstance(part, Gate):
            yield part.slopes


def _shuffled(values: Tensor, generator: Generator) -> Tensor:
    """Values (n,) in a random order."""
    return values[torch.randperm(len(values), generator=generator).to(values.device)]
