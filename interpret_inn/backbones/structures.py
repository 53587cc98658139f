"""Tensors inside tuples, lists, dicts and records: find one, put another in its place, describe them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from interpret_inn.backbones.address import Selector
from interpret_inn.errors import BackboneError, SiteError

_PREFERRED = ("logits", "sample", "out")


def parts(value: Any) -> list[tuple[int | str, Any]]:
    """The parts of a structure with the key that selects each; empty for anything else."""
    if isinstance(value, tuple | list):
        return list(enumerate(value))
    if isinstance(value, Mapping):
        return list(value.items())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name, None)) for field in dataclasses.fields(value)]
    return []


def tensors(value: Any, *, at: Selector = ()) -> Iterator[tuple[Selector, Tensor]]:
    """All tensors of a structure with their selectors, in order."""
    if isinstance(value, Tensor):
        yield at, value
    for key, part in parts(value):
        yield from tensors(part, at=(*at, key))


def describe(value: Any, *, depth: int = 2) -> str:
    """A structure in a few words: "float32 (2, 8)", "a tuple of (float32 (2, 8), None)"."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    inside = parts(value)
    if not inside or depth == 0:
        return repr(value) if value is None or isinstance(value, bool | int | float) else type(value).__name__
    named = not isinstance(value, tuple | list)
    texts = [(f"{key}: " if named else "") + describe(part, depth=depth - 1) for key, part in inside[:6]]
    more = ", …" if len(inside) > 6 else ""
    return f"a {type(value).__name__} of ({', '.join(texts)}{more})"


def select(value: Any, selector: Selector, *, where: str) -> Any:
    """The part of `value` that `selector` names; `where` names the value in an error.

    Raises:
        SiteError: there is no such part.
    """
    for done, key in enumerate(selector):
        found = _part(value, key)
        if found is None:
            path = ".".join(map(str, selector[: done + 1]))
            raise SiteError(f"{where} has no part {path!r}: found {describe(value)}.")
        value = found[0]
    return value


def _part(value: Any, key: int | str) -> tuple[Any] | None:
    """The part in a tuple of one, so that a part that is None differs from no part."""
    if isinstance(value, Tensor):
        return None
    if isinstance(value, tuple | list) and isinstance(key, int):
        return (value[key],) if -len(value) <= key < len(value) else None
    if isinstance(value, Mapping) and key in value:
        return (value[key],)
    if isinstance(key, str) and not isinstance(value, Mapping) and hasattr(value, key):
        return (getattr(value, key),)
    return None


def replace(value: Any, selector: Selector, new: Any) -> Any:
    """A copy of the structure, of the same types, with the selected part replaced; `value` does not change.

    Raises:
        SiteError: there is no such part.
    """
    if not selector:
        return new
    key, rest = selector[0], selector[1:]
    found = _part(value, key)
    if found is None:
        raise SiteError(f"Nothing stands at {key!r}: found {describe(value)}.")
    part = replace(found[0], rest, new)
    if isinstance(value, tuple):
        if isinstance(key, str):
            key = _place(value, key, found[0])
        items = [part if i == key % len(value) else item for i, item in enumerate(value)]
        make: Callable[[list[Any]], Any] = getattr(type(value), "_make", type(value))
        return make(items)
    result = copy.copy(value)
    if isinstance(value, list | Mapping):
        result[key] = part
    if not isinstance(value, list) and isinstance(key, str) and hasattr(result, key):
        # frozen dataclasses forbid __setattr__; a ModelOutput holds its parts both ways
        object.__setattr__(result, key, part)
    return result


def _place(value: tuple[Any, ...], name: str, part: Any) -> int:
    """Where a named part stands in a tuple.

    Records of torch's own (of `torch.max`, say) have names without `_fields`. Their parts are told by identity, as two
    tensors that are compared give no truth value.
    """
    fields: tuple[str, ...] = getattr(value, "_fields", ())
    if name in fields:
        return fields.index(name)
    for at, one in enumerate(value):
        if one is part:
            return at
    raise SiteError(f"Nothing stands at {name!r}: found {describe(value)}.")


def same(first: Any, second: Any) -> bool:
    """Whether two structures hold bit for bit the same tensors at the same places (NaN equals NaN)."""
    ours, theirs = list(tensors(first)), list(tensors(second))
    return [at for at, _ in ours] == [at for at, _ in theirs] and all(
        a.shape == b.shape and a.dtype == b.dtype and _equal(a, b)
        for (_, a), (_, b) in zip(ours, theirs, strict=True)
    )


def at_rows(outputs: Any, indices: Tensor | slice, *, of: int) -> Any:
    """A copy of a structure with some rows, int64 (N,) or a slice, of every tensor that has `of` rows."""
    for at, tensor in list(tensors(outputs)):
        if tensor.ndim and len(tensor) == of:
            outputs = replace(outputs, at, tensor[indices])
    return outputs


def alike(first: Any, second: Any) -> bool:
    """Whether two structures are of the same types all the way down; tensors may differ in type and contents."""
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return True
    ours, theirs = parts(first), parts(second)
    return (
        type(first) is type(second)
        and [key for key, _ in ours] == [key for key, _ in theirs]
        and all(alike(a, b) for (_, a), (_, b) in zip(ours, theirs, strict=True))
    )


def _equal(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a, b) or bool(((a == b) | ((a != a) & (b != b))).all())


def primary(outputs: Any) -> Tensor:
    """The tensor that represents a model's outputs: "logits", "sample" or "out" if there is one, else the first.

    Raises:
        BackboneError: there is no tensor in them.
    """
    found = dict(parts(outputs))
    for name in _PREFERRED:
        if isinstance(found.get(name), Tensor):
            chosen: Tensor = found[name]
            return chosen
    for _, tensor in tensors(outputs):
        return tensor
    raise BackboneError(f"Expected a model that returns tensors, found {describe(outputs)}.")
