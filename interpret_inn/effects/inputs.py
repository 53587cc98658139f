"""What effects are measured on: pairs of inputs that share all but a concept, or inputs rendered with other values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from interpret_inn.errors import ConceptError
from interpret_inn.types import Concept, IntArray, Samples

Render = Callable[[Any, Any], Any]
"""Renders a batch of inputs with another value of a concept: `render(images, value)` gives as many images."""


@dataclass(frozen=True)
class InputPairs:
    """n pairs of inputs that share all but a concept.

    Attributes:
        concept: With the values of the data, if there are any.
        first: Samples that hold the first ones.
        second: Samples that hold their counterparts.
        places: int64 (n, 2), where both stand among these.
        before: The concept with the n values of the first ones; None: not known.
        after: The same of their counterparts.
        groups: int64 (n,), pairs of one group are variants of one thing; None: pairs of equal first inputs are.
        both_ways: Neither end comes first: a case goes from each to the other.
        notes: What to know of them.
    """

    concept: Concept
    first: Samples
    second: Samples
    places: IntArray
    before: Concept | None = None
    after: Concept | None = None
    groups: IntArray | None = None
    both_ways: bool = False
    notes: tuple[str, ...] = ()

    def at(self, chosen: IntArray) -> InputPairs:
        """Some of the pairs, by index."""
        return replace(
            self,
            places=self.places[chosen],
            before=None if self.before is None else self.before.at(chosen),
            after=None if self.after is None else self.after.at(chosen),
            groups=None if self.groups is None else self.groups[chosen],
        )

    def differing(self) -> InputPairs:
        """The pairs whose values differ; all of them if no values are known.

        Raises:
            ConceptError: fewer than two are left.
        """
        count, kept, notes = len(self.places), np.arange(len(self.places)), list(self.notes)
        if self.before is not None and self.after is not None:
            assert self.before.values is not None
            assert self.after.values is not None
            known = self.before.known & self.after.known
            apart = self.before.distance(self.before.values, self.after.values)
            kept = np.flatnonzero(known & (np.nan_to_num(apart) > 0))
            notes += _left_out(self.concept.name, int((~known).sum()), int(known.sum()) - len(kept), count)
        if len(kept) < 2:
            raise ConceptError(
                f"Expected at least 2 pairs of inputs that differ in {self.concept.name!r}, found {len(kept)} among "
                f"{count}. Give counterfactuals={{{self.concept.name!r}: (images_a, images_b)}} more images."
            )
        return replace(self.at(kept), notes=tuple(notes))


def _left_out(name: str, unknown: int, equal: int, count: int) -> list[str]:
    """Sentences on pairs that count for nothing."""
    said = []
    if unknown:
        said.append(f"{unknown} of {count} pairs were left out, as a value of {name} is missing.")
    if equal:
        said.append(f"{equal} of {count} pairs were left out, as both have the same {name}.")
    return said


@dataclass(frozen=True)
class Rendering:
    """A function that renders inputs with other values of a concept.

    Attributes:
        concept: With the values of the data.
        render: The function.
    """

    concept: Concept
    render: Render
