"""Concepts from two sketches: each shows one end, and every image is rendered in the style of both.

```python
interpreter.fit("sketches", data=images, sketches={"straight": "lines.png", "round": "circles.png"})
```
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from interpret_inn import hookimpl
from interpret_inn.errors import ConceptError
from interpret_inn.types import ConceptSource, ConceptSourceSpec
from interpret_inn_sketches.features import FeatureStylizer
from interpret_inn_sketches.filters import FilterStylizer
from interpret_inn_sketches.pixels import read_images
from interpret_inn_sketches.rendering import Stylizer, kept, make_key, render
from interpret_inn_sketches.sketch_files import read_sketches
from interpret_inn_sketches.sketch_parts import assign, cut
from interpret_inn_sketches.sketch_source import SketchSource, StyledSamples
from interpret_inn_sketches.stylizers import STYLIZERS, make_stylizer

__all__ = [
    "STYLIZERS",
    "FeatureStylizer",
    "FilterStylizer",
    "SketchSource",
    "StyledSamples",
    "Stylizer",
    "build",
    "inn_concept_sources",
]


def build(
    data: Any,
    *,
    sketches: Sequence[Any] | Mapping[str, Any],
    concept: str = "sketch",
    stylizer: str | Stylizer = "filters",
    network: Any = None,
    layers: Sequence[str] | None = None,
    strength: float = 1.0,
    rounds: int | None = None,
    size: int | None = None,
    sketch_size: int | None = None,
    groups: Any = None,
    keep: str | Path | None = "auto",
    seed: int = 0,
) -> ConceptSource:
    """Makes a concept source from images and two sketches.

    Each sketch is cut into up to 64 parts. Image i is rendered from one part of each, and images of one part stay
    together when data are split: the concept is tested on parts of the sketches that the fit never saw.

    Args:
        data: Images in any form that `interpret_inn.data.samples` reads, not yet normalised.
        sketches: Two pictures (paths, arrays, tensors, PIL images), or two by name.
        concept: Its name.
        stylizer: `"filters"` (no network), `"gram"`, `"moments"`, a name that was added to `STYLIZERS`, or a
            callable `(images (B, C, H, W), examples (B, C, h, w)) -> images`, all in [0, 1].
        network: For `gram` and `moments`: a module that takes pictures in [0, 1], a `Backbone`, or the interpreter.
        layers: Addresses of maps in it; None: its first three convolutions.
        strength: From 0 (the image itself) to 1 (as the stylizer gives it), above 0.
        rounds: Steps of the stylizer; None: its own default.
        size: Side of the squares that images are brought to; None: as they are, all of one size.
        sketch_size: Shorter side of the sketches in pixels of the images; None: as they are, but no larger than
            8 times the images.
        groups: (N,), images of one group are never split.
        keep: Where rendered images are kept: `"auto"` (the user's cache), a folder, or None.
        seed: Of the parts.

    Raises:
        ConceptError: sketches, a stylizer or options that cannot be used.
        DataError: images or sketches that cannot be read.
    """
    from interpret_inn.data import samples as read_samples

    strength = _checked(strength, rounds=rounds, size=size, sketch_size=sketch_size)
    both, notes = read_sketches(sketches)
    method, identity = make_stylizer(stylizer, network=network, layers=layers, rounds=rounds)
    whole = read_samples(data, groups=groups)
    images, form = read_images(whole, size)
    side = min(images.shape[1:3])
    parts = cut(both, channels=images.shape[3], side=side, sketch_size=sketch_size, seed=seed, notes=notes)
    chosen = assign(len(images), len(parts[0]), groups=whole.groups, seed=seed)
    key = make_key(images, *parts, chosen, identity, strength, form)
    if identity is None:  # nothing is kept of a stylizer that cannot be told from others
        keep = None
    styled = kept(lambda: render(images, parts, chosen, method, strength=strength), key=key, where=keep)
    ends = (both[0].name, both[1].name)
    key = key if identity is not None else make_key(styled, chosen, form)
    samples = StyledSamples(
        styled, form, parts=chosen, names=whole.names, ends=ends, key=key, skipped=whole.skipped
    )
    return SketchSource(samples, images, both, name=concept, notes=notes)


def _checked(strength: Any, **whole: Any) -> float:
    """The strength as a number; refuses options that are none, or none that can be used."""
    is_number = isinstance(strength, numbers.Real) and not isinstance(strength, bool)
    if not is_number or not 0 < strength <= 1:  # NaN compares with nothing
        raise ConceptError(
            f"Expected strength to be a number above 0, up to 1, found {strength!r}. Type 1.0, say."
        )
    for option, value in whole.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ConceptError(f"Expected {option} to be None or a whole number from 1, found {value!r}.")
    return float(strength)


@hookimpl
def inn_concept_sources() -> Iterable[ConceptSourceSpec]:
    """Contributes the concept source "sketches"."""
    yield ConceptSourceSpec(
        "sketches",
        "A concept whose two ends are shown by two pictures; images are rendered in both styles.",
        build,
    )
