"""A plugin's localizer that names who supplied it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from interpret_inn.plugin.calling import call_named
from interpret_inn.types import Localizer, Masks


@dataclass(frozen=True)
class NamedLocalizer:
    """A plugin's localizer; what it raises names who supplied it.

    Attributes:
        name: What it is listed as.
        title: What errors call it.
        built: What the plugin built.
    """

    name: str
    title: str
    built: Localizer

    def __call__(self, interpreter: Any, inputs: Any, factor: str) -> Tensor | Masks:
        """Masks of a factor; see `Localizer`."""
        found: Tensor | Masks = call_named(self.title, self.built, interpreter, inputs, factor)
        return found
