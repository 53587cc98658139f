"""What an encoder returns, and which tensor in it is the code."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor
from torch.distributions import Distribution, Independent

from interpret_inn.errors import BackboneError

Chooser = int | str | Callable[[Any], Any] | None

NAMES = ("latent_dist", "latents", "latent", "z", "mean", "mu", "loc", "code", "codes")
"""Parts of an encoder's answer that are, or hold, the code; the first that is there counts."""


def read_code(answer: Any, code: Chooser = None) -> Tensor:
    """The code in what an encoder returned.

    A tensor is the code itself. Of (mean, log-variance), two tensors of one shape, it is the first. Of a
    distribution it is the mean. Of records, dictionaries and objects, the part of one of the `NAMES`.

    Args:
        answer: What the encoder returned for B inputs.
        code: Which part it is, if that is not plain: an index, a name ("latents", "latent_dist.mean"), or a
            function of the answer.

    Returns:
        A floating tensor (B, ...).

    Raises:
        BackboneError: it cannot be told, or there is no such part; the message says what to type.
    """
    found = code(answer) if callable(code) else answer
    if isinstance(code, int | str):
        for key in str(code).split("."):
            found = _part(found, key, code)
    read = _plain(found)
    if isinstance(read, Tensor) and read.is_floating_point():
        return read
    raise BackboneError(
        f"Expected the encoder to give a tensor, (mean, log-variance) or a distribution, found {told(found)}, "
        "which leaves open what the code is. Type wrap(..., code=0), code='name', or "
        "code=lambda answer: ... to pick it."
    )


def _plain(value: Any, depth: int = 3) -> Tensor | None:
    """The one tensor that is the code, None if that is not plain."""
    if isinstance(value, Tensor) or depth == 0:
        return value if isinstance(value, Tensor) else None
    if isinstance(value, Distribution):
        return _centre(value)
    if _is_record(value):
        parts = _parts(value)
        for name in NAMES:
            if parts.get(name) is not None:
                return _plain(parts[name], depth - 1)
        return _alone([part for part in parts.values() if isinstance(part, Tensor)])
    if isinstance(value, tuple | list):
        tensors = [part for part in value if isinstance(part, Tensor)]
        if len(value) == len(tensors) == 2 and tensors[0].shape == tensors[1].shape:
            return tensors[0]  # mean and log-variance
        held = [part for part in value if part is not None]
        return _plain(held[0], depth - 1) if len(held) == 1 else None
    for name in NAMES:
        part = getattr(value, name, None)
        if part is not None and not callable(part):
            return _plain(part, depth - 1)
    return None


def _centre(value: Distribution) -> Tensor | None:
    """Mean of a distribution; if it has none, its mode, or the mean of what it is made of."""
    tries: list[Callable[[], Tensor]] = [lambda: value.mean, lambda: value.mode]
    if isinstance(value, Independent):
        tries.append(lambda: value.base_dist.mean)
    for read in tries:
        try:
            found = read()
        except NotImplementedError:
            continue
        if not found.isnan().all():  # categories have no mean
            return found
    return None


def _alone(tensors: list[Tensor]) -> Tensor | None:
    return tensors[0] if len(tensors) == 1 else None


def _is_record(value: Any) -> bool:
    named = isinstance(value, tuple) and hasattr(value, "_fields")
    return (
        named
        or isinstance(value, Mapping)
        or (dataclasses.is_dataclass(value) and not isinstance(value, type))
    )


def _parts(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {str(key): part for key, part in value.items()}
    names = getattr(value, "_fields", None) or [field.name for field in dataclasses.fields(value)]
    return {name: getattr(value, name, None) for name in names}


def _part(value: Any, key: str, code: Any) -> Any:
    """The part that the user named."""
    if isinstance(value, Mapping) and key in value:
        return value[key]
    number = int(key) if key.lstrip("-").isdecimal() else None
    if isinstance(value, tuple | list) and number is not None and -len(value) <= number < len(value):
        return value[number]
    if number is None and getattr(value, key, None) is not None:
        return getattr(value, key)
    raise BackboneError(
        f"Expected the encoder's answer to have the part {code!r} (code=), found {told(value)}."
    )


def told(value: Any) -> str:
    """What an encoder returned, in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    if _is_record(value):
        return f"a {type(value).__name__} with {', '.join(_parts(value)) or 'nothing in it'}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)} ({', '.join(map(told, value[:4]))})"
    return f"a {type(value).__name__}"
