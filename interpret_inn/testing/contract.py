"""How a contract is checked: every check runs, and all that is broken is said at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from interpret_inn.errors import InnError

Case = TypeVar("Case")
Check = Callable[[Case], Iterator[str]]
"""A check yields a sentence for each thing that is broken."""


class ContractError(InnError, AssertionError):
    """What a plugin gives does not keep its contract.

    Attributes:
        broken: What is broken, a sentence each, headed by the name of the check.
    """

    def __init__(self, title: str, broken: Sequence[str]) -> None:
        self.broken = tuple(broken)
        super().__init__("\n".join([f"{title} breaks its contract:", *(f"  - {line}" for line in broken)]))


def hold(title: str, checks: Sequence[Check[Case]], case: Case) -> tuple[str, ...]:
    """Runs every check; there is no way to leave one out. Where the first one fails, the rest would be noise.

    Args:
        title: What is checked, as the message begins.
        checks: All checks; the first one says whether there is anything to check at all.
        case: What they look at.

    Returns:
        The names of the checks that were run.

    Raises:
        ContractError: something is broken.
    """
    broken: list[str] = []
    for number, check in enumerate(checks):
        name = check.__name__.strip("_")
        before = random_states()
        try:
            found = list(check(case))
        except Exception as error:
            found = [f"raised {type(error).__name__}: {error}"]
        if random_states() != before:
            found.append("draws from a global random generator; make one of your own")
        broken += [f"{name}: {line}" for line in found]
        if broken and number == 0:
            break
    if broken:
        raise ContractError(title, broken)
    return tuple(check.__name__.strip("_") for check in checks)


def random_states() -> tuple[str, bytes, str]:
    """Gives the states of the global generators of numpy, torch (CPU) and Python, in a form to compare."""
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - it is only looked at
    numpy_state = f"{name}{np.asarray(keys).tobytes().hex()}{rest}"
    return numpy_state, torch.get_rng_state().numpy().tobytes(), str(random.getstate())


def same(first: Any, second: Any) -> bool:
    """Whether two batches or outputs hold the same: tensors, arrays and pictures by value, NaN included."""
    if isinstance(first, Tensor) or isinstance(second, Tensor):
        first, second = (x.detach().cpu().numpy() if isinstance(x, Tensor) else x for x in (first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if hasattr(first, "__dataclass_fields__") and type(first) is type(second):
        return same(vars(first), vars(second))
    try:
        one, other = np.asarray(first), np.asarray(second)
        floating = one.dtype.kind in "fc" and other.dtype.kind in "fc"
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=floating)
    except (TypeError, ValueError):
        return bool(first == second)


def lacks(subject: Any, members: Sequence[str]) -> list[str]:
    """Names the members that an object does not have, in sentences."""
    return [
        f"Expected {member!r}, {type(subject).__name__} has none."
        for member in members
        if not hasattr(subject, member)
    ]
