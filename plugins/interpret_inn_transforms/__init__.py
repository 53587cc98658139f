"""Concepts from transforms: how much does a layer know about rotation, blur, hue …, without any labels.

```python
interpreter.fit("transforms", data=images, transforms=["hue", "rotation", "blur"])
```
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

from interpret_inn import hookimpl
from interpret_inn.errors import ConceptError
from interpret_inn.types import ConceptSource, ConceptSourceSpec, ReportSectionSpec
from interpret_inn_transforms.known_transforms import TRANSFORMS, Transform, named_transforms
from interpret_inn_transforms.measuring import Nuisance, direct_changes, nuisances
from interpret_inn_transforms.section import render
from interpret_inn_transforms.transform_source import TransformSource
from interpret_inn_transforms.variants import TransformedSamples

__all__ = [
    "STANDARD",
    "TRANSFORMS",
    "Nuisance",
    "Transform",
    "TransformSource",
    "build",
    "direct_changes",
    "inn_concept_sources",
    "inn_report_sections",
    "nuisances",
]

STANDARD = (
    "hue",
    "brightness",
    "greyscale",
    "blur",
    "noise",
    "rotation",
    "shift",
    "scale",
    "flip",
    "occlusion",
)
"""What is looked at if nothing is named."""

_STRONGEST = 4.0  # beyond, the ranges of amounts leave little of a picture


def build(
    data: Any,
    *,
    transforms: Any = STANDARD,
    strength: float = 1.0,
    variants: int = 2,
    across: float = 0.25,
    size: int | None = None,
    seed: int = 0,
    groups: Any = None,
) -> ConceptSource:
    """Makes a concept source from pictures and their transforms.

    Every picture is a sample as it is, and in `variants` variants for each transform, each with an amount drawn on its
    own; no variant goes through two transforms. All samples of a picture are one group. Variants are made afresh at
    each read, in the form in which the pictures come.

    Args:
        data: Pictures, in any form that `interpret_inn.data.samples` reads: uint8, or floats in [0, 1], not normalised.
        transforms: Names (see `TRANSFORMS`), functions, or a mapping of the concepts' names to these. A function is
            called with `(picture, amount, generator)`: float32 (C, H, W) in [0, 1], a number drawn evenly from 0 to
            `strength`, and the `torch.Generator` to draw from; it gives the changed picture. A `Transform` says more.
        strength: Multiplies the ranges of all amounts, in (0, 4].
        variants: Of each picture and transform, at least 2.
        across: Share of the pairs that are of different pictures, in [0, 1]. Those ask for what a transform does to
            all pictures alike (so that its amount can be read), the others for all that it does to a picture.
        size: Pictures are brought to a square of this many pixels first (the middle of the longer side); None: they
            keep their size.
        seed: Of the amounts.
        groups: (N,), pictures of one group are never split, nor paired across.

    Raises:
        ConceptError: transforms or options that cannot be used.
        DataError: data that cannot be read, or that are no pictures.
    """
    from interpret_inn.data import samples as read_samples

    _refuse(strength=strength, variants=variants, across=across, size=size)
    named = named_transforms(transforms)
    whole = read_samples(data, groups=groups)
    made = TransformedSamples(whole, named, variants=variants, strength=strength, seed=seed, size=size)
    return TransformSource(made, named, strength=strength, across=across)


def _refuse(*, strength: Any, variants: Any, across: Any, size: Any) -> None:
    if not isinstance(strength, (int, float)) or not 0 < strength <= _STRONGEST:
        raise ConceptError(
            f"Expected a strength above 0 and up to {_STRONGEST:g}, found {strength!r}. Type 1.0."
        )
    if isinstance(variants, bool) or not isinstance(variants, numbers.Integral) or variants < 2:
        raise ConceptError(
            f"Expected at least 2 variants of each picture, found {variants!r}: pairs are made of two. Type 2."
        )
    if not isinstance(across, (int, float)) or not 0 <= across <= 1:
        raise ConceptError(f"Expected across to be a share from 0 to 1, found {across!r}. Type 0.25.")
    if size is not None and (isinstance(size, bool) or not isinstance(size, numbers.Integral) or size < 1):
        raise ConceptError(f"Expected a size in pixels, at least 1, found {size!r}. Type 224, or None.")


@hookimpl
def inn_concept_sources() -> Iterable[ConceptSourceSpec]:
    """Contributes the concept source "transforms"."""
    yield ConceptSourceSpec(
        "transforms", "Concepts from changes of pictures: hue, blur, rotation …; no labels needed.", build
    )


@hookimpl
def inn_report_sections() -> Iterable[ReportSectionSpec]:
    """Contributes a table of what the layer knows about each transform."""
    yield ReportSectionSpec("transforms", "What the layer knows about each transform of the fit.", render)
