"""Concepts from transforms: how much does a layer know about rotation, blur, hue …, without any labels.

```python
interpreter.fit("transforms", data=images, transforms=["hue", "rotation", "blur"])
```
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from interpret_inn import hookimpl
from interpret_inn.errors import ConceptError
from interpret_inn.types import ConceptSource, ConceptSourceSpec
from interpret_inn_transforms.samples import TransformedSamples
from interpret_inn_transforms.source import TransformSource
from interpret_inn_transforms.table import TRANSFORMS, Transform, named_transforms

__all__ = ["TRANSFORMS", "Transform", "TransformSource", "build", "inn_concept_sources"]


def build(
    data: Any,
    *,
    transforms: Any = tuple(TRANSFORMS),
    strength: float = 1.0,
    variants: int = 2,
    across: float = 0.5,
    seed: int = 0,
    groups: Any = None,
) -> ConceptSource:
    from interpret_inn.data import samples as read_samples

    whole = read_samples(data, groups=groups)
    named = named_transforms(transforms)
    made = TransformedSamples(whole, named, variants=variants, strength=strength, seed=seed)
    return TransformSource(made, named, strength=strength, across=across)


@hookimpl
def inn_concept_sources() -> Iterable[ConceptSourceSpec]:
    """Contributes the concept source "transforms"."""
    yield ConceptSourceSpec(
        "transforms", "Concepts from changes of pictures: hue, blur, rotation …; no labels needed.", build
    )
