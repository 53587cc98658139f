"""The concept sources "simplicity" and "simplicity_couplings", for models that make images.

```python
interpreter = inn.wrap(gan, backbone="generator").fit("simplicity")
```
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from interpret_inn.errors import ConceptError, PluginError, suggest
from interpret_inn.types import ConceptSource
from interpret_inn_unsupervised.independent import whole
from interpret_inn_unsupervised.simplicity.couplings import CouplingsSource
from interpret_inn_unsupervised.simplicity.metric import Embed, multi_scale
from interpret_inn_unsupervised.simplicity.objective import Weights
from interpret_inn_unsupervised.simplicity.simplicity_source import Search, SimplicitySource

__all__ = ["CouplingsSource", "SimplicitySource", "Weights", "build", "build_couplings"]

_SEARCH = ("factors", "most", "orthogonality", "points", "starts", "embed", "groups", "seed")
_TRAINING = tuple(field.name for field in dataclasses.fields(Weights) if field.name not in _SEARCH)


def build(
    data: Any,
    *,
    factors: int | str = "auto",
    most: int = 10,
    orthogonality: float = Weights.orthogonality,
    points: int = 600,
    starts: int = 2,
    embed: Embed | None = None,
    groups: Any = None,
    seed: int = 0,
    **others: Any,
) -> ConceptSource:
    """Makes a concept source whose factors are simple to the eye: the best rotation, without training.

    Args:
        data: Anything that `interpret_inn.data.samples` reads. If none are given, a fit of a model whose inputs are
            latents draws them itself.
        factors: How many; "auto": as many as change the images by a twentieth of the strongest or more.
        most: Largest number of factors that "auto" chooses.
        orthogonality: Weight of the overlap beside the length: how much alike the changes of two axes are.
        points: Where the length of steps is measured, at most: 2 d images for each, d the axes of the representation.
        starts: Rotations that the search begins from; of 32 axes and more it begins from one.
        embed: Images (B, C, H, W) to vectors (B, F) whose Euclidean distances are the distances of the images, a
            network's features say; None: pixels at every scale.
        groups: (N,), samples of one group are never split.
        seed: Of points and rotations.
        others: Refused. Options of "simplicity_couplings" are told from misspelt ones.

    Raises:
        ConceptError: numbers or names that cannot be used, or an option of "simplicity_couplings".
        DataError: data that cannot be read.
        PluginError: an option that there is not.
    """
    from interpret_inn.data import samples as read_samples

    for option in others:
        _refuse(option)
    search = _search(factors, most, points, starts, embed, orthogonality, seed)
    return SimplicitySource(read_samples(data, groups=groups), search)


def build_couplings(
    data: Any,
    *,
    factors: int | str = "auto",
    most: int = 10,
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
    """Makes a concept source whose factors begin as those of "simplicity" and are then trained.

    Args:
        data: As for `build`.
        factors: How many, or "auto"; as for `build`.
        most: Largest number of factors that "auto" chooses.
        simplicity: Weight of length and overlap of the axes.
        orthogonality: Weight of the overlap beside the length.
        recognition: Weight of the perceptual simplicity loss; 0 leaves it out.
        constriction: Weight of the change outside of the masks; 0 leaves it out.
        area: What a mask costs that covers the whole image, within the constriction.
        stride: Standard deviation of the steps that are recognized.
        images: Pairs of images in one step of the fit.
        ramp: Steps of the fit over which recognition and constriction grow to their weight.
        points: Where the length of steps is measured, at most.
        starts: Rotations that the search begins from.
        embed: Images to vectors; None: pixels at every scale.
        groups: (N,), samples of one group are never split.
        seed: Of points, rotations and networks.

    Raises:
        ConceptError: numbers or names that cannot be used.
        DataError: data that cannot be read.
    """
    from interpret_inn.data import samples as read_samples

    search = _search(factors, most, points, starts, embed, orthogonality, seed)
    weights = Weights(
        simplicity=_weight(simplicity, "simplicity"),
        orthogonality=search.orthogonality,
        recognition=_weight(recognition, "recognition"),
        constriction=_weight(constriction, "constriction"),
        area=_weight(area, "area"),
        stride=_weight(stride, "stride", positive=True),
        images=whole(images, "images"),
        ramp=whole(ramp, "ramp", least=0),
    )
    return CouplingsSource(read_samples(data, groups=groups), search, weights)


def _search(
    factors: Any, most: Any, points: Any, starts: Any, embed: Any, orthogonality: Any, seed: Any
) -> Search:
    """How the rotation is looked for, of the options that both sources share."""
    if isinstance(factors, str) and factors != "auto":
        raise ConceptError(f'Expected factors="auto" or a number, found {factors!r}.')
    if embed is not None and not callable(embed):
        raise ConceptError(f"Expected a function of images in embed=, found {type(embed).__name__}.")
    return Search(
        factors=None if isinstance(factors, str) else whole(factors, "factors"),
        most=whole(most, "most"),
        points=whole(points, "points", least=2),
        embed=multi_scale if embed is None else embed,
        starts=whole(starts, "starts"),
        orthogonality=_weight(orthogonality, "orthogonality"),
        seed=whole(seed, "seed", least=0),
    )


def _refuse(option: str) -> None:
    """Raises ConceptError for an option of the other source, PluginError for one that there is not."""
    if option == "flow":
        raise ConceptError(
            "The concept source 'simplicity' takes no option 'flow' any more: it rotates. Fit 'simplicity_couplings' "
            "for couplings, and leave flow= out."
        )
    if option in _TRAINING:
        raise ConceptError(
            f"{option}= is an option of the concept source 'simplicity_couplings', whose couplings are trained; "
            f"'simplicity' rotates and trains nothing. Type fit(\"simplicity_couplings\", {option}=…)."
        )
    raise PluginError(
        f"The concept source 'simplicity' takes no option {option!r}. {suggest(option, _SEARCH)}"
    )


def _weight(value: Any, name: str, *, positive: bool = False) -> float:
    """The value as a finite number of at least 0; above 0 if it must be positive."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value < 0 or (positive and value == 0):
        least = "above 0" if positive else "of at least 0"
        raise ConceptError(f"Expected {name} as a number {least}, found {value!r}.")
    return float(value)
