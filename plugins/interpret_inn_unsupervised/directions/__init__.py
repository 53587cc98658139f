"""The concept source "directions": raw latents, GANSpace, SeFa, LatentDiscovery, or directions of your own.

```python
interpreter = inn.wrap(gan, backbone="generator").fit("directions", method="sefa")
```
"""

from __future__ import annotations

from typing import Any, get_args

import numpy.typing as npt
import torch
from torch import Tensor

from interpret_inn.errors import ConceptError, suggest
from interpret_inn.types import ConceptSource
from interpret_inn_unsupervised.directions.direction_source import DirectionsSource, Method
from interpret_inn_unsupervised.independent import whole

__all__ = ["DirectionsSource", "Method", "build"]


def build(
    data: Any,
    *,
    method: Method | Tensor | npt.ArrayLike = "latents",
    factors: int | None = None,
    layer: str | None = None,
    training_steps: int = 300,
    image_pairs: int = 16,
    points: int = 2048,
    groups: Any = None,
    seed: int = 0,
) -> ConceptSource:
    """Makes a concept source whose factors are directions that another method finds, for comparison.

    Args:
        data: Anything that `interpret_inn.data.samples` reads. If none are given, a fit of a model whose inputs are
            latents draws them itself.
        method: "latents": the representation's own coordinates; "ganspace": principal axes of an inner layer, brought
            back to the representation; "sefa": eigenvectors of the first affine layer's weights; "discovery":
            directions that a recognizer learns to tell apart; or directions, float (m, D).
        factors: How many; None: 10, of your own directions all, and fewer if there are no more directions, or no
            axis would be left to the residual.
        layer: The path of the layer for "ganspace", which needs one, and for "sefa"; None: the first affine one.
        training_steps: Of the training of "discovery".
        image_pairs: In each of these steps.
        points: Samples of the layer for "ganspace".
        groups: (N,), samples of one group are never split.
        seed: Of everything that is drawn.

    Raises:
        ConceptError: an unknown method, or options that cannot be used.
        DataError: data that cannot be read.
    """
    from interpret_inn.data import samples as read_samples

    chosen = _chosen(method)
    if chosen == "ganspace" and layer is None:
        raise ConceptError(
            "Expected the path of a layer for method='ganspace', found none. Type layer='...'; "
            "[name for name, _ in model.named_modules()] lists them."
        )
    return DirectionsSource(
        read_samples(data, groups=groups),
        method=chosen,
        factors=None if factors is None else whole(factors, "factors"),
        layer=layer,
        steps=whole(training_steps, "training_steps"),
        pairs=whole(image_pairs, "image_pairs"),
        points=whole(points, "points", least=3),
        seed=whole(seed, "seed", least=0),
    )


def _chosen(method: Any) -> Method | Tensor:
    known = get_args(Method)
    if isinstance(method, str):
        if method not in known:
            raise ConceptError(
                f"Expected a method out of {', '.join(known)}, or directions (m, D), found {method!r}. "
                f"{suggest(method, known)}"
            )
        found: Method | Tensor = method  # type: ignore[assignment]
        return found
    try:
        directions = torch.as_tensor(method).float()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConceptError(
            f"Expected a method out of {', '.join(known)}, or directions (m, D), found {type(method).__name__}."
        ) from error
    if directions.ndim != 2 or not len(directions) or not bool(torch.isfinite(directions).all()):
        raise ConceptError(f"Expected directions as finite numbers (m, D), found {tuple(directions.shape)}.")
    return directions
