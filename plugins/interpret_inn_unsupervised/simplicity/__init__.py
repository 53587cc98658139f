"""The concept source "simplicity": perceptual simplicity and spatial constriction, for models that make images.

```python
interpreter = inn.wrap(gan, backbone="generator").fit("simplicity")
```
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, cast, get_args

from interpret_inn.errors import ConceptError
from interpret_inn.types import ConceptSource
from interpret_inn_unsupervised.independent import whole
from interpret_inn_unsupervised.simplicity.metric import Embed, multi_scale
from interpret_inn_unsupervised.simplicity.objective import Weights
from interpret_inn_unsupervised.simplicity.source import Flow, SimplicitySource

__all__ = ["SimplicitySource", "Weights", "build"]


def build(
    data: Any,
    *,
    factors: int | str = "auto",
    most: int = 10,
    flow: str = "rotation",
    simplicity: float = Weights.simplicity,
    orthogonality: float = Weights.orthogonality,
    recognition: float = Weights.recognition,
    constriction: float = Weights.constriction,
    area: float = Weights.area,
    stride: float = Weights.stride,
    images: int = Weights.images,
    ramp: int = Weights.ramp,
    points: int = 600,
    starts: int = 2,
    embed: Embed | None = None,
    groups: Any = None,
    seed: int = 0,
) -> ConceptSource:
    """Makes a concept source whose factors are simple to the eye.

    Args:
        data: Whatever `interpret_inn.data.samples` reads. A fit of a model whose inputs are latents draws them itself
            where no data are given.
        factors: How many; "auto": as many as change the images by a twentieth of the strongest or more.
        most: Largest number of factors that "auto" chooses.
        flow: "rotation": the best rotation alone; "couplings": an invertible network that begins there and is
            trained by all of the losses below, beside the likelihood.
        simplicity: Weight of length and overlap of the axes in the fit of the couplings.
        orthogonality: Weight of the overlap beside the length: how much alike the changes of two axes are.
        recognition: Weight of the perceptual simplicity loss; 0 leaves it out.
        constriction: Weight of the change outside of the masks; 0 leaves it out.
        area: What masks cost that cover everything.
        stride: Standard deviation of the steps that are recognized.
        images: Pairs of images in one step of the fit.
        ramp: Steps of the fit over which recognition and constriction grow to their weight.
        points: Where the length of steps is measured, at most: 2 d images for each, d the axes of the representation.
        starts: Rotations that the search begins from; of 32 axes and more it begins from one.
        embed: Images (B, C, H, W) to vectors (B, F) whose Euclidean distances are the distances of the images, a
            network's features say; None: pixels at every scale.
        groups: (N,), samples of one group are never split.
        seed: Of points, rotations and networks.

    Raises:
        ConceptError: numbers or names that cannot be used.
        DataError: data that cannot be read.
    """
    from interpret_inn.data import samples as read_samples

    if isinstance(factors, str) and factors != "auto":
        raise ConceptError(f'Expected factors="auto" or a number, found {factors!r}.')
    if flow not in get_args(Flow):
        raise ConceptError(f'Expected flow="couplings" or flow="rotation", found {flow!r}.')
    if embed is not None and not callable(embed):
        raise ConceptError(f"Expected a function of images in embed=, found {type(embed).__name__}.")
    weights = Weights(
        simplicity=_weight(simplicity, "simplicity"),
        orthogonality=_weight(orthogonality, "orthogonality"),
        recognition=_weight(recognition, "recognition"),
        constriction=_weight(constriction, "constriction"),
        area=_weight(area, "area"),
        stride=_weight(stride, "stride", above=0),
        images=whole(images, "images"),
        ramp=whole(ramp, "ramp", least=0),
    )
    if flow == "rotation":
        _refuse_without_couplings(weights)
    return SimplicitySource(
        read_samples(data, groups=groups),
        factors=None if isinstance(factors, str) else whole(factors, "factors"),
        most=whole(most, "most"),
        points=whole(points, "points", least=2),
        embed=multi_scale if embed is None else embed,
        starts=whole(starts, "starts"),
        weights=weights,
        flow=cast(Flow, flow),
        seed=whole(seed, "seed", least=0),
    )


def _refuse_without_couplings(weights: Weights) -> None:
    """Raises ConceptError where something is set that only couplings are trained by."""
    idle = [
        field.name
        for field in dataclasses.fields(weights)
        if field.name != "orthogonality" and getattr(weights, field.name) != field.default
    ]
    if idle:
        raise ConceptError(
            f"Expected {', '.join(idle)} with flow='couplings', found it with flow='rotation', which trains nothing. "
            "Type flow='couplings'."
        )


def _weight(value: Any, name: str, *, above: float = -1.0) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value < 0 or value <= above:
        least = "above 0" if above == 0 else "of at least 0"
        raise ConceptError(f"Expected {name} as a number {least}, found {value!r}.")
    return float(value)
