"""Samples: codes drawn, translated back, and run on through the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import primary
from interpret_inn.errors import EditError, SiteError
from interpret_inn.explore.denoising import denoised
from interpret_inn.explore.spread import mixture_draws, spread_of
from interpret_inn.translating.codec import placed
from interpret_inn.translating.translator import HasTranslator, Translator, translator_of

Spreading = Literal["data", "normal", "mixture", "stored"]
_AT_ONCE = 256


@torch.no_grad()
def sample(
    interpreter: HasTranslator,
    n: int,
    *,
    seed: int = 0,
    factors: Sequence[str] | None = None,
    spread: Spreading = "data",
    denoise: int = 0,
) -> Tensor:
    """New outputs, without any input: an autoencoder and a flow together are a generative model.

    Args:
        interpreter: A fitted interpreter whose model runs on from the site alone: the code of an autoencoder,
            any layer of a generator, a classifier's last input.
        n: How many.
        seed: Of the draws; the same seed gives the same samples.
        factors: Draw these alone and keep all others at their mean; None: all.
        spread: Where codes are drawn from. `"data"`: the Gaussian with the mean and covariance of stored codes.
            `"normal"`: N(0, I), what the flow was fitted to; as that was with noise, these samples carry the
            noise floor. `"mixture"`: a mixture of ten Gaussians fitted to stored codes, which keeps apart what
            the flow could not make one cloud of (digits, say).
            `"stored"`: every factor as in some stored sample, each from another one.
        denoise: Steps that take the noise out again with which the flow was fitted (see `denoising`). One or two make
            samples cleaner, more make them alike.

    Returns:
        (n, …): primary outputs, on the CPU.

    Raises:
        ConceptError: there is no such factor.
        EditError: outputs need more than the code: the layout carries something along, or what comes after
            the site takes more than what the site carries.
    """
    translator = translator_of(interpreter)
    if not isinstance(n, int) or n < 1:
        raise EditError(f"Expected a number of samples, at least 1, found {n!r}.")
    if isinstance(denoise, bool) or not isinstance(denoise, int) or denoise < 0:
        raise EditError(f"Expected a number of steps to denoise by, 0 or more, found {denoise!r}.")
    with translator.backbone.session():
        refuse_unless_samples(translator)
        codes = drawn_codes(translator, n, seed=seed, factors=factors, spread=spread)
        codes = denoised(translator.fitted, codes, steps=denoise)
        return torch.cat([outputs_of(translator, part, seed=seed) for part in codes.split(_AT_ONCE)])


def drawn_codes(
    translator: Translator,
    n: int,
    *,
    seed: int,
    factors: Sequence[str] | None = None,
    spread: Spreading = "data",
) -> Tensor:
    """Codes (n, D) for samples; see `sample`."""
    if spread not in get_args(Spreading):
        raise EditError(f"Expected spread='data', 'normal', 'mixture' or 'stored', found {spread!r}.")
    if isinstance(factors, str):
        raise EditError(f"Expected a list of factors, found {factors!r}. Type factors=[{factors!r}].")
    fitted, generator = translator.fitted, Generator().manual_seed(seed)
    whole = spread_of(fitted)
    if spread == "normal":
        codes = torch.randn(n, fitted.factors.total, generator=generator).to(fitted.reference_codes)
    elif spread == "mixture":
        codes = whole.mean + whole.noise(n, generator)
        axes = fitted.network.shape.leading
        codes = placed(codes, slice(0, axes), mixture_draws(fitted.reference_codes[:, :axes], n, seed=seed))
    elif spread == "stored":
        codes = torch.cat([fitted.draw(factor, n, generator) for factor in fitted.factors], 1)
    else:
        codes = whole.mean + whole.noise(n, generator)
    if factors is None:
        return codes
    kept = whole.mean.expand_as(codes)
    for name in factors:
        place = fitted.factors[name].slice
        kept = placed(kept, place, codes[:, place])
    return kept


def outputs_of(translator: Translator, codes: Tensor, *, seed: int = 0) -> Tensor:
    """Primary outputs (n, ...) of codes (n, D) alone, on the CPU."""
    z = translator.invert(codes, None)
    backbone = translator.backbone
    outputs = backbone.tail(z)
    if outputs is None and backbone.sample_inputs is not None:
        # What comes before the site is run for its shape alone and overwritten.
        some = backbone.prepare(backbone.sample_inputs(len(z), Generator().manual_seed(seed)))
        outputs = backbone.rewritten(some, lambda _: z)
    return primary(outputs).detach().cpu()


def refuse_unless_samples(translator: Translator) -> None:
    """Says so where outputs need more than a code.

    Raises:
        EditError: they do.
    """
    layout, backbone = translator.fitted.layout, translator.backbone
    if layout.name not in ("vector", "flat"):
        raise EditError(
            f"The layout {str(layout)!r} leaves out of the code what an output needs, so codes alone make no "
            "samples. Fit at a site that is a vector (an autoencoder's code, a generator's latent), or type "
            "wrap(…, layout='flat')."
        )
    if backbone.sample_inputs is not None:
        return
    if not has_run(translator):
        raise EditError(
            f"Nothing has run through {backbone.name} yet, so it is not known how it runs on from "
            f"{str(backbone.address)!r}. Type interpreter.encode(inputs) with any input first."
        )
    if not backbone.has_tail:
        raise EditError(
            f"{backbone.name} does not run on from {str(backbone.address)!r} alone, so codes make no outputs "
            "without inputs. Fit at the input of what makes the outputs: type 'decoder:in' or 'fc:in' as the "
            "site, or wrap(…, backbone='autoencoder')."
        )


def has_run(translator: Translator) -> bool:
    """Whether the backbone knows itself: a loaded one has not run yet."""
    try:
        return bool(translator.backbone.z_shape)
    except SiteError:
        return False


def can_sample(translator: Translator) -> bool:
    """Whether codes alone make outputs."""
    try:
        refuse_unless_samples(translator)
    except EditError:
        return False
    return True
