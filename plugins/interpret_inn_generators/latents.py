"""Latents of a generator: how they are distributed, and of which shape they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn

from interpret_inn.errors import BackboneError, suggest

Shape = tuple[int, ...]
Sampler = Callable[[int, Generator], Tensor]

LATENTS: dict[str, Callable[..., Tensor]] = {
    "normal": lambda size, generator: torch.randn(size, generator=generator),
    "uniform": lambda size, generator: torch.rand(size, generator=generator) * 2 - 1,
}
"""Distributions by name: standard normal, and uniform from −1 to 1 on every axis."""

_TRIES = 24  # shapes that are tried at most: each costs a run of the generator
_CONVOLUTIONS = (nn.modules.conv._ConvNd, nn.modules.conv._ConvTransposeNd)


def sampler(latents: str | Sampler, shape: Shape) -> Sampler:
    """A function that draws latents.

    Args:
        latents: A name in `LATENTS`; or a callable `(n, generator) -> (n, ...)` that draws from nothing but
            the `torch.Generator` it is given.
        shape: Of one latent; a callable's own shape counts instead.

    Raises:
        BackboneError: there is no such name.
    """
    if callable(latents):
        return latents
    if not isinstance(latents, str) or latents not in LATENTS:
        raise BackboneError(
            f"Expected latents to be one of {', '.join(map(repr, LATENTS))} or a function (n, generator) that "
            f"draws them, found {latents!r}. {suggest(str(latents), LATENTS)}"
        )
    draw = LATENTS[latents]
    return lambda n, generator: draw((n, *shape), generator)


def drawn(sample: Sampler, n: int, generator: Generator) -> Tensor:
    """Latents that are what they should be.

    Raises:
        BackboneError: the function gave something else than `n` finite latents in floating numbers.
    """
    try:
        found: Any = sample(n, generator)
    except TypeError as error:
        raise BackboneError(
            f"Expected the function in latents= to take a number and a torch.Generator, found {error}. "
            "Type latents=lambda n, generator: torch.randn(n, 64, generator=generator)."
        ) from error
    right = isinstance(found, Tensor) and found.is_floating_point() and found.ndim > 1 and len(found) == n
    if not isinstance(found, Tensor) or not right or not bool(torch.isfinite(found).all()):
        what = f"{found.dtype} {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise BackboneError(
            f"Expected the function in latents= to give {n} finite latents as a tensor ({n}, ...) of floating "
            f"numbers, found {what}{', some not finite' if right else ''}."
        )
    return found


def given_shape(latent_shape: Any) -> Shape | None:
    """The shape that the user names: an integer is a vector's length.

    Raises:
        BackboneError: it is no shape.
    """
    if latent_shape is None:
        return None
    shape = (latent_shape,) if isinstance(latent_shape, (int, np.integer)) else latent_shape
    try:
        numbers = tuple(int(side) for side in shape)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or min(numbers) < 1 or isinstance(latent_shape, str):
        raise BackboneError(
            "Expected latent_shape as the length of a vector or the shape of one latent, such as 100 or "
            f"(100, 1, 1), found {latent_shape!r}."
        )
    return numbers


def likely_shapes(model: nn.Module) -> list[Shape]:
    """Shapes to try, the likeliest first: the widths that layers take, as vectors, then as maps of one place.

    Not the first layer alone: the decoder of a VAE may stand behind its encoder.
    """
    found: dict[Shape, None] = {}
    for module in model.modules():
        if isinstance(module, nn.Linear):
            found[(module.in_features,)] = None
        elif isinstance(module, _CONVOLUTIONS):
            found[(module.in_channels,)] = None
            found[(module.in_channels, *(1,) * len(module.kernel_size))] = None
    return list(found)[:_TRIES]
