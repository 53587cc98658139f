"""The invertible network: `T = blocks ∘ whitening`, a bijection of the whole representation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from nflows.transforms import CompositeTransform, Transform
from torch import Generator, Tensor

from interpret_inn.flows.coupling import CouplingBlock
from interpret_inn.flows.rotation import Rotation
from interpret_inn.flows.whitening import Whitening


@dataclass(frozen=True)
class FlowShape:
    """What is needed to build a flow before its weights are loaded.

    Attributes:
        width: `D`, all axes of the representation.
        leading: `d`, the axes that enter the blocks.
        blocks: Number of coupling blocks.
        hidden: Width of the conditioners' hidden layers.
        depth: Number of their hidden layers.
    """

    width: int
    leading: int
    blocks: int = 4
    hidden: int = 128
    depth: int = 1


class _FullPrecision(CompositeTransform):
    """Transforms one after the other in full precision: under the caller's autocast the inverse would not be exact."""

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        with torch.autocast(inputs.device.type, enabled=False):
            found: tuple[Tensor, Tensor] = super().forward(inputs, context)
        return found

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        with torch.autocast(inputs.device.type, enabled=False):
            found: tuple[Tensor, Tensor] = super().inverse(inputs, context)
        return found


class InvertibleNetwork(Transform):
    """Whitening, then a rotation and coupling blocks on the leading axes; the others pass through whitened.

    In the code, the `leading` axes stand first, so that all factors but the residual lie in them.
    """

    def __init__(self, whitening: Whitening, shape: FlowShape, generator: Generator) -> None:
        super().__init__()
        self.shape = shape
        self.whitening = whitening
        orders = [torch.randperm(shape.leading, generator=generator) for _ in range(shape.blocks)]
        couplings = [
            CouplingBlock(
                shape.leading, hidden=shape.hidden, depth=shape.depth, generator=generator, order=order
            )
            for order in orders
        ]
        self.blocks = _FullPrecision([Rotation(shape.leading), *couplings])
        self._orders = orders

    def align(self, axes: Tensor) -> None:
        """Makes the columns of an orthogonal matrix (d, d) the axes of the fresh network's code, in order.

        Fresh couplings only permute the axes, which the rotation undoes beforehand.
        """
        place = torch.arange(self.shape.leading)
        for order in self._orders:
            place = place[order]
        matrix = torch.empty_like(axes)
        matrix[:, place.to(axes.device)] = axes
        next(iter(self.blocks._transforms)).set(matrix)

    def reorder(self, order: Tensor) -> None:
        """Gives the leading axes of the code another order: axis `order[i]` becomes axis i; int64 (d,)."""
        *_, last = self.blocks._transforms  # a coupling block, or the rotation if there are none
        last.reorder(order)

    @classmethod
    def empty(cls, shape: FlowShape) -> InvertibleNetwork:
        """A network in the right shapes for stored weights to be loaded into."""
        return cls(Whitening.empty(shape.width, shape.leading), shape, Generator().manual_seed(0))

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Translates rows of the representation (B, D) into codes (B, D); also log|det| (B,)."""
        white, scaled = self.whitening(inputs)
        codes, moved = self.blocks(white[:, : self.shape.leading])
        return torch.cat((codes, white[:, self.shape.leading :]), dim=1), scaled + moved

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Translates codes (B, D) back into rows of the representation (B, D); also log|det| (B,)."""
        white, moved = self.blocks.inverse(inputs[:, : self.shape.leading])
        rows, scaled = self.whitening.inverse(torch.cat((white, inputs[:, self.shape.leading :]), dim=1))
        return rows, scaled + moved
