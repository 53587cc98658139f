"""Image generators and autoencoders as backbones.

`inn.wrap(model, backbone="generator")` takes a network that makes images from latents; its site is the latents
themselves, or any layer inside. `inn.wrap(model, backbone="autoencoder")` takes a network with an encoder and a
decoder, or a pair of them; its site is the code between the two.
"""

from __future__ import annotations

from collections.abc import Iterator

from interpret_inn import hookimpl
from interpret_inn.types import BackboneSpec

from .autoencoder import adapt as autoencoder
from .autoencoder import looks_like_one
from .codes import read_code
from .generator import adapt as generator
from .latents import LATENTS, sampler

__all__ = ["LATENTS", "autoencoder", "generator", "inn_backbones", "read_code", "sampler"]


@hookimpl
def inn_backbones() -> Iterator[BackboneSpec]:
    """Contributes generators, which must be named, and autoencoders, which are known by their methods."""
    yield BackboneSpec(
        "generator",
        "Networks that make images from latents (GANs, decoders); the site is the latents or any layer.",
        generator,
        claims=lambda model, site: False,  # noqa: ARG005 - nothing tells a generator from other networks
        restored=("latents", "name"),
    )
    yield BackboneSpec(
        "autoencoder",
        "Autoencoders and VAEs, whole or as (encoder, decoder); the site is the code between the two.",
        autoencoder,
        claims=looks_like_one,
        restored=("name",),  # encode= and decode= name what is called
    )
