"""The invertible network: `T = blocks ∘ whitening`, a bijection of the whole representation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from nflows.transforms import CompositeTransform, Transform
from torch import Generator, Tensor

from interpret_inn.flows.conditional import Conditional, ConditionalShape
from interpret_inn.flows.coupling import CouplingBlock
from interpret_inn.flows.exact_whitening import ExactWhitening
from interpret_inn.flows.kernel_mean import KernelMean
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
        conditional: In place of coupling blocks; None: a joint flow of coupling blocks.
        outer: Centres of the mean of all other axes given the named factors; 0: that mean is 0.
    """

    width: int
    leading: int
    blocks: int = 4
    hidden: int = 128
    depth: int = 1
    conditional: ConditionalShape | None = None
    outer: int = 0

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> FlowShape:
        """The shape that `dataclasses.asdict` made a mapping of."""
        inner = stored.get("conditional")
        return cls(**{**stored, "conditional": None if inner is None else ConditionalShape.of(inner)})


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
    """Whitening, then the blocks on the leading axes; the others pass through whitened, or less their mean.

    The blocks are a rotation and coupling blocks (a joint flow), or exact whitening, a rotation and a `Conditional`. In
    the code, the `leading` axes stand first, so that all factors but the residual lie in them.
    """

    def __init__(self, whitening: Whitening, shape: FlowShape, generator: Generator) -> None:
        super().__init__()
        self.shape = shape
        self.whitening = whitening
        rotation = Rotation(shape.leading)
        self._orders: list[Tensor] = []
        self.outer: KernelMean | None = None
        if shape.conditional is None:
            self._orders = [torch.randperm(shape.leading, generator=generator) for _ in range(shape.blocks)]
            couplings = [
                CouplingBlock(
                    shape.leading, hidden=shape.hidden, depth=shape.depth, generator=generator, order=order
                )
                for order in self._orders
            ]
            self.blocks = _FullPrecision([rotation, *couplings])
        else:
            inner = Conditional(shape.conditional)
            self.blocks = _FullPrecision([ExactWhitening(shape.leading), rotation, inner])
            if shape.outer:
                named = sum(shape.conditional.sizes[:-1])
                self.outer = KernelMean(shape.outer, named, shape.width - shape.leading)

    def align(self, axes: Tensor) -> None:
        """Makes the columns of an orthogonal matrix (d, d) the axes of the fresh network's code, in order.

        Fresh couplings only permute the axes, which the rotation undoes beforehand.
        """
        place = torch.arange(self.shape.leading)
        for order in self._orders:
            place = place[order]
        matrix = torch.empty_like(axes)
        matrix[:, place.to(axes.device)] = axes
        next(one for one in self.blocks._transforms if isinstance(one, Rotation)).set(matrix)

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
        codes, moved = self.coded(white)
        return codes, scaled + moved

    def coded(self, white: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (B, w) of whitened rows (B, w), which may lack the last axes: d ≤ w ≤ D; also log|det| (B,)."""
        leading = self.shape.leading
        codes, moved = self.blocks(white[:, :leading])
        outer = white[:, leading:]
        return torch.cat((codes, outer - self._outer_mean(codes, outer)), dim=1), moved

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Translates codes (B, D) back into rows of the representation (B, D); also log|det| (B,)."""
        leading = self.shape.leading
        white, moved = self.blocks.inverse(inputs[:, :leading])
        outer = inputs[:, leading:]
        whole = torch.cat((white, outer + self._outer_mean(inputs[:, :leading], outer)), dim=1)
        rows, scaled = self.whitening.inverse(whole)
        return rows, scaled + moved

    def _outer_mean(self, codes: Tensor, outer: Tensor) -> Tensor:
        """The mean (B, v) of the first v outer axes given the codes of the leading ones, or zeros."""
        if self.outer is None:
            return torch.zeros_like(outer)
        found: Tensor = self.outer(codes[:, : self.outer.centres.shape[1]])
        return found[:, : outer.shape[1]]
