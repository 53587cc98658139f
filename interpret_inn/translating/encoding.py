"""Runs inputs through a backbone, as many at a time as memory allows, and joins the outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from interpret_inn.backbones import Backbone
from interpret_inn.backbones.structures import describe, replace, select, tensors
from interpret_inn.data import is_stream, samples, stream
from interpret_inn.data.base import OrderedSamples
from interpret_inn.errors import BackboneError, DataError, InputError
from interpret_inn.types import Samples

BATCH = 64
"""Inputs in one forward to begin with, unless the caller's DataLoader has a batch size."""

BATCH_BYTES = 256 * 2**20
"""Bytes of the inputs of a batch before they are prepared, at most: fewer photographs are read at a time if large."""

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


class BatchRunner:
    """Turns samples into rows. It needs a session of the backbone.

    Args:
        backbone: The frozen network and its site.
        samples: The inputs.
        size: Inputs at a time.
        halving: Whether to halve `size` when memory runs out.
    """

    def __init__(self, backbone: Backbone, samples: Samples, size: int, halving: bool) -> None:
        self._backbone, self._samples = backbone, samples
        self._reading = size  # is never halved: a batch that has been read runs in smaller parts
        self.size = size
        self._halving = halving

    def run(self, span: range) -> Iterator[tuple[int, Tensor]]:
        """Yields the index of a batch's first input, and the batch's rows, float32 (B, P, D), in order.

        Raises:
            InputError: rows that are not finite.
            DataError: more or fewer inputs than the samples say they have.
            BackboneError: not even one input at a time fits in memory.
        """
        at = span.start
        for batch in _batches_within(self._samples, self._reading, span):
            for start, rows in self._in_parts(batch, at):
                self._require_finite(start, rows)
                yield start, rows
            at += len(batch)
        if at != span.stop:
            raise DataError(f"Expected {len(self._samples)} inputs from the samples, found the end at {at}.")

    def rows(self, batch: Any, at: int = 0) -> Tensor:
        """Rows of one whole batch, float32 (B, P, D) on the CPU; `at` is the index of its first input."""
        names = self._samples.names[at : at + len(batch)] if self._samples.names else None
        z = self._backbone.represent(prepared(self._backbone, batch, start=at, names=names))
        rows: Tensor = self._backbone.layout.to_rows(z)[0]
        return rows.detach().to("cpu", torch.float32).reshape(len(batch), -1, rows.shape[-1])

    def _in_parts(self, batch: Any, at: int) -> Iterator[tuple[int, Tensor]]:
        start = 0
        while start < len(batch):
            rows = self._rows_or_none(batch[start : start + self.size], at + start)
            if rows is None:
                self._halve()
                continue
            yield at + start, rows
            start += len(rows)

    def first(self, one: Any) -> Tensor:
        """Rows of one input, float32 (1, P, D).

        Raises:
            BackboneError: it does not fit in memory.
        """
        try:
            return self.rows(one)
        except (RuntimeError, MemoryError) as error:
            if not _lacks_memory(error):
                raise
            raise _too_large(1) from error

    def _rows_or_none(self, batch: Any, at: int) -> Tensor | None:
        """Rows, or None if memory ran out; the error, which holds tensors, is gone on return."""
        try:
            return self.rows(batch, at)
        except (RuntimeError, MemoryError) as error:
            if not _lacks_memory(error):
                raise
            if self.size == 1 or not self._halving:
                raise _too_large(self.size) from error
            return None

    def _halve(self) -> None:
        self.size //= 2
        torch.cuda.empty_cache()  # does nothing where no CUDA is in use

    def _require_finite(self, start: int, rows: Tensor) -> None:
        bad = torch.nonzero(~rows.isfinite().all(2).all(1)).flatten().tolist()
        if not bad:
            return
        names = self._samples.names
        said = [repr(names[start + index]) if names else str(start + index) for index in bad[:5]]
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise InputError(
            f"Expected finite representations, found NaN or infinity for the inputs {', '.join(said)}{more}. "
            "Look at these inputs, or run the model in single precision: `model.float()`."
        )


def prepared(backbone: Backbone, batch: Any, *, start: int, names: Sequence[str] | None = None) -> Tensor:
    """Prepares one of many batches; an error names the input at fault by its name or its index among all.

    Args:
        backbone: Prepares them.
        batch: Inputs.
        start: Place of the first one among all inputs.
        names: Of the inputs of the batch.

    Raises:
        InputError: as `backbone.prepare`.
    """
    try:
        return backbone.prepare(batch)
    except InputError as error:
        if start:  # indices in the first batch are indices among all
            for index in range(len(batch)):
                try:
                    backbone.prepare(batch[index : index + 1])
                except InputError as own:
                    name = repr(names[index]) if names else start + index
                    raise InputError(f"Input {name} of the data: {own}") from error
        raise


def reading_size(samples: Samples, first: Any, wanted: int | Literal["auto"]) -> int:
    """How many inputs to read at a time.

    Args:
        samples: They may have the batch size of a DataLoader.
        first: The first input as a batch, for its size.
        wanted: A number, or "auto".
    """
    if wanted != "auto":
        return wanted
    of_loader = samples.batch_size if isinstance(samples, OrderedSamples) else None
    return of_loader or max(1, min(BATCH, BATCH_BYTES // max(1, _raw_bytes(first))))


def _batches_within(samples: Samples, size: int, span: range) -> Iterator[Any]:
    """Batches of a part of the samples; samples of a plugin may only be read from the beginning."""
    if isinstance(samples, OrderedSamples):
        yield from samples.batches(size, start=span.start, stop=span.stop)
        return
    at = 0
    for batch in samples.batches(size):
        part = batch[max(0, span.start - at) : span.stop - at]
        at += len(batch)
        if len(part):
            yield part
        if at >= span.stop:
            return


def _raw_bytes(batch: Any) -> int:
    """Bytes of a batch of inputs, of pictures as RGB."""
    if isinstance(batch, (Tensor, np.ndarray)):
        return int(batch.nbytes)
    return sum(
        3 * one.width * one.height if isinstance(one, Image.Image) else int(one.nbytes) for one in batch
    )


def _too_large(size: int) -> BackboneError:
    if size == 1:
        return BackboneError(
            "Not even one input at a time fits in memory. Choose a smaller input size or another device."
        )
    return BackboneError(
        f'{size} inputs at a time do not fit in memory. Type batch_size="auto" or a smaller number.'
    )


def _lacks_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(text in str(error) for text in _NO_MEMORY)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Inputs that have been read and prepared already, in place of other inputs.

    Attributes:
        batch: As the model takes them, (B, ...).
    """

    batch: Tensor

    def __len__(self) -> int:
        return len(self.batch)


def batches(backbone: Backbone, inputs: Any) -> Iterator[Tensor]:
    """Prepared batches of anything that can be read as inputs.

    Raises:
        InputError: there are no inputs.
    """
    if isinstance(inputs, Prepared):
        yield from inputs.batch.split(BATCH)
        return
    done = 0
    for batch in stream(inputs, BATCH):
        yield prepared(backbone, batch, start=done)
        done += len(batch)
    if not done:
        raise InputError("Expected at least one input, found none.")


def counted(inputs: Any) -> tuple[Any, int | None]:
    """The same inputs, ready to be read, and their number; None if it is not known before their end.

    Raises:
        DataError: the inputs cannot be read.
    """
    if is_stream(inputs):
        return inputs, None
    read = inputs if isinstance(inputs, Prepared) else samples(inputs)
    return read, len(read)


def run_bare(backbone: Backbone, inputs: Any) -> Any:
    """The bare model's outputs, bit for bit."""
    with backbone.session():
        return join([backbone.outputs(batch) for batch in batches(backbone, inputs)])


def join(outputs: Sequence[Any]) -> Any:
    """Outputs of several batches as one batch's: a structure like the first, with joined tensors.

    Raises:
        InputError: outputs without tensors, or with tensors that have no axis for the batch.
    """
    joined = outputs[0]
    if len(outputs) == 1:
        return joined
    places = [at for at, tensor in tensors(joined) if tensor.ndim]
    if len(places) != len(list(tensors(joined))) or not places:
        raise InputError(
            f"Outputs such as {describe(joined)} cannot be joined over batches. Pass at most {BATCH} inputs."
        )
    for at in places:
        parts = [select(output, at, where="The output of a batch") for output in outputs]
        joined = replace(joined, at, torch.cat(parts))
    return joined
