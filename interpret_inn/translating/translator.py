"""Translating inputs into codes and edited codes into outputs: a backbone and a fitted flow together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Backbone, Carried, primary
from interpret_inn.data import is_stream
from interpret_inn.errors import ConceptError, EditError, InputError, suggest
from interpret_inn.metrics.readouts import LinearReadOut, fit_linear
from interpret_inn.translating.axes import FactorAxis, factor_axes
from interpret_inn.translating.edits import Edit
from interpret_inn.translating.fitted import Fitted
from interpret_inn.translating.holding import hold_read_out
from interpret_inn.translating.streaming import batches, join
from interpret_inn.types import Factor, Factors, FloatArray

REACH = 2.5
"""Walks go so many standard deviations of the data to either side."""
_NOT_HERE = (
    "A translator has no .{0}: it is what interpreter.{0} was. A localizer is given (translator, inputs, factor). "
    "Leave .{0} out: translator.codes(z)."
)


class Translator:
    """The workbench that edits and explanations work on.

    Args:
        backbone: The frozen network and its site.
        fitted: The flow and what is known of its data.
    """

    def __init__(self, backbone: Backbone, fitted: Fitted) -> None:
        self.backbone = backbone
        self.fitted = fitted
        self._read_outs: dict[str, LinearReadOut] = {}

    @property
    def factors(self) -> Factors:
        """All factors of the flow."""
        return self.fitted.factors

    @cached_property
    def axes(self) -> dict[str, FactorAxis]:
        """Main direction of every factor."""
        return factor_axes(self.fitted)

    # --- between representation and code ---------------------------------------------------------------

    def codes(self, z: Tensor) -> tuple[Tensor, Any]:
        """Codes of representations (B, ...), (B, D) or (B, P, D) at positions; and what is carried along."""
        rows, carried = self.fitted.layout.to_rows(z)
        if rows.shape[1] != self.factors.total:
            raise InputError(
                f"Expected representations of {self.factors.total} axes, as in the fit, "
                f"found {rows.shape[1]}. "
                "Pass inputs of the size that the interpreter was fitted on."
            )
        codes, _ = self.fitted.network(rows.to(self.fitted.network.whitening.mean))
        return (codes.reshape(len(z), -1, codes.shape[1]) if len(rows) != len(z) else codes), carried

    def representation(self, codes: Tensor, carried: Any, like: Tensor) -> Tensor:
        """Representations (B, ...) of codes (B, D) or (B, P, D), where and as precise as `like`."""
        rows, _ = self.fitted.network.inverse(codes.reshape(-1, codes.shape[-1]))
        z: Tensor = self.fitted.layout.from_rows(rows.to(like.device), carried)
        return z.to(like.dtype)

    def draw(self, factor: Factor, n: int, generator: Generator) -> Tensor:
        """Codes of the factor from stored data, float (n, size)."""
        return self.fitted.draw(factor, n, generator)

    def class_code(self, factor: Factor, name: str) -> Tensor:
        """Mean code of a category, float (size,)."""
        return self.fitted.class_code(factor, name)

    # --- inputs ----------------------------------------------------------------------------------------

    def encode(self, inputs: Any) -> Tensor:
        """Codes of inputs, float (B, D), or (B, P, D) at positions."""
        with self.backbone.session():
            found = [
                self.codes(self.backbone.represent(batch))[0] for batch in batches(self.backbone, inputs)
            ]
        return torch.cat(found)

    def white(self, codes: Tensor) -> Tensor:
        """The whitened leading axes (n, d) of the representation whose codes are (n, D) or (n, d).

        This is where concepts are read: the representation itself, up to a fixed linear map.
        """
        network = self.fitted.network
        white: Tensor = network.blocks.inverse(codes[:, : network.shape.leading])[0]
        return white

    def read_out(self, name: str) -> LinearReadOut:
        """The linear read-out of a concept from `white`, trained on the bank (the fit part).

        Raises:
            ConceptError: there is no such concept, or it has no values to read.
        """
        if name not in self._read_outs:
            known = {c.name: (c.values, c.kind) for c in self.fitted.concepts if c.values is not None}
            if name not in known:
                raise ConceptError(
                    f"There is no concept {name!r} with values to read. {suggest(name, known)}"
                )
            white = self.white(self.fitted.bank).cpu().numpy()
            values, kind = known[name]
            self._read_outs[name] = fit_linear(white, values, kind=kind, groups=self.fitted.bank_groups)
        return self._read_outs[name]

    def hold(self, before: Tensor, after: Tensor, edited: Factor, concepts: Sequence[str]) -> Tensor:
        """`after` (..., D), moved outside the edited factor until the concepts read as in `before`."""
        axes = self.fitted.network.shape.leading
        weight = np.concatenate([_centred(self.read_out(name)) for name in concepts])
        held = after.clone()
        held[..., :axes] = hold_read_out(
            before[..., :axes].reshape(-1, axes),
            after[..., :axes].reshape(-1, axes),
            edited=edited,
            weight=torch.from_numpy(weight).to(after),
            decode=self.white,
        ).reshape(*after.shape[:-1], axes)
        return held

    def walked(self, codes: Tensor, factor: Factor, positions: Tensor) -> Tensor:
        """Codes (B, ..., D) with one factor put at each of S positions: (S, B, ..., D).

        Positions are in standard deviations of the data, along the factor's main direction.
        """
        moved = codes.expand(len(positions), *codes.shape).clone()
        moved[..., factor.slice] = self.axes[factor.name].moved(codes[..., factor.slice], positions)
        return moved

    # --- outputs ---------------------------------------------------------------------------------------

    def edited(self, codes: Tensor, edits: Sequence[Edit]) -> Tensor:
        """Codes after all edits, one after the other.

        Raises:
            EditError: an edit is none, or does not fit.
        """
        for edit in edits:
            if not isinstance(edit, Edit):
                raise EditError(
                    f"Expected edits from interpret_inn.edits, found {type(edit).__name__}. "
                    'Type edits=[inn.edits.swap("factor", donor)].'
                )
            codes = edit.apply(codes, self)
        return codes

    def run(self, inputs: Any, edits: Sequence[Edit]) -> Any:
        """Outputs of the model with these edits."""
        with self.backbone.session():
            # Read twice, as prepared inputs may not fit in memory; of a stream the second time may differ.
            kept = list(batches(self.backbone, inputs)) if is_stream(inputs) else None
            found = (self.backbone.represent(batch) for batch in kept or batches(self.backbone, inputs))
            codes = self.edited(torch.cat([self.codes(z)[0] for z in found]), edits)
            outputs, done = [], 0
            for batch in kept or batches(self.backbone, inputs):
                outputs.append(self.outputs_of(batch, codes[done : done + len(batch)]))
                done += len(batch)
            return join(outputs)

    def outputs_of(self, prepared: Tensor, codes: Tensor) -> Any:
        """Outputs for inputs whose codes (B, D) or (B, P, D) were replaced."""

        def rewrite(z: Tensor) -> Tensor:
            return self.representation(codes, self.codes(z)[1], z)

        return self.backbone.rewritten(prepared, rewrite)

    def walk(self, inputs: Any, factor: str, steps: int | Sequence[float]) -> Tensor:
        """Primary outputs (S, B, ...) along a factor's main direction; see `Interpreter.walk`.

        Raises:
            EditError: no step at all, or positions that are no numbers.
        """
        chosen, positions = self.factors[factor], positions_of(steps)
        found = []
        with self.backbone.session():
            for batch in batches(self.backbone, inputs):
                z = self.backbone.represent(batch)
                codes, carried = self.codes(z)
                found.append(self.variants(batch, z, carried, self.walked(codes, chosen, positions)))
        return torch.cat(found, 1)

    def invert(self, codes: Tensor, inputs: Any) -> Tensor:
        """Representations of codes; see `Interpreter.invert`.

        Raises:
            EditError: codes of another width, or the layout needs the inputs.
        """
        backbone, layout, total = self.backbone, self.fitted.layout, self.factors.total
        codes = torch.as_tensor(codes).to(self.fitted.network.whitening.mean)
        places = (layout.positions_per_input(self.fitted.z_shape),) if layout.name == "positions" else ()
        if tuple(codes.shape[1:]) != (*places, total):
            expected = ", ".join(map(str, ("B", *places, total)))
            raise EditError(f"Expected codes of {total} axes, ({expected}), found {tuple(codes.shape)}.")
        if inputs is not None:
            with backbone.session():
                z = torch.cat([backbone.represent(batch) for batch in batches(backbone, inputs)])
            if len(z) != len(codes):
                raise EditError(f"Expected as many inputs as codes ({len(codes)}), found {len(z)}.")
            return self.representation(codes, layout.to_rows(z)[1], z)
        if layout.name == "pooled" or (layout.name == "positions" and layout.prefix):
            raise EditError(
                f"The layout {str(layout)!r} carries along what is not in the code. "
                "Type invert(codes, inputs) with the inputs that the codes are of."
            )
        no_prefix = codes.new_empty(len(codes), 0, total)
        return self.representation(codes, Carried(self.fitted.z_shape, codes.dtype, no_prefix), codes)

    def variants(self, prepared: Tensor, z: Tensor, carried: Any, codes: Tensor) -> Tensor:
        """Primary outputs for many codes of each input: from (M, B, ..., D) to (M, B, ...), on the CPU.

        Where the model's tail can run from `z` alone, all variants go through it in a few large batches;
        else the whole model runs once for each of the M.
        """
        return torch.stack([self.variant(prepared, z, carried, one).cpu() for one in codes])

    def variant(self, prepared: Tensor, z: Tensor, carried: Any, codes: Tensor) -> Tensor:
        """Primary outputs for other codes (B, ..., D) of each input: (B, ...), on the model's device."""
        changed = self.representation(codes, carried, z)
        outputs = self.backbone.tail(changed)
        if outputs is None:
            outputs = self.backbone.rewritten(prepared, constant(changed))
        return primary(outputs).detach()

    # --- what localizers that expect an interpreter ask for ----------------------------------------------

    @property
    def bench(self) -> NoReturn:
        """An old name: says what to write instead."""
        raise AttributeError(_NOT_HERE.format("bench"))

    @property
    def translator(self) -> NoReturn:
        """Of an interpreter: says what to write instead."""
        raise AttributeError(_NOT_HERE.format("translator"))


def positions_of(steps: int | Sequence[float]) -> Tensor:
    """Where a walk stops, float (S,)."""
    try:
        if isinstance(steps, int):
            found = torch.linspace(-REACH, REACH, steps)
        else:
            found = torch.as_tensor(steps, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        found = torch.empty(0)
    if found.ndim != 1 or not len(found) or not bool(found.isfinite().all()):
        raise EditError(
            f"Expected at least one step to walk, found {steps!r}. Type steps=9, or positions in standard "
            "deviations: steps=[-2, 0, 2]."
        )
    return found


def constant(z: Tensor) -> Callable[[Tensor], Tensor]:
    """A rewrite that puts the same representation in, whatever was there."""
    return lambda _: z


def _centred(read: LinearReadOut) -> FloatArray:
    """Weights (C, d) of what must not move: of classes only the logits relative to each other count."""
    return read.weight - read.weight.mean(0) if len(read.classes) else read.weight
