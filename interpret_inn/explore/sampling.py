"""Samples: codes drawn, translated back, and run on through the model."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import primary, rule_of_its_own
from interpret_inn.errors import EditError, SiteError
from interpret_inn.translating.codec import placed
from interpret_inn.translating.fitted import Fitted
from interpret_inn.translating.translator import HasTranslator, Translator, translator_of

Spreading = Literal["data", "normal", "mixture", "stored"]
"""Where codes are drawn from; see `sample`."""
_OUTPUTS_AT_ONCE, _CODES_AT_ONCE = 256, 1024
"""Codes that go through the model together, and through the flow alone."""
_STRIDE = 2.0  # one variance of the noise is Tweedie's estimate; two come as far in half as many steps
_PARTS, _CODES_A_PART = 10, 20  # Gaussians of a mixture at most, and codes that each of them needs
_CODES_AN_AXIS = 4  # codes that a full covariance needs, for each axis and Gaussian


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
            `"normal"`: N(0, I), to which the flow was fitted; as the fit adds noise, these samples carry the noise
            floor. `"mixture"`: a mixture of up to ten Gaussians fitted to stored codes, which keeps clusters apart
            (digits, say) that the flow did not join. `"stored"`: every factor as in some stored sample, each from
            another one.
        denoise: Steps that remove the noise with which the flow was fitted (see `denoised`). One or two make
            samples cleaner, more make them alike.

    Returns:
        (n, …): primary outputs, on the CPU.

    Raises:
        ConceptError: there is no such factor.
        EditError: a number or `spread` that cannot be used, or outputs that need more than the code: the layout
            carries something along, or the rest of the model takes more than what the site carries.
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
        return torch.cat([outputs_of(translator, part, seed=seed) for part in codes.split(_OUTPUTS_AT_ONCE)])


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
        # The layers before the site run for their shapes alone: their result is overwritten.
        some = backbone.prepare(backbone.sample_inputs(len(z), Generator().manual_seed(seed)))
        outputs = backbone.rewritten(some, lambda _: z)
    return primary(outputs).detach().cpu()


def refuse_unless_samples(translator: Translator) -> None:
    """Refuses models whose outputs need more than a code.

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
            "without inputs. "
            + (
                rule_of_its_own(backbone)
                or "Fit at the input of what makes the outputs: type 'decoder:in' or 'fc:in' as the site, or "
                "wrap(…, backbone='autoencoder')."
            )
        )


def has_run(translator: Translator) -> bool:
    """Whether the model has run, so that its tail is known; that of a loaded interpreter has not."""
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


@torch.no_grad()
def denoised(fitted: Fitted, codes: Tensor, *, steps: int) -> Tensor:
    """Codes (n, D) after some steps up the density that the flow was fitted to, which take the noise floor out.

    A flow is fitted to representations with noise, and its samples have noise, too; being continuous, it also leaves
    some of them between the clusters of the data. The expected noise-free value of a noisy `y` is
    `y + σ² ∇ log p(y)` (Tweedie's formula; Robbins 1956, Efron 2011). Each step moves the whitened representation twice
    as far, but by no more than one standard deviation of the noise (root mean square over its axes). Few steps make
    samples cleaner; many make them all alike.

    Args:
        fitted: The flow, with its noise floor.
        codes: float (n, D).
        steps: How many; 0 leaves the codes as they are.

    Returns:
        float (n, D); axes that are not in the blocks stay.
    """
    network = fitted.network
    axes = network.shape.leading
    noise = (network.whitening.noise * network.whitening.scales[:axes]).to(codes)
    found = []
    for part in codes.split(_CODES_AT_ONCE):
        white = network.blocks.inverse(part[:, :axes])[0]
        for _ in range(steps):
            change = _STRIDE * noise.square() * _slope(fitted, white)
            length = (change / noise).square().mean(1, keepdim=True).sqrt()
            change = change / length.clamp_min(1.0)
            white = white + torch.where(change.isfinite().all(1, keepdim=True), change, 0.0)
        found.append(placed(part, slice(0, axes), network.blocks(white)[0]) if steps else part)
    return torch.cat(found)


def _slope(fitted: Fitted, white: Tensor) -> Tensor:
    """`∇ log p` by the whitened leading axes, float (n, d)."""
    with torch.enable_grad():
        place = white.detach().requires_grad_()
        codes, log_det = fitted.network.blocks(place)
        found: Tensor = torch.autograd.grad((log_det - codes.square().sum(1) / 2).sum(), place)[0]
    return found


class Spread:
    """The Gaussian of some stored codes.

    It is drawn from without its covariance matrix: for weights `w ~ N(0, I_M)` the sum
    `mean + Σ w_m (b_m − mean) / sqrt(M)` of the M codes `b` has exactly their mean and covariance, however many
    axes they have.

    Args:
        codes: float (M, d).
        width: Axes that draws are to have; those beyond `d` (not stored) are 0.
    """

    def __init__(self, codes: Tensor, *, width: int) -> None:
        self._mean = codes.mean(0)
        self._offsets = (codes - self._mean) / math.sqrt(len(codes))
        self._missing = width - codes.shape[1]

    @property
    def mean(self) -> Tensor:
        """Mean code, float (width,)."""
        return self._padded(self._mean)

    def noise(self, n: int, generator: Generator) -> Tensor:
        """`n` independent draws from N(0, covariance), float (n, width)."""
        draws = []
        for first in range(0, n, _CODES_AT_ONCE):
            count = min(_CODES_AT_ONCE, n - first)
            weights = torch.randn(count, len(self._offsets), generator=generator, dtype=self._offsets.dtype)
            draws.append(weights.to(self._offsets.device) @ self._offsets)
        return self._padded(torch.cat(draws))

    def _padded(self, codes: Tensor) -> Tensor:
        return torch.nn.functional.pad(codes, (0, self._missing))


def spread_of(fitted: Fitted, first: int = 0, last: int | None = None) -> Spread:
    """The spread of the axes `first` to `last` of all stored codes; None: to the end."""
    stop = fitted.factors.total if last is None else last
    return Spread(fitted.reference_codes[:, first:stop], width=stop - first)


def mixture_draws(codes: Tensor, n: int, *, seed: int) -> Tensor:
    """`n` draws from a mixture of up to ten Gaussians fitted to codes (M, d), float (n, d).

    Covariances are full if there are enough codes for them, else diagonal.
    """
    from sklearn.mixture import GaussianMixture

    count, width = codes.shape
    parts = max(1, min(_PARTS, count // _CODES_A_PART))
    shape = "full" if count >= _CODES_AN_AXIS * width * parts else "diag"
    mixture = GaussianMixture(parts, covariance_type=shape, random_state=seed, max_iter=200, reg_covar=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # draws may come from a mixture that has not quite converged
        mixture.fit(codes.cpu().double().numpy())
    # draws come part by part: shuffled, so that any stretch of them is a fair sample
    return torch.from_numpy(mixture.sample(n)[0]).to(codes)[
        torch.randperm(n, generator=Generator().manual_seed(seed))
    ]
