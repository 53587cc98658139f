"""Masks of where a factor acts, and localizers, which give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from interpret_inn.types.numbers import FloatArray
from interpret_inn.types.results import Score

Space = Literal["input", "output"]


@dataclass(frozen=True)
class Masks:
    """Where one factor acts in some images.

    Attributes:
        factor: Its name.
        values: float32 (B, 1, H, W) in [0, 1], on the CPU, of the size of the images: 1 where the factor acts.
        space: The images that the masks lie over: the model's inputs, or its outputs.
        localizer: Name of the localizer.
        shared: One mask is repeated for all images.
        figures: The localizer's own scores of its masks, by name ("kept", "area" …), beside the reliability.
        notes: Caveats, in plain sentences.
        reliability: How much better than chance the masks do what they claim: 0 (chance) to 1 (all of it), with
            its interval; measured by `Interpreter.localize`, in the same way for every localizer. None before that,
            NaN if it cannot be measured.
        each: The reliability in every image, float64 (B,).
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


class Localizer:
    """Gives a factor's masks. Base of localizers; a function with the signature of `__call__` is one, too.

    A localizer reads the translator and changes nothing in it. `interpret_inn.localizing` has what most localizers
    need: inputs as the model takes them, a factor's value with gradients, changes of images along a factor.

    The members below describe masks that are bare tensors; `Masks` describe themselves. A public name that is nearly
    one of them is refused when the localizer is built, registered, used or checked; all other names are the author's
    own.

    Example:
        >>> class Everywhere(Localizer):
        ...     name = "everywhere"
        ...     notes = ("Says nothing of where.",)
        ...
        ...     def __call__(self, translator, inputs, factor):
        ...         return torch.ones(len(inputs), 1, 32, 32)
    """

    name: str = ""
    """Its name in masks and errors; empty: its class's. A localizer that a plugin builds has the name of its spec."""
    space: Space = "input"
    """The images that its masks lie over, if it gives tensors."""
    notes: tuple[str, ...] = ()
    """Caveats of its masks, in plain sentences, if it gives tensors."""
    batchwise: bool = False
    """Its mask of an input may depend on the rest of the batch: fills that are taken from other images, say."""

    def __call__(self, translator: Any, inputs: Any, factor: str) -> Tensor | Masks:
        """Masks of a factor in inputs.

        Args:
            translator: A model with its fitted flow: `.backbone`, `.factors`, `.fitted`, `.codes` and the rest of
                `interpret_inn.localizing.Translator`.
            inputs: `B` inputs, which `interpret_inn.localizing.prepared_inputs` reads.
            factor: Name of the factor.

        Returns:
            float (B, 1, H, W) in [0, 1], of the size of the images; or `Masks` with figures and notes.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not define __call__(translator, inputs, factor)."
        )


LocalizerFunction = Callable[[Any, Any, str], Tensor | Masks]
"""An object of a subclass of `Localizer`, or any callable of that signature."""
