"""Affine coupling whose scale is bounded, so that edited codes stay where the data are."""

from __future__ import annotations

import torch
from nflows.transforms import Transform
from torch import Generator, Tensor, nn

BOUND = 1.0
"""Largest log-scale of one coupling: `exp(a·tanh(s/a))` lies between 1/e and e."""
REACH = 3.0
"""Standard deviations beyond which a conditioner's inputs saturate: it is given `r·tanh(x/r)`."""


class Conditioner(nn.Module):
    """The network of a coupling: from one half, log-scale and shift of the other.

    The last layer starts at zero, so that a fresh coupling is the identity; the others are drawn from
    `generator`, and the global random state is left alone.
    """

    def __init__(self, inputs: int, outputs: int, *, hidden: int, depth: int, generator: Generator) -> None:
        super().__init__()
        widths = [inputs] + [hidden] * depth
        layers = [
            nn.utils.skip_init(nn.Linear, a, b)
            for a, b in zip(widths, [*widths[1:], 2 * outputs], strict=True)
        ]
        for layer in layers[:-1]:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(layers[-1].weight)
        for layer in layers:
            nn.init.zeros_(layer.bias)
        self.layers = nn.ModuleList(layers)

    def forward(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """From the kept half (B, a) to log-scale and shift of the other half, (B, b) each."""
        # Outside the data the conditioner saturates. Linear extrapolation would amplify outliers in each coupling
        # until the round trip fails in floats.
        kept = REACH * torch.tanh(kept / REACH)
        *hidden, last = self.layers
        for layer in hidden:
            kept = torch.relu(layer(kept))
        scale, shift = last(kept).chunk(2, dim=1)
        return BOUND * torch.tanh(scale / BOUND), shift


class CouplingBlock(Transform):
    """Couples one half to the other, then the other to the one, then reorders the axes.

    The halves are contiguous slices, which is a third faster than index lists.

    Args:
        width: Number of axes, at least 2.
        hidden: Width of the conditioners' hidden layers.
        depth: Number of their hidden layers.
        generator: Draws the conditioners' weights.
        order: int64 (width,), the fixed permutation at the end; None: the order stays.
    """

    def __init__(
        self, width: int, *, hidden: int, depth: int, generator: Generator, order: Tensor | None = None
    ) -> None:
        super().__init__()
        self.half = width // 2
        other = width - self.half
        self.second = Conditioner(self.half, other, hidden=hidden, depth=depth, generator=generator)
        self.first = Conditioner(other, self.half, hidden=hidden, depth=depth, generator=generator)
        order = torch.arange(width) if order is None else order
        self.register_buffer("order", order)
        self.register_buffer("back", order.argsort())

    def reorder(self, order: Tensor) -> None:
        """Makes axis `order[i]` of the results axis i from now on; int64 (width,)."""
        self.order.copy_(self.order[order.to(self.order.device)])
        self.back.copy_(self.order.argsort())

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Maps (B, width); returns the result and log|det| (B,)."""
        a, b = inputs[:, : self.half], inputs[:, self.half :]
        log_b, shift = self.second(a)
        b = torch.addcmul(shift, b, log_b.exp())
        log_a, shift = self.first(b)
        a = torch.addcmul(shift, a, log_a.exp())
        outputs = torch.cat((a, b), dim=1).index_select(1, self.order)
        return outputs, log_a.sum(1) + log_b.sum(1)

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Undoes it: (B, width) to (B, width) and log|det| of the inverse (B,)."""
        inputs = inputs.index_select(1, self.back)
        a, b = inputs[:, : self.half], inputs[:, self.half :]
        log_a, shift = self.first(b)
        a = (a - shift) * (-log_a).exp()
        log_b, shift = self.second(a)
        b = (b - shift) * (-log_b).exp()
        return torch.cat((a, b), dim=1), -(log_a.sum(1) + log_b.sum(1))
