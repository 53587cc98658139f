"""Any column of labels as an array and a mask of what is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from interpret_inn.errors import ConceptError
from interpret_inn.types.concepts import LARGEST_NUMBER
from interpret_inn.types.numbers import BoolArray
from interpret_inn_labels.guessing import is_missing

Array = npt.NDArray[Any]


class Column(NamedTuple):
    """One concept's labels before their kind is known.

    Attributes:
        values: (N,) or (N, d): numbers, bools or strings; anything where `known` is False.
        known: bool (N,), False where the label is missing.
    """

    values: Array
    known: BoolArray


def read_column(name: str, raw: Any) -> Column:
    """Any list, tensor or array as values and a mask of what is known.

    Raises:
        ConceptError: not (N,) or (N, d), of several types, infinite, or nothing known at all.
    """
    values = _array(name, raw)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim not in (1, 2) or values.shape[-1] == 0:
        raise ConceptError(f"Expected labels of {name!r} of shape (N,) or (N, d), found {values.shape}.")
    masked = columns_of(np.ma.getmaskarray(values))
    known: BoolArray = np.asarray(~masked.any(1))
    values = np.ma.getdata(values)
    if values.dtype == object:
        there = np.array([not is_missing(value) for value in values.ravel()], dtype=bool)
        known &= columns_of(there.reshape(values.shape)).all(1)
        values = _fill(name, values, known)
    if values.dtype.kind in "US":
        values = np.char.strip(values.astype(str))
        known &= columns_of(values != "").all(1)
    elif values.dtype.kind == "f":
        known &= ~columns_of(np.isnan(values)).any(1)
        if np.isinf(values[known]).any():
            raise ConceptError(
                f"Expected finite labels of {name!r}, found infinite ones. Use None where unknown."
            )
        largest = np.abs(values[known].astype(np.float64)).max(initial=0)
        if largest > LARGEST_NUMBER:
            raise ConceptError(
                f"Expected labels of {name!r} up to {LARGEST_NUMBER:g}, found up to {largest:.4g}. "
                "Scale them, or use None where unknown."
            )
    elif values.dtype.kind not in "biu":
        raise ConceptError(f"Expected numbers, bools or text as labels of {name!r}, found {values.dtype}.")
    if not known.any():
        raise ConceptError(
            f"All {len(known)} labels of {name!r} are missing. Give labels, or leave {name!r} out."
        )
    return Column(values, known)


def columns_of(values: Array) -> Array:
    """Values (N,) or (N, d) as (N, d); NumPy tells no d of -1 where there are no rows."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


def _array(name: str, raw: Any) -> Array:
    if isinstance(raw, torch.Tensor):
        raw = raw.detach().cpu()
        return np.asarray(raw.float() if raw.dtype == torch.bfloat16 else raw)
    if isinstance(raw, np.ndarray):
        return raw  # masked arrays too
    try:
        if isinstance(raw, Sequence) and not isinstance(raw, str):
            items = [item.detach().cpu().numpy() if isinstance(item, torch.Tensor) else item for item in raw]
            widths = {np.size(item) for item in items if np.ndim(item) == 1}
            if len(widths) == 1:  # rows of numbers, where a missing row may stand as None
                nothing = np.full(widths.pop(), np.nan)
                items = [nothing if is_missing(item) else item for item in items]
            # Mixed text and numbers stay apart as objects: NumPy alone would turn None into "None".
            known = [item for item in items if not is_missing(item)]
            if known and len(known) < len(items) and all(np.ndim(item) == 0 for item in known):
                return _objects(items)
            return np.asarray(items) if known else np.full(len(items), np.nan)
        array = np.asarray(raw)
    except ValueError as error:
        raise ConceptError(
            f"Expected labels of {name!r} of one shape, (N,) or (N, d), found rows of several lengths."
        ) from error
    if array.ndim == 0:
        raise ConceptError(f"Expected a list or array as labels of {name!r}, found {type(raw).__name__}.")
    return array


def _objects(items: Sequence[Any]) -> Array:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _fill(name: str, values: Array, known: BoolArray) -> Array:
    """Objects as numbers, bools or strings; what is unknown gets any value of that type."""
    if not known.any():
        return np.full(len(values), np.nan)
    found = values[known].tolist()
    typed = np.asarray(found)
    if typed.dtype == object or (
        typed.dtype.kind in "US"
        and not all(isinstance(v, str) for v in np.ravel(_objects(found) if values.ndim == 1 else typed))
    ):
        raise ConceptError(
            f"Expected labels of {name!r} of one type, found {sorted({type(v).__name__ for v in found})}. "
            "Give all as text or all as numbers."
        )
    filled = np.full(values.shape, typed.flat[0], dtype=typed.dtype)
    filled[known] = typed
    return filled
