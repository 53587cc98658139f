"""The library's use of its process: a cache folder, progress bars, random states and seeds."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import platformdirs
import torch
from tqdm import tqdm


class ProgressBar(Protocol):
    """The part of a progress bar that is used; every `tqdm` has it."""

    def update(self, n: int, /) -> Any:
        """Counts `n` more."""

    def close(self) -> None:
        """Ends the bar."""


ProgressFactory = Callable[[int, str], ProgressBar]
"""Makes a bar from a total and a description: `progress` below, or a caller's own."""


def progress(work: int | Iterable[Any], desc: str, *, total: int | None = None) -> tqdm[Any]:
    """A bar on stderr that counts to `work` (a number) or goes through it (an iterable).

    It shows nothing if stderr is not a terminal. `total` is for iterables without a length.

    >>> list(progress([1, 2], "adding"))
    [1, 2]
    """
    # disable=None is tqdm's own test of the terminal; leave=False keeps a fit's log short.
    if isinstance(work, int):
        return tqdm(total=work, desc=desc, disable=None, leave=False)
    return tqdm(work, desc=desc, total=total, disable=None, leave=False)


class _Silent:
    """A bar that shows nothing."""

    def update(self, _n: int, /) -> None:
        """Counts nothing."""

    def close(self) -> None:
        """Has nothing to end."""


def silent(_total: int, _desc: str) -> ProgressBar:
    """A factory for callers who want no bar at all."""
    return _Silent()


def cache_folder() -> Path:
    """The folder that `INTERPRET_INN_CACHE` names, else the user's cache folder; it may not exist yet.

    Everything in it can be deleted at any time.
    """
    named = os.environ.get("INTERPRET_INN_CACHE")
    return (
        Path(named).expanduser() if named else platformdirs.user_cache_path("interpret_inn", appauthor=False)
    )


_reads = itertools.count(1)


@contextmanager
def random_states_kept() -> Iterator[int]:
    """Restores the global states of `random`, NumPy and torch (CPU) on exit, also after an error.

    Inside, the three are seeded with a number that is different for every read of this process; it is yielded. With
    the restored states a random augmentation would draw the same in every read, and changing images would not be
    noticed.
    """
    seed = next(_reads)
    python_state = random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002  (the global state is what users' transforms draw from)
    torch_state = torch.get_rng_state()
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.default_generator.manual_seed(seed)  # not torch.manual_seed, which would seed the GPUs too
        yield seed
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_rng_state(torch_state)


def derived_seed(seed: int, name: str) -> int:
    """A seed for one of several uses of a seed, so that their draws are independent of each other.

    It is the same on every platform and in every run of Python, unlike `hash`.

    Args:
        seed: The seed that they share.
        name: Names the use, each by another name.

    Returns:
        A whole number from 0 to 2⁶³ − 1, as generators of torch and NumPy take it.

    >>> derived_seed(0, "sizes")
    2022052696846966576
    >>> derived_seed(0, "sizes") == derived_seed(0, "alignment")
    False
    """
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
