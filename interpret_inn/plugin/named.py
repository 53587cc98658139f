"""A plugin's localizer that names who supplied it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from interpret_inn.plugin.calling import call_named
from interpret_inn.types import Localizer, LocalizerFunction, Masks


class NamedLocalizer(Localizer):
    """A plugin's localizer; what it raises names who supplied it.

    Args:
        name: What it is listed as.
        title: What errors call it.
        built: What the plugin built, whose `space` and `notes` it has.
    """

    def __init__(self, name: str, title: str, built: LocalizerFunction) -> None:
        self.name, self._title, self._built = name, title, built
        self.space = getattr(built, "space", Localizer.space)
        self.notes = getattr(built, "notes", Localizer.notes)

    def __call__(self, translator: Any, inputs: Any, factor: str) -> Tensor | Masks:
        """Masks of a factor; see `Localizer`."""
        found: Tensor | Masks = call_named(self._title, self._built, translator, inputs, factor)
        return found
