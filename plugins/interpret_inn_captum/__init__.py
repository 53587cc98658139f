"""Localizers from captum: any of its attributions, with a factor as the target."""

from collections.abc import Iterable

from interpret_inn import hookimpl
from interpret_inn.types import LocalizerSpec


@hookimpl
def inn_localizers() -> Iterable[LocalizerSpec]:
    """Contributes localizers."""
    return ()
