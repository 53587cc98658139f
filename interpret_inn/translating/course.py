"""Edits in the course of a run."""

from __future__ import annotations

from collections.abc import Sequence

from interpret_inn.errors import EditError
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.codec import Codec
from interpret_inn.translating.edits import Edit


class Course:
    """Edits of inputs that come batch by batch: what they do to an input does not depend on the batches.

    Args:
        edits: In the order in which they are applied.
        translator: Backbone and flow.
        total: Number of inputs; None: not known before their end.

    Raises:
        EditError: an edit is none, or does not fit.
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
        self._done = 0

    def edited(self, batch: Batch) -> Batch:
        """The next batch after all edits, one after the other.

        Raises:
            EditError: there are no values for these inputs.
            ConceptError: there is no such concept to hold.
        """
        for edit, factor, values in self._steps:
            new = values.of(batch.codes[..., factor.slice], self._done)
            batch = batch.with_factor(factor, new, hold=edit.held)
        self._done += len(batch)
        return batch

    def end(self) -> None:
        """To be called after the last batch.

        Raises:
            EditError: there were values for more inputs.
        """
        for _, _, values in self._steps:
            values.end(self._done)
