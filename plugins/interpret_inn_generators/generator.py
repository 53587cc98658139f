"""From a network that makes images of latents to a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from interpret_inn.backbones import Backbone, primary
from interpret_inn.backbones.picture_forms import range_of
from interpret_inn.errors import BackboneError
from interpret_inn.types.numbers import SLACK, TINY

from .autoencoder import looks_like_one
from .latents import Sampler, Shape, drawn, given_shape, likely_shapes, sampler
from .ranges import FEW, RANDOM, Range, guess_range, outside, shown

_LOOKED_AT = 64  # samples whose values tell the range; of large images fewer:
_VALUES_LOOKED_AT = 2**22
_FEWEST = 8  # samples that are looked at in any case, and latents whose spread says something
_STANDARD_NORMAL = (0.5, 2.0)  # latents of another spread than this were hardly drawn from N(0, 1)


def adapt(
    model: Any,
    site: Any = None,
    *,
    preprocess: Any = None,
    layout: str | None = None,
    latents: str | Sampler = "normal",
    latent_shape: int | Sequence[int] | None = None,
    value_range: Range | None = None,
    name: str | None = None,
) -> Backbone:
    """Adapts a generator: latents (B, ...) to images (B, C, H, W).

    Args:
        model: The generator; its `forward` takes one tensor of latents.
        site: Where to attach; None: the latents themselves, ".:in".
        preprocess: Of the latents that are given; None: they are taken as they are.
        layout: A layout's name; None: inferred.
        latents: How latents are distributed: "normal", "uniform" (from −1 to 1), or a function
            `(n, generator) -> (n, ...)`.
        latent_shape: Of one latent, or the length of a vector; None: found out by one run.
        value_range: Lowest and highest value of the images; None: (0, 1) or (−1, 1) where samples look so.
        name: What messages and reports call the model; None: its class.

    Raises:
        BackboneError: it cannot be run on latents, gives no images, or an option makes no sense.
    """
    if not isinstance(model, nn.Module):
        raise BackboneError(
            f"Expected a torch.nn.Module that makes images of latents, found {type(model).__name__}."
        )
    backbone = Backbone(
        model,
        ".:in" if site is None else site,
        preprocess="identity" if preprocess is None else preprocess,
        layout=layout,
        name=name or "",
        kind="generator",
    )
    with backbone.session():
        shape = _latent_shape(backbone, latents, given_shape(latent_shape))
        draw = sampler(latents, shape)
        backbone.sample_inputs = lambda n, generator: drawn(draw, n, generator)
        backbone.input_shape = shape
        notes = _look_at(backbone, range_of(value_range))
    named = latents if isinstance(latents, str) else None
    backbone.examine = lambda prepared, outputs: [*notes, *_latents_notes(prepared, named)]  # noqa: ARG005
    return backbone


def _latent_shape(backbone: Backbone, latents: str | Sampler, given: Shape | None) -> Shape:
    """The shape on which the generator runs; what its first image is like is checked on the way."""
    if callable(latents):
        own = tuple(drawn(latents, 2, Generator().manual_seed(0)).shape[1:])
        if given not in (None, own):
            raise BackboneError(
                f"Expected latents of shape {given} (latent_shape), found {own} from the function in latents=. "
                "Leave latent_shape out."
            )
        given = own
    sampler(latents, given or (1,))  # refuses a name that there is not, before anything is tried
    if given is None and looks_like_one(backbone.model, None):
        raise BackboneError(
            f"Expected a generator, found {backbone.name}, which has encode and decode. Type "
            "backbone='autoencoder'; to read its decoder alone, wrap it in a module whose forward decodes; if its "
            "forward does take latents, give latent_shape=."
        )
    no_images: BackboneError | None = None
    tried, problem = [given] if given else likely_shapes(backbone.model), ""
    for shape in tried:
        two = drawn(sampler(latents, shape), 2, Generator().manual_seed(0))
        try:
            _require_images(backbone, _images(backbone, two))
            return shape
        except _NoImagesError as error:
            no_images = no_images or error
        except BackboneError as error:
            problem = problem or str(error)
    if no_images is not None:
        raise no_images
    way_out = (
        "Check latent_shape" if given else "Type wrap(model, backbone='generator', latent_shape=...)"
    ) + ", or, if it takes more than latents, wrap it in a module whose forward takes the latents alone."
    if not tried:
        raise BackboneError(
            f"The shape of latents cannot be told from {backbone.name}, which has no linear or convolutional "
            f"layer. {way_out}"
        )
    raise BackboneError(
        f"Expected {backbone.name} to run on latents of shape {_listed(tried)}, but it does not: "
        f"{problem} {way_out}"
    )


def _listed(shapes: Sequence[Shape]) -> str:
    shown_shapes = [str(shape) for shape in shapes[:4]] + ["…"] * (len(shapes) > 4)
    return " or ".join(shown_shapes)


class _NoImagesError(BackboneError):
    """The generator ran, and what it gave is no image."""


def _require_images(backbone: Backbone, images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) != 2:
        raise _NoImagesError(
            f"Expected {backbone.name} to give images (B, 1 or 3, height, width) for 2 latents, found "
            f"{tuple(images.shape)}. Wrap it in a module that brings its output to that shape."
        )


def _images(backbone: Backbone, latents: Tensor) -> Tensor:
    return primary(backbone.outputs(backbone.prepare(latents)))


def _seeded_latents(backbone: Backbone, n: int) -> Tensor:
    """The first `n` latents of seed 0, which must be the same whenever they are drawn.

    Raises:
        BackboneError: the caller's function does not draw from the generator that it is given.
    """
    assert backbone.sample_inputs is not None
    found, again = (drawn(backbone.sample_inputs, n, Generator().manual_seed(0)) for _ in range(2))
    if not torch.equal(found, again):
        raise BackboneError(
            "Expected the function in latents= to draw the same latents from a generator of the same seed, found "
            "others. Type latents=lambda n, generator: torch.randn(n, 64, generator=generator)."
        )
    return found


def _look_at(backbone: Backbone, value_range: Range | None) -> list[str]:
    """Looks at samples: sets the range of values, and says what is odd."""
    two = _seeded_latents(backbone, 2)
    pair, again = _images(backbone, two), _images(backbone, two)
    count = max(_FEWEST, min(_LOOKED_AT, _VALUES_LOOKED_AT // pair[0].numel()))
    images = _images(backbone, _seeded_latents(backbone, count))
    notes = []
    if not images.isfinite().all():
        raise BackboneError(f"Expected finite images from {backbone.name}, found NaN or infinity.")
    backbone.value_range = value_range or guess_range(images)
    low, high = backbone.value_range or shown(images)
    if backbone.value_range is not None and outside(images, (low, high)) > FEW:
        found = shown(images)
        notes.append(
            f"{outside(images, (low, high)):.0%} of the values of {count} samples lie outside "
            f"value_range=({low:g}, {high:g}): they reach from {found[0]:.3g} to {found[1]:.3g}. These are cut off."
        )
    difference = float((pair - again).square().mean().sqrt()) / max(high - low, TINY)
    if difference > RANDOM:
        notes.append(
            "The generator draws random numbers of its own: the same latents gave images that differ by "
            f"{difference:.1%} of their range (root mean square). Its noise is kept the same while edits are "
            "compared, so that differences are the edits' own."
        )
    return notes


def _latents_notes(prepared: Tensor, named: str | None) -> list[str]:
    """A sentence if latents are not of the distribution that was named."""
    if named == "uniform":
        beyond = float((prepared.abs() > 1 + SLACK).any(tuple(range(1, prepared.ndim))).float().mean())
        if beyond > FEW:
            return [
                f"{beyond:.0%} of the latents lie outside −1 to 1, though the generator was wrapped with "
                "latents='uniform'. Its images may be strange there."
            ]
    if named == "normal" and len(prepared) >= _FEWEST:
        spread = float(prepared.std())
        if not _STANDARD_NORMAL[0] <= spread <= _STANDARD_NORMAL[1]:
            return [
                f"The latents have a standard deviation of {spread:.2g}, though the generator was wrapped with "
                "latents='normal', where it is 1. Name the distribution that they were drawn from."
            ]
    return []
