"""Keeps global random states as they were while a user's data set is read, and derives seeds from one by name."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_reads = itertools.count(1)


@contextmanager
def random_states_kept() -> Iterator[int]:
    """Restores the global states of `random`, NumPy and torch (CPU) on exit, also when something raised.

    Inside, the three are seeded with a number that is different for every read of this process (and yielded).
    Otherwise the restored states would give a random augmentation the same draws in every read, and
    nobody could notice that the images change.
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
    """A seed for one use among several that share a seed, so that their draws are independent of each other.

    The same on every platform and in every run of Python, unlike `hash`.

    Args:
        seed: The seed that they share.
        name: What is drawn, another name for each use.

    Returns:
        A whole number from 0 to 2⁶³ − 1, as generators of torch and NumPy take it.

    >>> derived_seed(0, "sizes")
    2022052696846966576
    >>> derived_seed(0, "sizes") == derived_seed(0, "alignment")
    False
    """
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
