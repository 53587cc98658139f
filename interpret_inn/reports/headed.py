"""What all parts of the page under a heading of their own have in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Headed:
    """A part of the page under a heading: mostly a factor's name, in the factor's colour.

    Attributes:
        name: The heading.
        css: The class of its colour; empty where it is no factor's name.
    """

    name: str
    css: str
