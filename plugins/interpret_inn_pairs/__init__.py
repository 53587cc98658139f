"""Concepts from pairs of images: what the two share is known by name, its value is not.

```python
interpreter.fit("pairs", data={"floor hue": (these, those), "shape": (some, others)})
interpreter.fit("pairs", data=images, indices={"floor hue": pairs})
```
"""

from __future__ import annotations

import numbers
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from interpret_inn import hookimpl
from interpret_inn.errors import ConceptError, suggest
from interpret_inn.types import SAME, ConceptSource, ConceptSourceSpec
from interpret_inn_pairs.grouping import held_together
from interpret_inn_pairs.joined_samples import TogetherSamples
from interpret_inn_pairs.pair_forms import read_images, read_indices
from interpret_inn_pairs.pair_source import NamedPairs, PairSource

__all__ = ["NamedPairs", "PairSource", "TogetherSamples", "build", "inn_concept_sources"]


def build(
    data: Any,
    *,
    indices: Any = None,
    correlation: float | Mapping[str, float] = SAME,
    differs: bool | str | Collection[str] = False,
    groups: Any = None,
) -> ConceptSource:
    """Makes a concept source from pairs of images that share something, or all but something.

    Images that a pair connects, directly or in steps, are one group: they are never split.

    Args:
        data: A mapping from concepts to pairs `(first, second)`, n images each in any form
            that `interpret_inn.data.samples` reads: the i-th first one shares the concept with the i-th second one.
            Data that are the same object in several places are the same images. With `indices`: the images alone.
        indices: For images that are given once: a mapping from concepts to pairs of their indices, int (n, 2).
        correlation: How strongly pairs agree in what they share, in (0, 1): a number, or numbers by concept.
        differs: Concepts whose pairs share all *but* the concept; True: all concepts.
        groups: What must not be split beside that. With `indices`: one value for each image, (N,). Without: a mapping
            from concepts to one value for each pair, (n,).

    Raises:
        ConceptError: names, numbers or options that cannot be used, or pairs that connect too much to be split.
        DataError: data that cannot be read.
    """
    if indices is None:
        samples, named, held = read_images(data, groups)
    else:
        samples, named, held = read_indices(data, indices, groups)
    samples.groups, notes = held_together(len(samples), named, held)
    names = [one.name for one in named]
    strengths, apart = _strengths(correlation, names), _differing(differs, names)
    chosen = [one._replace(correlation=strengths[one.name], differs=one.name in apart) for one in named]
    return PairSource(samples, chosen, notes=notes)


def _strengths(correlation: Any, names: list[str]) -> dict[str, float]:
    """The correlation of each concept's pairs; `SAME` for concepts that a mapping leaves out."""
    given = correlation if isinstance(correlation, Mapping) else dict.fromkeys(names, correlation)
    for name, value in given.items():
        if name not in names:
            raise ConceptError(
                f"A correlation was given for {name!r}, which is no concept. {suggest(str(name), names)}"
            )
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not is_number or not 0 < value < 1:  # NaN compares with nothing
            raise ConceptError(
                f"Expected the correlation of pairs of {name!r} to be a number between 0 and 1, both excluded, found "
                f"{value!r}. Try {SAME}, which stands for the same."
            )
    return {name: float(given.get(name, SAME)) for name in names}


def _differing(differs: Any, names: list[str]) -> frozenset[str]:
    """The concepts whose pairs share all but the concept."""
    if isinstance(differs, bool):
        return frozenset(names) if differs else frozenset()
    given = [differs] if isinstance(differs, str) else differs
    if not isinstance(given, Collection) or isinstance(given, Mapping):
        raise ConceptError(
            f"Expected differs to be True, False or names of concepts, found {differs!r:.80}. "
            f"Type differs={names[:1]}, say."
        )
    for name in given:
        if name not in names:
            raise ConceptError(
                f"Pairs were said to differ in {name!r}, which is no concept. {suggest(str(name), names)}"
            )
    return frozenset(given)


@hookimpl
def inn_concept_sources() -> Iterable[ConceptSourceSpec]:
    """Contributes the concept source "pairs"."""
    yield ConceptSourceSpec(
        "pairs", "Pairs of images that are known to share something, whose value is not known.", build
    )
