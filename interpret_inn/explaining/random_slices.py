"""Random slices of a code, as large as a factor: what redrawing that many axes does, whatever they stand for."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from interpret_inn.data.process import derived_seed
from interpret_inn.effects.changes import OutputKind, RedrawEffects, Target, measure
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Factor

SLICES = 4
"""Random slices of each size, which share the edits."""
_SHARE = 4
"""A random slice takes one edit for so many of the factor's own."""


class RandomSlices:
    """For each named factor, random directions of the code's leading axes, as many as its own.

    Args:
        translator: Backbone and flow.
        seed: Of the directions, and of the inputs that codes are taken from.

    Attributes:
        effects: By factor, what redraws of its random slices did in each batch.
    """

    def __init__(self, translator: Translator, seed: int) -> None:
        self._translator = translator
        self._generator = Generator().manual_seed(derived_seed(seed, "random slices"))
        self._bases: dict[str, list[Tensor]] = {}
        self.effects: dict[str, list[RedrawEffects]] = {
            factor.name: [] for factor in translator.factors.named
        }

    def measure(
        self, batch: Batch, factor: Factor, edits: int, outputs: Tensor, *, kind: OutputKind, target: Target
    ) -> None:
        """Redraws the random slices of a named factor; changes of images in plain units."""
        if factor.name not in self.effects:
            return
        each = max(1, edits // (_SHARE * SLICES))
        redrawn = torch.cat([self._redrawn(batch, basis, each) for basis in self._of(factor)])
        after = batch.with_codes(redrawn).outputs()
        self.effects[factor.name].append(measure(outputs, after, kind=kind, target=target, value_range=1.0))

    def _of(self, factor: Factor) -> list[Tensor]:
        """Orthonormal directions (L, size), some sets of them."""
        if factor.name not in self._bases:
            leading = self._translator.fitted.network.shape.leading
            self._bases[factor.name] = [
                torch.linalg.qr(torch.randn(leading, factor.size, generator=self._generator)).Q
                for _ in range(SLICES)
            ]
        return self._bases[factor.name]

    def _redrawn(self, batch: Batch, basis: Tensor, each: int) -> Tensor:
        """Codes (each, B, ..., D) whose part in a slice is that of reference codes; one draw for all positions."""
        own, reference = batch.own, self._translator.fitted.reference_codes
        leading = len(basis)
        chosen = torch.randint(len(reference), (each * len(own),), generator=self._generator)
        donors = reference[chosen.to(reference.device), :leading].to(own)
        donors = donors.reshape(each, len(own), *[1] * (own.ndim - 2), leading)
        directions = basis.to(own)
        codes = own.expand(each, *own.shape).clone()
        codes[..., :leading] += ((donors - own[..., :leading]) @ directions) @ directions.T
        return codes
