"""The base of samples of all kinds, and the simplest kind: the rows of one array or tensor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from interpret_inn.data.digests import digest
from interpret_inn.errors import DataError, suggest
from interpret_inn.types import IntArray

Targets = dict[str, list[Any]]
"""By name, one value for each sample; None (or NaN among numbers) if it is missing."""


class OrderedSamples(ABC):
    """Inputs that can be read again and again, in one order. Implements `interpret_inn.types.Samples`.

    Attributes:
        groups: int64 (N,) or None; samples of one group stay in one split.
        names: A name for every sample, or None.
        skipped: Inputs that were left out, each with the reason.
        notes: Decisions about the data that the caller did not take, in plain sentences.
        targets: Labels that came with the inputs, once `scan` has run; None if there are none.
        batch_size: Batch size of the caller's DataLoader, or None.
    """

    def __init__(
        self, count: int, *, names: Sequence[str] | None = None, skipped: Sequence[str] = ()
    ) -> None:
        self.groups: IntArray | None = None
        self.names = names
        self.skipped: Sequence[str] = tuple(skipped)
        self.notes: tuple[str, ...] = ()
        self.targets: Targets | None = None
        self.batch_size: int | None = None
        self._count = count
        self._fingerprint: str | None = None

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        left_out = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"{type(self).__name__}({len(self)} samples{left_out})"

    def batches(self, batch_size: int, *, start: int = 0, stop: int | None = None) -> Iterator[Any]:
        """Yields the inputs from `start` up to `stop` (default: all) in order.

        Args:
            batch_size: How many at a time; the last batch may be smaller.
            start: Index of the first one.
            stop: Index after the last one.

        Yields:
            A tensor or array (B, ...), or a list of B images if they differ in size.

        Raises:
            DataError: an input cannot be read, or differs from the last read.
        """
        stop = len(self) if stop is None else stop
        yield from self._read_many(
            [range(at, min(at + batch_size, stop)) for at in range(start, stop, batch_size)]
        )

    def take(self, indices: Sequence[int] | npt.NDArray[Any]) -> Any:
        """The inputs at these indices, as a batch in the same form as `batches` yields.

        Raises:
            DataError: an index outside 0 … N − 1, or as `batches`.
        """
        chosen = [int(index) for index in indices]
        outside = [index for index in chosen if not 0 <= index < len(self)]
        if outside:
            raise DataError(f"Expected indices from 0 to {len(self) - 1}, found {outside[:5]}.")
        return self._read(chosen)

    def fingerprint(self) -> str:
        """A digest of the contents: the same digest means the same inputs in the same order."""
        if self._fingerprint is None:
            self._fingerprint = self._compute_fingerprint()
        return self._fingerprint

    def scan(self) -> Targets | None:
        """Reads as much as the labels that come with the inputs need, and returns `targets`."""
        return self.targets

    @abstractmethod
    def _read(self, indices: Sequence[int]) -> Any:
        """The inputs at these valid indices, as a batch."""

    @abstractmethod
    def _compute_fingerprint(self) -> str: ...

    def _read_many(self, chunks: list[range]) -> Iterator[Any]:
        for chunk in chunks:
            yield self._read(chunk)


def group_numbers(groups: Any, count: int) -> IntArray:
    """Numbers the groups 0 … G − 1.

    Args:
        groups: A number or a name for every sample, (N,).
        count: N.

    Raises:
        DataError: not one value for each sample, or values that are missing.
    """
    values = np.asarray(groups.detach().cpu() if hasattr(groups, "detach") else groups)
    if values.shape != (count,):
        found = f"{len(values)}" if values.ndim == 1 else f"an array of shape {values.shape}"
        raise DataError(f"Expected groups with one value for each of {count} samples, found {found}.")
    if values.dtype == object:
        missing = sum(value is None for value in values)
        values = values.astype(str)
    else:
        missing = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
    if missing:
        raise DataError(
            f"Expected a group for every sample, found {missing} missing. "
            "Give those samples a group of their own."
        )
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)


def group_by_target(samples: OrderedSamples, name: str) -> IntArray:
    """Numbers the groups that a column of the labels names, and takes that column out of the labels.

    Raises:
        DataError: no such column.
    """
    targets = samples.scan() or {}
    if name not in targets:
        raise DataError(f"There are no labels {name!r} to group by. {suggest(name, targets)}")
    numbers = group_numbers(targets.pop(name), len(samples))
    samples.targets = targets or None
    return numbers


class ArraySamples(OrderedSamples):
    """The rows of an array or tensor of numbers (N, ...); nothing is copied.

    Args:
        values: The inputs.
        targets: Labels: one sequence of N values (it becomes "label"), or several by name.

    Raises:
        DataError: no rows, no numbers, one picture instead of many, or labels of another length.
    """

    def __init__(self, values: npt.NDArray[Any] | Tensor, targets: Any = None) -> None:
        _refuse_no_batch(values)
        super().__init__(len(values))
        self._values = values.detach() if isinstance(values, Tensor) else values
        if targets is not None:
            named = targets if isinstance(targets, Mapping) else {"label": targets}
            self.targets = {
                str(name): _one_for_each(name, column, len(self)) for name, column in named.items()
            }

    def _read(self, indices: Sequence[int]) -> Any:
        if isinstance(indices, range) and indices.step == 1:
            rows = self._values[indices.start : indices.stop]
        else:
            rows = self._values[np.asarray(indices, dtype=np.int64)]
        # a copy, as torch warns about arrays that cannot be written to, such as memory-mapped ones
        return rows.copy() if isinstance(rows, np.ndarray) and not rows.flags.writeable else rows

    def _compute_fingerprint(self) -> str:
        return digest(self._values).hex()


def _refuse_no_batch(values: npt.NDArray[Any] | Tensor) -> None:
    shape = tuple(values.shape)
    if isinstance(values, np.ndarray) and values.dtype.kind not in "buif":
        raise DataError(f"Expected an array of numbers, found one of type {values.dtype}.")
    if len(shape) < 2:
        raise DataError(
            f"Expected inputs of shape (N, ...), one row a sample, found shape {shape}. "
            "Pass a single input as one row: `images[None]`."
        )
    if 0 in shape:
        raise DataError(f"Expected at least one input, found none: an array of shape {shape}.")
    eight_bit = str(values.dtype).endswith("uint8")
    if len(shape) == 3 and shape[-1] in (3, 4) and eight_bit:
        raise DataError(
            f"Expected inputs of shape (N, ...), found shape {shape}, which looks like one picture. "
            "Pass a single picture as one row: `images[None]`."
        )


def _one_for_each(name: str, column: Any, count: int) -> list[Any]:
    """A column of labels as a list with one value for each sample (rows of a table stay arrays)."""
    column = column.detach().cpu().numpy() if isinstance(column, Tensor) else column
    if len(column) != count:
        raise DataError(f"Expected {count} labels {name!r}, one a sample, found {len(column)}.")
    flat = isinstance(column, np.ndarray) and column.ndim == 1
    return column.tolist() if flat else list(column)
