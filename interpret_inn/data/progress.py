"""Progress bars: one way to show how far something is, silent where nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from tqdm import tqdm


class ProgressBar(Protocol):
    """What is asked of a progress bar; every `tqdm` has it."""

    def update(self, n: int, /) -> Any:
        """Counts `n` more."""

    def close(self) -> None:
        """Ends the bar."""


ProgressFactory = Callable[[int, str], ProgressBar]
"""Makes a bar from a total and a description: `progress` below, or a caller's own."""


def progress(work: int | Iterable[Any], desc: str, *, total: int | None = None) -> tqdm[Any]:
    """A bar on stderr that counts to `work` (a number) or goes through it (an iterable).

    It shows nothing where stderr is not a terminal. `total` is for iterables without a length.

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
