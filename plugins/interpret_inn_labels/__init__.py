"""Concepts from labels: digits, colours, angles, yes and no, several at once and with gaps.

```python
interpreter.fit("labels", data=images, labels={"digit": digits, "colour": colours})
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interpret_inn import hookimpl
from interpret_inn.errors import ConceptError
from interpret_inn.types import SAME, ConceptSource, ConceptSourceSpec
from interpret_inn_labels.association import association
from interpret_inn_labels.label_reading import read_concepts
from interpret_inn_labels.label_source import LabelSource

__all__ = ["LabelSource", "association", "build", "inn_concept_sources"]


def build(
    data: Any,
    *,
    labels: Any = None,
    kinds: Mapping[str, str] | None = None,
    groups: Any = None,
    csv: Any = None,
    balance: bool = True,
    strength: float = SAME,
) -> ConceptSource:
    """Makes a concept source from labelled samples.

    Args:
        data: Anything that `interpret_inn.data.samples` reads: arrays, data sets, loaders, folders.
        labels: One column of N labels, or a mapping of concept names to columns; a column is (N,) or, for
            colours and the like, (N, d). None: the labels that come with the data's items, folders or table.
            None, NaN and "" mean "not known"; for −1 see `label_reading.read_concepts`.
        kinds: `categorical`, `numeric` or `cyclic` (angles in radians) by concept; guessed if not given.
        groups: (N,), samples of one group (variants of one image, one identity) are never paired nor split.
        csv: A table beside a folder of images, see `interpret_inn.data.samples`.
        balance: Draw by weights that make the concepts independent if they go together in the data.
        strength: The correlation of a pair that shares a concept, in (0, 1).

    Raises:
        ConceptError: labels that cannot be used.
        DataError: data that cannot be read.
    """
    from interpret_inn.data import samples as read_samples

    samples = read_samples(data, groups=groups, csv=csv)
    if labels is None:
        scan = getattr(samples, "scan", None)  # samples of a plugin need not know any labels
        labels = scan() if scan else None
    if labels is None:
        raise ConceptError(
            "Expected labels, found none in the data. Pass labels=digits or labels={'digit': digits}, "
            "or data whose items are (image, label)."
        )
    concepts, notes = read_concepts(labels, kinds, count=len(samples), skipped=len(samples.skipped))
    return LabelSource(samples, concepts, balance=balance, strength=strength, notes=notes)


@hookimpl
def inn_concept_sources() -> Iterable[ConceptSourceSpec]:
    """Contributes the concept source "labels"."""
    yield ConceptSourceSpec(
        "labels", "Concepts from labels: categories, numbers, colours, angles; gaps are fine.", build
    )
