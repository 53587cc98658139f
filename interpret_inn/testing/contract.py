"""How a contract is checked: every check runs, and all that is broken is said at once."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    """Runs every check. If the first one finds a fault, the others are not run, as they would only repeat it.

    Args:
        title: What is checked, as the message begins.
        checks: All checks. The first one tells whether the subject has what the others need.
        case: What they look at.

    Returns:
        The names of the checks that were run.

    Raises:
        ContractError: something is broken.
    """
    broken: list[str] = []
    with _strange_randomness():
        for number, check in enumerate(checks):
            found = dict.fromkeys(_checked(check, case))  # what is broken twice alike is said once
            broken += [f"{check.__name__.strip('_')}: {line}" for line in found]
            if broken and number == 0:
                break
    if broken:
        raise ContractError(title, broken)
    return tuple(check.__name__.strip("_") for check in checks)


def _checked(check: Check[Case], case: Case) -> list[str]:
    before, settings = random_states(), _settings()
    try:
        found = list(check(case))
    except Exception as error:
        found = [f"raised {type(error).__name__}: {error}"]
    if random_states() != before:
        found.append("draws from a global random generator, or seeds one; make one of your own")
    changed = [name for name, value in settings.items() if _settings()[name] != value]
    if changed:
        found.append(f"changes what holds for the whole process: torch's {', '.join(changed)}")
        torch.set_grad_enabled(settings["gradient mode"])
        torch.set_default_dtype(settings["default dtype"])
        torch.set_num_threads(settings["number of threads"])
    return found


def _settings() -> dict[str, Any]:
    return {
        "gradient mode": torch.is_grad_enabled(),
        "default dtype": torch.get_default_dtype(),
        "number of threads": torch.get_num_threads(),
    }


@contextmanager
def _strange_randomness() -> Iterator[None]:
    """Puts global generators into a state that no seed gives, so that seeding them is seen; restores them after."""
    own, arrays, tensors = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        for draw in (random.random, np.random.random, torch.default_generator.seed):
            draw()
        torch.rand(3)
        yield
    finally:
        random.setstate(own)
        np.random.set_state(arrays)  # noqa: NPY002
        torch.set_rng_state(tensors)


def random_states() -> tuple[str, bytes, str]:
    """Gives the states of the global generators of numpy, torch (CPU) and Python, in a form to compare."""
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - only read
    numpy_state = f"{name}{np.asarray(keys).tobytes().hex()}{rest}"
    return numpy_state, torch.get_rng_state().numpy().tobytes(), str(random.getstate())


def same(first: Any, second: Any) -> bool:
    """Whether two batches or outputs hold the same: tensors, arrays and pictures by value, NaN included."""
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        if first.dtype != second.dtype or first.shape != second.shape:
            return False
        one, other = first.detach().cpu(), second.detach().cpu()
        return bool(((one == other) | ((one != one) & (other != other))).all())
    if isinstance(first, Tensor) or isinstance(second, Tensor):
        first, second = (x.detach().cpu().numpy() if isinstance(x, Tensor) else x for x in (first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if hasattr(first, "__dataclass_fields__") and type(first) is type(second):
        return same(vars(first), vars(second))
    try:
        left, right = np.asarray(first), np.asarray(second)
        floating = left.dtype.kind in "fc" and right.dtype.kind in "fc"
        return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=floating)
    except (TypeError, ValueError):
        return bool(first == second)


def misfits(function: Callable[..., Any], called: str, *names: str) -> Iterator[str]:
    """Says why a function cannot be called with these arguments by place; nothing if it can."""
    try:
        inspect.signature(function).bind(*names)
    except ValueError:  # some callables written in C do not tell
        return
    except TypeError as error:
        yield f"Expected {called}({', '.join(names)}), found one that cannot be called so: {error}."


def lacks(subject: Any, members: Sequence[str]) -> list[str]:
    """Names the members that an object does not have, in sentences."""
    return [
        f"Expected {member!r}, {type(subject).__name__} has none."
        for member in members
        if not hasattr(subject, member)
    ]
