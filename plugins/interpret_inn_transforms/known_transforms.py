"""The transforms that are known by name, and how a function of the user's own becomes one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.errors import ConceptError, suggest
from interpret_inn.types import FloatArray
from interpret_inn_transforms import colours, shapes

Kind = Literal["numeric", "cyclic", "categorical"]
Function = Callable[[Tensor, float, Generator], Any]


@dataclass(frozen=True)
class Transform:
    """A change of pictures by an amount.

    Attributes:
        function: `function(picture, amount, generator)` gives the changed picture: `picture` is float32
            (C, H, W) in [0, 1], `amount` a number, and `generator` the only thing to draw from. What it gives is
            clipped to [0, 1]. With `batched`, it gets pictures (B, C, H, W), amounts (B,) or (B, axes), and B
            generators if `random` is set.
        low: Amounts are drawn evenly from `low` …
        high: … to `high`; for `categorical` transforms the amount is 0 or 1.
        kind: `numeric`; `cyclic`, for angles in radians of a full turn; `categorical`, for done and not done.
        axes: Numbers in an amount.
        classes: Names of not done and done.
        batched: See `function`.
        random: The function draws from its generators.
        colour: It needs pictures of three channels.
    """

    function: Callable[..., Any]
    low: float = 0.0
    high: float = 1.0
    kind: Kind = "numeric"
    axes: int = 1
    classes: tuple[str, ...] = ()
    batched: bool = False
    random: bool = False
    colour: bool = False

    def draw(
        self, pictures: int, variants: int, *, strength: float, generator: np.random.Generator
    ) -> FloatArray:
        """Amounts for each variant of each picture, float64 (pictures · variants,) or (…, axes).

        They are spread as evenly as can be, in random order. If there is only done and not done, variants of one
        picture take turns, so that two of them differ.
        """
        count = pictures * variants
        if self.kind == "categorical":
            first = generator.permutation(pictures) % 2
            return np.asarray((first[:, None] + np.arange(variants)).reshape(-1) % 2, dtype=np.float64)
        columns = []
        for _ in range(self.axes):
            places = (generator.permutation(count) + generator.uniform(size=count)) / count
            columns.append((self.low + (self.high - self.low) * places) * strength)
        return columns[0] if self.axes == 1 else np.stack(columns, axis=1)

    def apply(self, pictures: Tensor, amounts: Tensor, generators: Sequence[Generator]) -> Any:
        """Changed pictures (B, C, H, W), not yet clipped or checked."""
        if self.batched:
            return self.function(pictures, amounts, *([generators] if self.random else []))
        changed = [
            torch.as_tensor(self.function(picture.clone(), float(amount), generator))
            for picture, amount, generator in zip(pictures, amounts, generators, strict=True)
        ]
        return torch.stack(changed)


def _known(function: Callable[..., Any], low: float, high: float, **more: Any) -> Transform:
    return Transform(function, low, high, batched=True, **more)


TRANSFORMS: dict[str, Transform] = {
    "hue": _known(colours.hue, -math.pi, math.pi, kind="cyclic", colour=True),
    "brightness": _known(colours.brightness, -1, 1),
    "contrast": _known(colours.contrast, -1, 1),
    "saturation": _known(colours.saturation, -1, 1, colour=True),
    "greyscale": _known(colours.greyscale, 0, 1, colour=True),
    "blur": _known(shapes.blur, 0, 0.03),
    "noise": _known(shapes.noise, 0, 0.1, random=True),
    "rotation": _known(shapes.rotation, -math.pi / 4, math.pi / 4),
    "shift": _known(shapes.shift, -0.2, 0.2, axes=2),
    "scale": _known(shapes.scale, -0.6, 0.6),
    "flip": _known(shapes.flip, 0, 1, kind="categorical", classes=("as it is", "mirrored")),
    "occlusion": _known(shapes.occlusion, 0, 0.25, random=True),
}
"""What can be asked for by name. The ranges hold for a strength of 1."""


def named_transforms(given: Any) -> dict[str, Transform]:
    """Transforms by the names of their concepts.

    Args:
        given: Names and functions in a sequence, or a mapping of names to names or functions; a function is also
            a `Transform`.

    Raises:
        ConceptError: none, an unknown name, a name twice, or something that is no transform.
    """
    if isinstance(given, (str, Transform)) or callable(given):
        given = [given]
    if isinstance(given, Mapping):
        entries = [(str(name), value) for name, value in given.items()]
    elif isinstance(given, Sequence):
        entries = [(_own_name(value, place), value) for place, value in enumerate(given)]
    else:
        raise ConceptError(
            f"Expected names of transforms or functions, found {type(given).__name__}. "
            "Type transforms=['hue', 'rotation']."
        )
    if not entries:
        raise ConceptError(
            "Expected at least one transform, found none. Type transforms=['hue', 'rotation']."
        )
    found: dict[str, Transform] = {}
    for name, value in entries:
        if name in found:
            raise ConceptError(
                f"The transform {name!r} was given twice. Give a mapping with names of their own."
            )
        found[name] = _as_transform(name, value)
    return found


def _own_name(value: Any, place: int) -> str:
    if isinstance(value, str):
        return value
    function = value.function if isinstance(value, Transform) else value
    name = getattr(function, "__name__", f"transform {place + 1}")
    if name == "<lambda>":
        raise ConceptError(
            "Expected a transform with a name, found a lambda. Type transforms={'tilt': lambda picture, amount, "
            "generator: …}."
        )
    return str(name)


def _as_transform(name: str, value: Any) -> Transform:
    if isinstance(value, Transform):
        return value
    if isinstance(value, str):
        if value not in TRANSFORMS:
            raise ConceptError(f"There is no transform {value!r}. {suggest(value, TRANSFORMS)}")
        return TRANSFORMS[value]
    if not callable(value):
        raise ConceptError(
            f"Expected a name or a function as the transform {name!r}, found {type(value).__name__}. "
            "Type a function of (picture, amount, generator)."
        )
    return Transform(value)
