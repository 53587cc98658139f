"""Localizers of this library's own: masks that are learnt, and maps of positions."""

from collections.abc import Iterable

from interpret_inn import hookimpl
from interpret_inn.types import LocalizerSpec


@hookimpl
def inn_localizers() -> Iterable[LocalizerSpec]:
    """Contributes localizers."""
    return ()
