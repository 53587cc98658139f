"""A plugin's localizer that names who supplied it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from interpret_inn.plugin.calling import call_named
from interpret_inn.types import Localizer, LocalizerFunction, Masks, Space


@dataclass(frozen=True)
class NamedLocalizer(Localizer):
    """A plugin's localizer; what it raises names who supplied it.

    Attributes:
        name: What it is listed as.
        title: What errors call it.
        built: What the plugin built.
    """

    name: str
    title: str
    built: LocalizerFunction

    @property
    def space(self) -> Space:  # type: ignore[override]  # read only here
        """What the built one says."""
        return getattr(self.built, "space", Localizer.space)

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the built one says."""
        return getattr(self.built, "notes", Localizer.notes)

    def __call__(self, translator: Any, inputs: Any, factor: str) -> Tensor | Masks:
        """Masks of a factor; see `Localizer`."""
        found: Tensor | Masks = call_named(self.title, self.built, translator, inputs, factor)
        return found
