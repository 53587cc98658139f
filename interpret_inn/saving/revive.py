"""Records back from the plain form that JSON holds, by their type hints."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from interpret_inn import types as records

_NAMES = vars(records)


def revive(kind: Any, value: Any) -> Any:
    """An object of this type from its plain form; numbers that are null become NaN.

    Args:
        kind: A dataclass of this library, or a hint that stands in one.
        value: What `plain` made of such an object.

    Raises:
        TypeError: the value does not fit the type.
        KeyError: a field that has no default is missing.
    """
    if kind is float:
        return math.nan if value is None else float(value)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind, localns=_NAMES)
        names = [field.name for field in dataclasses.fields(kind) if field.name in value or _is_needed(field)]
        return kind(**{name: revive(hints[name], value[name]) for name in names})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else revive(next(a for a in arguments if a is not type(None)), value)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(revive(arguments[0], item) for item in value)
        return tuple(revive(hint, item) for hint, item in zip(arguments, value, strict=True))
    if origin is Mapping or origin is dict:
        return {key: revive(arguments[1], item) for key, item in value.items()}
    if origin is np.ndarray:
        return _array(arguments[1], value)
    if kind is Any or origin is typing.Literal:
        return value
    if kind is torch.Tensor or not isinstance(value, kind):
        raise TypeError(f"expected {kind}, found {type(value).__name__}")
    return value


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    """Whether a field has no default; one that has may be missing in what an earlier version wrote."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _array(hint: Any, value: Any) -> np.ndarray[Any, Any]:
    """A float64 or int64 array from nested lists in which null stands for NaN."""
    wanted = typing.get_args(hint)[0]
    return np.array(value, dtype=np.float64 if wanted is np.float64 else np.int64)
