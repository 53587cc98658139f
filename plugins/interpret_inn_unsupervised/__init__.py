"""Concepts without labels, sketches or transforms: independent factors, simple ones, and directions of other methods.

```python
interpreter.fit("unsupervised", data=images)
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast, get_args

from interpret_inn import hookimpl
from interpret_inn.errors import ConceptError
from interpret_inn.types import RESIDUAL, ConceptSource, ConceptSourceSpec
from interpret_inn_unsupervised.directions import build as build_directions
from interpret_inn_unsupervised.independent import numbered, whole
from interpret_inn_unsupervised.simplicity import build as build_simplicity
from interpret_inn_unsupervised.simplicity import build_couplings
from interpret_inn_unsupervised.unsupervised_source import Directions, UnsupervisedSource

__all__ = ["UnsupervisedSource", "build", "inn_concept_sources"]


def build(
    data: Any,
    *,
    factors: int | Mapping[str, int] | str = "auto",
    size: int = 1,
    most: int = 10,
    directions: str = "output",
    groups: Any = None,
) -> ConceptSource:
    """Makes a concept source that needs no labels.

    Args:
        data: Anything that `interpret_inn.data.samples` reads; labels that come with it are not used. A fit of a model
            whose inputs are latents draws them itself if no data are given.
        factors: How many; or a mapping of names to numbers of axes; or "auto": as many as make up
            80 % of the output's change, or of the representation's variance with `directions="principal"`.
        size: Axes of each factor; not with a mapping.
        most: Largest number of factors that "auto" chooses.
        directions: Where the factors begin: "output": the directions that the model's output answers to most;
            "principal": the representation's principal axes.
        groups: (N,), samples of one group (variants of one image, one identity) are never split.

    Raises:
        ConceptError: numbers or names that cannot be used.
        DataError: data that cannot be read.
    """
    from interpret_inn.data import samples as read_samples

    size = whole(size, "size")
    sizes = _sizes(factors, size)
    if directions not in get_args(Directions):
        raise ConceptError(f'Expected directions="output" or directions="principal", found {directions!r}.')
    return UnsupervisedSource(
        read_samples(data, groups=groups),
        sizes=sizes,
        size=size,
        most=whole(most, "most"),
        directions=cast(Directions, directions),
    )


def _sizes(factors: Any, size: int) -> dict[str, int] | None:
    """Numbers of axes by factor; None if they are to be chosen."""
    if isinstance(factors, str):
        if factors != "auto":
            raise ConceptError(
                f'Expected factors="auto", a number, or a mapping of names to numbers of axes, found {factors!r}.'
            )
        return None
    if not isinstance(factors, Mapping):
        return numbered(whole(factors, "factors"), size)
    if not factors:
        raise ConceptError('Expected at least one factor, found none. Type factors="auto".')
    if size != 1:
        raise ConceptError(
            f"Expected sizes in factors={{…}} or in size=, found both (size={size}). Leave size out."
        )
    wrong = [name for name in factors if not isinstance(name, str) or not name or name == RESIDUAL]
    if wrong:
        raise ConceptError(f"Expected names of factors other than {RESIDUAL!r}, found {wrong}. Rename them.")
    return {name: whole(value, f"factors[{name!r}]") for name, value in factors.items()}


@hookimpl
def inn_concept_sources() -> Iterable[ConceptSourceSpec]:
    """Contributes the concept sources "directions", "simplicity", "simplicity_couplings" and "unsupervised"."""
    yield ConceptSourceSpec(
        "directions",
        "Directions of other methods: raw latents, GANSpace, SeFa, LatentDiscovery.",
        build_directions,
    )
    yield ConceptSourceSpec(
        "simplicity",
        "No labels at all: factors of a model that makes images, simple to the eye.",
        build_simplicity,
    )
    yield ConceptSourceSpec(
        "simplicity_couplings",
        "The same, bent by couplings that are trained for steps that are recognized and act in one place.",
        build_couplings,
    )
    yield ConceptSourceSpec(
        "unsupervised", "No labels at all: independent factors, sorted by their effect on the output.", build
    )
