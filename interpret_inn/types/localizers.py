"""Where a factor acts: masks, and what gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from torch import Tensor

from interpret_inn.types.arrays import FloatArray
from interpret_inn.types.results import Score

Space = Literal["input", "output"]


@dataclass(frozen=True)
class Masks:
    """Where one factor acts in some images.

    Attributes:
        factor: Its name.
        values: float32 (B, 1, H, W) in [0, 1], on the CPU, of the size of the images: 1 where the factor acts.
        space: The images that the masks lie over: what the model takes, or what it gives.
        localizer: Who made them.
        shared: One mask for all images, repeated.
        figures: What the localizer says of its masks, by name ("held", "area" …), beside the reliability.
        notes: What the user should know of them, in plain sentences.
        reliability: How much better than chance the masks do what they claim: 0 (chance) to 1 (all of it), with
            its interval; measured by `Interpreter.localize`, in the same way for every localizer. None before that,
            NaN where it cannot be measured.
        each: The same for every image, float64 (B,).
    """

    factor: str
    values: Tensor = field(repr=False)
    space: Space = "input"
    localizer: str = ""
    shared: bool = False
    figures: Mapping[str, Score] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    reliability: Score | None = None
    each: FloatArray | None = field(default=None, repr=False)

    @property
    def area(self) -> Tensor:
        """Share of each image that its mask covers, float (B,)."""
        return self.values.mean((1, 2, 3))

    def __len__(self) -> int:
        return len(self.values)


class Localizer(Protocol):
    """Gives a factor's masks.

    It reads the interpreter and changes nothing in it. `interpret_inn.localizing` has what most localizers need:
    inputs as the model takes them, a factor's value with gradients, changes of images along a factor.
    """

    def __call__(self, interpreter: Any, inputs: Any, factor: str) -> Tensor | Masks:
        """Masks of a factor in inputs: float (B, 1, H, W) in [0, 1], or `Masks` with figures and notes."""
