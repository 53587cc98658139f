"""Batches: inputs with their representation and codes, and the outputs for other codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Carried, primary
from interpret_inn.backbones.structures import at_rows
from interpret_inn.errors import EditError, InputError
from interpret_inn.translating.codec import Codec, held_names, placed
from interpret_inn.translating.encoding import join
from interpret_inn.types import Factor

PASS_BYTES = 2**24
"""Bytes of representations and outputs in one pass through the tail, 16 MiB: activations between them, as in a decoder
of images, take many times as much."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Inputs that have been run up to the site, with the codes for which outputs are computed.

    Batches come from `Translator.batches` and do not change: `with_factor`, `redrawn`, `traversed` and `with_codes`
    give others, with the same inputs and other codes. They are used within a session of the backbone.

    Example:
        with translator.backbone.session():
            for batch in translator.batches(images):
                batch.redrawn(translator.factors["digit"], 8, generator).outputs()  # (8, B, ...)

    Attributes:
        translator: Backbone and flow.
        prepared: The inputs as the model takes them, (B, ...).
        z: Their representations, (B, ...).
        carried: The part of these that the layout carries along.
        own: The inputs' own codes, float (B, D), or (B, P, D) at positions.
        codes: The codes for which outputs are computed, likewise; or (M, B, ..., D), M variants of each input.
    """

    translator: Codec
    prepared: Tensor
    z: Tensor
    carried: Carried
    own: Tensor
    codes: Tensor
    _bare: Any = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.prepared)

    @property
    def changed(self) -> bool:
        """Whether the codes are not the inputs' own."""
        return self.codes is not self.own

    @property
    def varied(self) -> bool:
        """Whether there are variants of each input."""
        return self.codes.ndim > self.own.ndim

    # --- other codes -----------------------------------------------------------------------------------

    def with_codes(self, codes: Tensor) -> Batch:
        """The same inputs with other codes (B, ..., D), or (M, B, ..., D).

        Raises:
            EditError: codes for other inputs, or of another width.
        """
        shape = tuple(self.own.shape)
        if tuple(codes.shape[-len(shape) :]) != shape or codes.ndim > len(shape) + 1:
            raise EditError(f"Expected codes {shape}, or (M, {str(shape)[1:]}, found {tuple(codes.shape)}.")
        return replace(self, codes=codes)

    def with_factor(self, factor: Factor, values: Tensor, *, hold: Sequence[str] = ()) -> Batch:
        """The same inputs with one factor replaced.

        Args:
            factor: The factor.
            values: float, broadcasts to (B, ..., size); with one axis more in front, (M, B, ..., size) or
                (M, 1, ..., size), they give M variants of each input.
            hold: Concepts that keep the value which their linear probe reads from the whole code, at positions from the
                mean over positions of what the code stands for.

        Raises:
            EditError: values of another shape, `hold` names the factor itself, or `hold` is one text.
            ConceptError: there is no such concept.
        """
        held = held_names(hold)
        if factor.name in held:
            raise EditError(f"hold names the factor that is changed. Take {factor.name!r} out of hold.")
        after = placed(self.codes, factor.slice, values)
        if held:
            inputs = (-1, *self.own.shape[1:])
            before = self.codes.expand_as(after).reshape(inputs)  # variants stand below each other
            after = self.translator.hold(before, after.reshape(inputs), factor, held).reshape(after.shape)
        return self.with_codes(after)

    def redrawn(self, factor: Factor, n: int, generator: Generator) -> Batch:
        """`n` variants of each input with one factor drawn from the reference codes: codes (n, B, ..., D).

        At positions all of an input's positions get the same draw.
        """
        drawn = self.translator.draw(factor, n * len(self), generator)
        return self.with_factor(factor, drawn.reshape(n, len(self), *self._inner, factor.size))

    def traversed(self, factor: Factor, positions: Tensor, *, hold: Sequence[str] = ()) -> Batch:
        """A variant of each input for each of S positions along a factor's main direction: codes (S, B, ..., D).

        Positions are in standard deviations of the data.
        """
        moved = self.translator.axes[factor.name].moved(self.codes[..., factor.slice], positions)
        return self.with_factor(factor, moved, hold=hold)

    def with_path(self, factor: Factor, path: Tensor, *, hold: Sequence[str] = ()) -> Batch:
        """A variant of each input for each of S values of a factor, (S, size): codes (S, B, ..., D)."""
        return self.with_factor(factor, path.reshape(len(path), 1, *self._inner, factor.size), hold=hold)

    @property
    def _inner(self) -> list[int]:
        """Ones in place of the axes between the batch axis and the axes of the code, as in (B, P, D)."""
        return [1] * (self.own.ndim - 2)

    # --- parts and wholes -------------------------------------------------------------------------------

    def take(self, indices: Tensor | slice) -> Batch:
        """Some of the inputs, int64 (N,), in this order and repeated like these, or a slice."""
        own = self.own[indices]
        codes = own if not self.changed else self.codes[:, indices] if self.varied else self.codes[indices]
        bare = None if self._bare is None else at_rows(self._bare, indices, of=len(self))
        return Batch(
            self.translator,
            self.prepared[indices],
            self.z[indices],
            self.carried.take(indices),
            own,
            codes,
            bare,
        )

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """Several batches of inputs of one size as one, with the inputs' own codes."""
        first, own = parts[0], torch.cat([part.own for part in parts])
        kept = [part._bare for part in parts]
        try:
            bare = None if any(one is None for one in kept) else join(kept)
        except InputError:  # outputs without one row for each input
            bare = None
        carried = Carried.joined([part.carried for part in parts])
        prepared, z = (torch.cat([getattr(part, name) for part in parts]) for name in ("prepared", "z"))
        return cls(first.translator, prepared, z, carried, own, own, bare)

    def summary(self) -> Tensor:
        """The leading axes of the codes, (B, d) or (M, B, d) on the CPU; at positions, their mean over these."""
        leading = self.codes[..., : self.translator.fitted.network.shape.leading]
        return (leading.mean(-2) if self.own.ndim == 3 else leading).cpu()

    def random_position(self, generator: Generator) -> Tensor:
        """The leading axes of the codes, as `summary`; at positions, those of one position of each input, as drawn."""
        if self.own.ndim == 2:
            return self.summary()
        inputs, positions = (
            torch.arange(len(self)),
            torch.randint(self.own.shape[1], (len(self),), generator=generator),
        )
        return self.codes[..., inputs, positions, : self.translator.fitted.network.shape.leading].cpu()

    # --- outputs ---------------------------------------------------------------------------------------

    def representation(self) -> Tensor:
        """Representations of the codes, (B, ...); not for variants."""
        return (
            self.z if not self.changed else self.translator.representation(self.codes, self.carried, self.z)
        )

    def outputs(self) -> Any:
        """The outputs for the codes.

        For the inputs' own codes they are the bare model's bit for bit. For others the model's tail runs from the site
        alone if it can, else the whole model runs with the site overwritten. Variants go through the tail in few
        passes.

        Returns:
            The model's structure of outputs, on its device; for variants primary outputs (M, B, ...), on the CPU.
        """
        if self.varied:
            return self._of_variants()
        if self.changed:
            return self.outputs_at(self.representation())
        return self.translator.backbone.outputs(self.prepared) if self._bare is None else self._bare

    def primary_outputs(self) -> Tensor:
        """The primary outputs, (B, ...) or (M, B, ...), detached, on the CPU."""
        return primary(self.outputs()).detach().cpu()

    def outputs_at(self, z: Tensor) -> Any:
        """The model's outputs for these inputs, with the representations `z` (B, ...) at the site."""
        backbone = self.translator.backbone
        outputs = backbone.tail(z)
        return backbone.rewritten(self.prepared, lambda _: z) if outputs is None else outputs

    def _of_variants(self) -> Tensor:
        if not self.translator.backbone.has_tail:
            return torch.stack([self.with_codes(codes).primary_outputs() for codes in self.codes])
        found: list[Tensor] = []
        done, at_once = 0, 1
        while done < len(self.codes):
            outputs, size = self._through_the_tail(self.codes[done : done + at_once])
            done += len(outputs)
            found.append(outputs)
            at_once = max(1, PASS_BYTES * len(outputs) // max(size, 1))
        return torch.cat(found)

    def _through_the_tail(self, codes: Tensor) -> tuple[Tensor, int]:
        """Primary outputs (k, B, ...) of some variants in one pass, and the bytes of representations and outputs."""
        count = len(codes)
        carried = self.carried.take(torch.arange(len(self)).repeat(count))
        z = self.translator.representation(codes.flatten(0, 1), carried, self.z)
        outputs = primary(self.translator.backbone.tail(z)).detach()
        return outputs.unflatten(0, (count, len(self))).cpu(), z.nbytes + outputs.nbytes
