"""The translator: from inputs to batches with their codes, and from codes to outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from interpret_inn.backbones import Carried
from interpret_inn.errors import EditError, InputError, warn
from interpret_inn.renamed import with_old_names
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.codec import Codec
from interpret_inn.translating.edits import Edit
from interpret_inn.translating.encoding import batches, counted, join
from interpret_inn.types import Factor

REACH = 2.5
"""Standard deviations of the data that traversals reach to either side."""
FAR = 4.0
"""An edit may set codes so far beyond the range of the reference codes before it warns. Flows are fitted to codes of
N(0, 1), which reach a distance of 4 from their mean once in 16,000 draws: beyond, nothing was ever fitted."""


@with_old_names
class Translator(Codec):
    """What edits, explanations and localizers work with: a frozen network, its site and the fitted flow.

    Data take one way through it: inputs, `batches`, a `Batch` with the codes, `batch.with_factor(…)`,
    `batch.outputs()`.

    Args:
        backbone: The frozen network and its site.
        fitted: The flow and what is known of its data.
    """

    # --- inputs ----------------------------------------------------------------------------------------

    def batches(self, inputs: Any, *, outputs: bool = False) -> Iterator[Batch]:
        """Yields inputs batch by batch, run up to the site. It needs a session of the backbone.

        Args:
            inputs: Anything that can be read as inputs.
            outputs: The forward goes on to the end, so that `Batch.outputs` need not run the model again.

        Raises:
            InputError: there are no inputs, or they do not fit.
        """
        for prepared in batches(self.backbone, inputs):
            yield self.batch(prepared, outputs=outputs)

    def batch(self, prepared: Tensor, *, outputs: bool = False) -> Batch:
        """The batch of prepared inputs (B, ...); see `batches`."""
        if outputs:
            z, found = self.backbone.run_through(prepared)
            return self.at(z, prepared, outputs=found)
        return self.at(self.backbone.represent(prepared), prepared)

    def at(self, z: Tensor, prepared: Tensor, *, outputs: Any = None) -> Batch:
        """The batch of representations (B, ...) that are known already.

        Args:
            z: The inputs' representations.
            prepared: The inputs; `z` itself will do if outputs are made from the site alone.
            outputs: The bare model's outputs, if known.
        """
        codes, carried = self.codes(z)
        return Batch(self, prepared, z, carried, codes, codes, outputs)

    def whole(self, inputs: Any) -> Batch:
        """All inputs as one batch. It needs a session of the backbone.

        Raises:
            EditError: inputs of different sizes.
            InputError: there are no inputs, or they do not fit.
        """
        prepared = list(batches(self.backbone, inputs))
        shapes = {tuple(part.shape[1:]) for part in prepared}
        if len(shapes) > 1:
            raise EditError(
                f"Expected inputs of one size, found {sorted(shapes)}. Pass those of one size at a time."
            )
        return self.at(torch.cat([self.backbone.represent(part) for part in prepared]), torch.cat(prepared))

    # --- outputs ---------------------------------------------------------------------------------------

    def edited(self, codes: Tensor, edits: Sequence[Edit]) -> Tensor:
        """Codes (B, D) or (B, P, D) after all edits, one after the other.

        Raises:
            EditError: an edit is not from `edits`, or does not fit.
        """
        empty = codes.new_empty(len(codes), 0)
        batch = Batch(self, empty, empty, Carried((0,), codes.dtype), codes, codes)
        return _EditSequence(edits, self, len(codes)).edited(batch).codes

    def run(self, inputs: Any, edits: Sequence[Edit]) -> Any:
        """Outputs of the model with these edits; each input takes one forward of the model and of the flow.

        Raises:
            EditError: an edit is not from `edits`, or does not fit.
        """
        with self.backbone.session():
            read, total = counted(inputs)
            sequence = _EditSequence(edits, self, total)
            outputs = [self._edited(prepared, sequence) for prepared in batches(self.backbone, read)]
            sequence.end()
            return join(outputs)

    def _edited(self, prepared: Tensor, sequence: _EditSequence) -> Any:
        """Outputs of prepared inputs whose codes are edited in the forward, at the site."""

        def rewrite(z: Tensor) -> Tensor:
            self.backbone.check_shape(z)
            return sequence.edited(self.at(z, prepared)).representation()

        return self.backbone.rewritten(prepared, rewrite)

    def outputs_of(self, prepared: Tensor, codes: Tensor) -> Any:
        """Outputs of prepared inputs with these codes, (B, D) or (B, P, D), in place of their own."""

        def rewrite(z: Tensor) -> Tensor:
            return self.representation(codes, self.fitted.layout.to_rows(z)[1], z)

        return self.backbone.rewritten(prepared, rewrite)

    def traverse(self, inputs: Any, factor: str, steps: int | Sequence[float]) -> Tensor:
        """Primary outputs (S, B, ...) along a factor's main direction; see `Interpreter.traverse`.

        Raises:
            EditError: no step at all, or positions that are no numbers.
        """
        chosen, positions = self.factors[factor], positions_of(steps)
        with self.backbone.session():
            found = [batch.traversed(chosen, positions).outputs() for batch in self.batches(inputs)]
        return torch.cat(found, 1)

    def invert(self, codes: Tensor, inputs: Any) -> Tensor:
        """Representations of codes; see `Interpreter.invert`.

        Raises:
            EditError: codes of another width, or the layout needs the inputs.
        """
        backbone, layout, total = self.backbone, self.fitted.layout, self.factors.total
        codes = torch.as_tensor(codes).to(self.fitted.network.whitening.mean)
        positions = (layout.positions_per_input(self.fitted.z_shape),) if layout.name == "positions" else ()
        if tuple(codes.shape[1:]) != (*positions, total):
            expected = ", ".join(map(str, ("B", *positions, total)))
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


class HasTranslator(Protocol):
    """The part of a fitted interpreter that rooms below it use."""

    @property
    def translator(self) -> Translator:
        """Backbone and flow; raises NotFittedError before the fit."""
        ...


def translator_of(fit: HasTranslator | Translator) -> Translator:
    """The translator of a fit, in the forms that users may give.

    Args:
        fit: A fitted interpreter, or the translator itself.

    Raises:
        InputError: `fit` is neither.
        NotFittedError: the interpreter is not fitted.
    """
    if isinstance(fit, Translator):
        return fit
    # looked up on the class first: an interpreter without a fit raises as its property is read
    if not hasattr(type(fit), "translator") and not isinstance(getattr(fit, "translator", None), Translator):
        raise InputError(
            f"Expected a fitted interpreter, found {type(fit).__name__}. Type inn.wrap(model).fit(…) to make one."
        )
    return fit.translator


def positions_of(steps: int | Sequence[float]) -> Tensor:
    """The positions of a traversal, in standard deviations of the data, float (S,).

    Args:
        steps: Number of positions, evenly from −`REACH` to `REACH`, or the positions.

    Raises:
        EditError: no step at all, or positions that are no numbers.
    """
    try:
        if isinstance(steps, (int, np.integer)) and not isinstance(steps, bool):
            found = torch.linspace(-REACH, REACH, int(steps))
        else:
            found = torch.as_tensor(steps, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        found = torch.empty(0)
    if found.ndim != 1 or not len(found) or not bool(found.isfinite().all()):
        raise EditError(
            f"Expected at least one step of a traversal, found {steps!r}. Type steps=9, or positions in standard "
            "deviations: steps=[-2, 0, 2]."
        )
    return found


class _EditSequence:
    """Edits of inputs that come batch by batch; their effect on an input does not depend on the batches.

    Args:
        edits: In the order in which they are applied.
        translator: Backbone and flow.
        total: Number of inputs; None: not known before their end.

    Raises:
        EditError: an edit is not from `edits`, or does not fit.
        ConceptError: there is no such factor.
    """

    def __init__(self, edits: Sequence[Edit], translator: Codec, total: int | None) -> None:
        for edit in edits:
            if not isinstance(edit, Edit):
                raise EditError(
                    f"Expected edits from interpret_inn.edits, found {type(edit).__name__}. "
                    'Type edits=[inn.edits.swap("factor", donor)].'
                )
        self._steps = [
            (edit, translator.factors[edit.factor], edit.begin(translator, total)) for edit in edits
        ]
        self._done, self._warned = 0, False

    def edited(self, batch: Batch) -> Batch:
        """The next batch after all edits, one after the other.

        Raises:
            EditError: there are no values for these inputs.
            ConceptError: there is no such concept to hold.
        """
        for edit, factor, values in self._steps:
            new = values.of(batch.codes[..., factor.slice], self._done)
            self._warn_if_far(edit, factor, new, batch.translator)
            batch = batch.with_factor(factor, new, hold=edit.held)
        self._done += len(batch)
        return batch

    def _warn_if_far(self, edit: Edit, factor: Factor, codes: Tensor, translator: Codec) -> None:
        """Warns of the first codes (..., size) that lie far outside the data, once in all batches."""
        if self._warned or not edit.by_hand:
            return
        distance = translator.beyond(factor, codes)
        if distance > FAR:
            self._warned = True
            low, high = translator.reference_range
            low, high = low[factor.start : factor.stop], high[factor.start : factor.stop]
            warn(
                f"{edit!r} sets codes of {factor.name!r} that lie {distance:.3g} outside those of the data "
                f"({float(low.min()):.2g} to {float(high.max()):.2g}), where the flow was not fitted. Numbers are "
                f"codes and not values of the concept: type swap({factor.name!r}, donor) for the code of another input."
            )

    def end(self) -> None:
        """Checks after the last batch that no values are left.

        Raises:
            EditError: there were values for more inputs.
        """
        for _, _, values in self._steps:
            values.end(self._done)
