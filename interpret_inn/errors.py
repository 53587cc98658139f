"""The errors of this library: each says what was expected, what was found, and what to type instead."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_OWN = ("interpret_inn", "torch.utils._contextlib")
"""How names of this library's modules and its plugins' begin, and where torch's decorators of its functions are."""
LONGEST_SHOWN = 200
"""Characters of a name or value out of a file that are shown."""
_warning_place: ContextVar[str] = ContextVar("_warning_place", default="")
_heard: ContextVar[list[tuple[str, str]] | None] = ContextVar("_heard", default=None)


class InnError(Exception):
    """Base of every error that this library raises on purpose."""


class InnWarning(UserWarning):
    """Something worth knowing that does not stop the work; reports repeat it."""


class SiteError(InnError):
    """A site that does not exist, never fires, fires too often, or carries no tensor."""


class BackboneError(InnError):
    """A model that cannot be attached to, or weights that are not at hand."""


class InputError(InnError, ValueError):
    """Inputs of the wrong shape, type or range, or with values that are not finite."""


class DataError(InnError, ValueError):
    """A data set that is empty, unreadable, or changes from one read to the next."""


class ConceptError(InnError, ValueError):
    """Labels, pairs or factor names that cannot be used."""


class FitError(InnError, RuntimeError):
    """A fit that cannot start, diverged, or was interrupted."""


class NotFittedError(FitError):
    """Something was asked of an interpreter that has not been fitted yet."""


class EditError(InnError, ValueError):
    """An edit that cannot be applied: wrong donor, wrong size, or nothing to draw from."""


class LocalizerError(InnError, ValueError):
    """A mask that cannot be made: an option, a method, or a model that the localizer cannot work with."""


class RenamedError(InnError, AttributeError):
    """A name that has become another one; the message gives it."""


class StoreError(InnError, OSError):
    """Stored representations that cannot be written or read."""


class ArtefactError(InnError, OSError):
    """A saved interpreter that is damaged, newer than this library, or belongs to another model."""


class PluginError(InnError):
    """A plugin that cannot be loaded, is unknown, or failed; the message names who supplied it."""


def warn(message: str, kind: type[InnWarning] = InnWarning) -> None:
    """Warns of something; the warning names the line that called this library, however deep the call is.

    Args:
        message: A plain sentence or two; within `warnings_from` the place is added.
        kind: Of the warning.
    """
    depth = outermost = 1
    frame = sys._getframe(1)
    while frame.f_back is not None:
        depth += 1
        if str(frame.f_globals.get("__name__", "")).startswith(_OWN):
            outermost = depth
        frame = frame.f_back
    place, heard = _warning_place.get(), _heard.get()
    if heard is not None:
        heard.append((message, place))
    warnings.warn(f"{message} ({place}.)" if place else message, kind, stacklevel=outermost + 1)


@contextmanager
def heard_warnings() -> Iterator[list[tuple[str, str]]]:
    """Collects what is warned of meanwhile, each sentence with its place, so that a record can repeat it."""
    heard: list[tuple[str, str]] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


@contextmanager
def warnings_from(place: str) -> Iterator[None]:
    """Adds a place, such as "In the test split", to warnings of code that does not know it."""
    before = _warning_place.set(place)
    try:
        yield
    finally:
        _warning_place.reset(before)


def suggest(name: str, known: Iterable[str], *, limit: int = 5) -> str:
    """The last sentence of an error about an unknown name: the nearest known names, or the first `limit`.

    >>> suggest("layer5", ["layer4", "layer1", "fc"])
    "Did you mean 'layer4' or 'layer1'?"
    >>> suggest("x", ["digit", "colour"])
    "Known: 'digit', 'colour'."
    >>> suggest("x", [])
    'No names are known here.'
    """
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    if not names:
        return "No names are known here."
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"Known: {', '.join(map(repr, names[:limit]))}{rest}."


def shown(text: object, longest: int = 500) -> str:
    r"""Text from elsewhere, safe to print: characters that control a terminal are escaped.

    Args:
        text: Anything; its `str` is shown.
        longest: Characters that are shown; the rest becomes "…".

    >>> shown("fc" + chr(10)), shown("layer", 3)
    ('fc\\n', 'lay…')
    """
    whole = str(text)
    cut = whole if len(whole) <= longest else whole[:longest] + "…"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut)
