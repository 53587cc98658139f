"""Samples that are the rows of one array or tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from interpret_inn.data.base import OrderedSamples
from interpret_inn.data.digests import digest
from interpret_inn.errors import DataError


class ArraySamples(OrderedSamples):
    """The rows of an array or tensor (N, ...), of whatever type they are; nothing is copied.

    Args:
        values: The inputs.
        targets: Labels: one sequence of N values (it becomes "label"), or several by name.

    Raises:
        DataError: no rows, no numbers, one picture instead of many, or labels of another length.
    """

    def __init__(self, values: npt.NDArray[Any] | Tensor, targets: Any = None) -> None:
        _check(values)
        super().__init__(len(values))
        self._values = values.detach() if isinstance(values, Tensor) else values
        if targets is not None:
            named = targets if isinstance(targets, Mapping) else {"label": targets}
            self.targets = {str(name): _values(name, column, len(self)) for name, column in named.items()}

    def _read(self, indices: Sequence[int]) -> Any:
        if isinstance(indices, range) and indices.step == 1:
            rows = self._values[indices.start : indices.stop]
        else:
            rows = self._values[np.asarray(indices, dtype=np.int64)]
        # torch warns about arrays that cannot be written to, such as memory-mapped ones.
        return rows.copy() if isinstance(rows, np.ndarray) and not rows.flags.writeable else rows

    def _compute_fingerprint(self) -> str:
        return digest(self._values).hex()


def _check(values: npt.NDArray[Any] | Tensor) -> None:
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


def _values(name: str, column: Any, count: int) -> list[Any]:
    """One value a sample, as a list (rows of a table stay arrays)."""
    column = column.detach().cpu().numpy() if isinstance(column, Tensor) else column
    if len(column) != count:
        raise DataError(f"Expected {count} labels {name!r}, one a sample, found {len(column)}.")
    flat = isinstance(column, np.ndarray) and column.ndim == 1
    return column.tolist() if flat else list(column)
