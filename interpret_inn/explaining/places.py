"""The record of where a factor acts in the examples of an explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from interpret_inn.types import Picture, Score, Space


@dataclass(frozen=True)
class Place:
    """Where one factor acts in the examples.

    Attributes:
        factor: Its name.
        localizer: Who made the masks.
        space: What they lie over: the model's input or its output.
        reliability: How much better than chance the masks do what they claim; see `Masks.reliability`.
        area: Share of the images that the masks cover.
        figures: What the localizer says of its masks, by name.
        notes: What to know of them, in plain sentences.
        pictures: The first examples, each under its mask.
    """

    factor: str
    localizer: str
    space: Space
    reliability: Score
    area: float
    figures: Mapping[str, Score] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = field(default=(), repr=False)
