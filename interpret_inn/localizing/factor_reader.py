"""A factor's value as a function of prepared inputs, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from interpret_inn.errors import LocalizerError
from interpret_inn.translating.encoding import Prepared, batches
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Concept, Factor, FloatArray
from interpret_inn.types.numbers import NEGLIGIBLE, TINY

AT_ONCE = 64
"""Images in one forward: enough to fill a processor, few enough for its memory."""
_LEAST = 8  # values that it takes to tell a concept's directions from chance
_RIDGE = 1e-3
"""Share of the mean variance, added to the variance of each axis: axes without variance are not blown up."""
_NOTHING = 1e-6  # squared deviations below this are rounding, and no share of them is measured


def prepared_inputs(translator: Translator, inputs: Any) -> Tensor:
    """All inputs as one batch, as the model takes them.

    Args:
        translator: Of a fitted interpreter.
        inputs: Anything that can be read as inputs, or the inputs that a localizer is given.

    Returns:
        (B, ...), detached, on the model's device, in its precision.

    Raises:
        InputError: there are none, or they do not fit the model.
        LocalizerError: they differ in size and make no batch, or the first argument is no translator.
    """
    require_translator(translator)
    if isinstance(inputs, Prepared):
        return inputs.batch
    parts = [batch.detach() for batch in batches(translator.backbone, inputs)]
    sizes = sorted({tuple(part.shape[1:]) for part in parts})
    if len(sizes) > 1:
        raise LocalizerError(
            f"Expected inputs of one size, found {sizes}. Localize those of one size at a time."
        )
    whole = torch.cat(parts)
    if not whole.is_inference():
        return whole
    with torch.inference_mode(False):  # gradients cannot pass tensors of inference mode
        return whole.clone()


def require_images(prepared: Tensor) -> tuple[int, int]:
    """Height and width of a batch of images (B, C, H, W).

    Raises:
        LocalizerError: it is no batch of images.
    """
    if prepared.ndim != 4:
        raise LocalizerError(
            f"Expected inputs that are images, (B, C, H, W), found {tuple(prepared.shape)}: there is no place in "
            'them to point at. For a model that makes images type over="output".'
        )
    return prepared.shape[2], prepared.shape[3]


def require_translator(found: Any) -> None:
    """Refuses anything but a translator, such as an interpreter.

    Raises:
        LocalizerError: it is no translator.
    """
    if not isinstance(found, Translator):
        raise LocalizerError(
            f"Expected a translator, found {type(found).__name__}. Type interpreter.translator, with a fitted "
            "interpreter."
        )


def concept_coordinates(codes: Tensor, concept: Concept | None) -> Tensor | None:
    """The linear map from a factor's centred codes to where its concept can be seen.

    In a code all axes vary equally, also those in which the concept hardly shows. Let S_b be the covariance of the part
    of the code that the concept explains (class means; the regression on numbers, on cosine and sine of angles) and S_w
    the covariance of the rest. The map whitens by S_w, turns to the eigenvectors of the whitened S_b, and weighs each
    by λ / (1 + λ), λ its eigenvalue: Fisher's discriminant coordinates, in which axes of noise alone fade out.

    Args:
        codes: The factor's reference codes, (M, size).
        concept: With values for these rows; or None.

    Returns:
        (size, r); None if there are too few values, or none, and all axes count alike.
    """
    if concept is None or concept.values is None or len(codes) != len(concept.values):
        return None
    targets = concept.targets
    present = np.isfinite(targets).all(1)
    if int(present.sum()) < _LEAST or (np.ptp(targets[present], 0) == 0).all():
        return None
    known = codes.detach().cpu().double().numpy()[present]
    centred = np.asarray(known - known.mean(0), np.float64)
    explained = _explained(centred, concept.at(present))
    size = centred.shape[1]
    within = np.cov(centred - explained, rowvar=False).reshape(size, size)
    values, vectors = np.linalg.eigh(within)
    whitening = vectors / np.sqrt(values + _RIDGE * max(float(centred.var(0).mean()), TINY))
    between = np.cov(explained @ whitening, rowvar=False).reshape(size, size)
    strength, axes = np.linalg.eigh(between)
    kept = strength > NEGLIGIBLE * max(float(strength.max()), TINY)
    weight = strength[kept] / (1 + strength[kept])
    return torch.from_numpy(whitening @ axes[:, kept] * weight).to(codes)


def _explained(codes: FloatArray, concept: Concept) -> FloatArray:
    """The part of each code that the concept explains, (M, size): its class's mean, or the regression on numbers."""
    design = concept.indicators
    if design is None:
        design = np.concatenate([concept.targets, np.ones((len(codes), 1))], 1)
    solution = np.linalg.lstsq(design, codes, rcond=None)[0]
    return np.asarray(design @ solution, np.float64)


class FactorReader:
    """Reads one factor from prepared inputs.

    To be used within `with translator.backbone.session(gradients=True):`, or without gradients if none are
    needed. Gradients reach the inputs; take them with `torch.autograd.grad(score, inputs)`, which leaves those of
    the model's parameters alone.

    Args:
        translator: Of a fitted interpreter.
        factor: Name of the factor.

    Raises:
        LocalizerError: the first argument is no translator.

    Attributes:
        factor: The factor.
        centre: Mean of its codes in the data of the fit, float (size,).
        spread: Their standard deviation, axis by axis, float (size,).
    """

    def __init__(self, translator: Translator, factor: str) -> None:
        require_translator(translator)
        self._translator = translator
        self.factor: Factor = translator.factors[factor]
        reference = self._translator.fitted.reference_codes[:, self.factor.slice]
        # of very wide representations, reference codes hold the leading axes alone
        missing = self.factor.size - reference.shape[1]
        self.centre = torch.nn.functional.pad(reference.mean(0), (0, missing))
        self.spread = torch.nn.functional.pad(reference.std(0, correction=0), (0, missing))
        found = concept_coordinates(reference, self._translator.fitted.concept(self.factor))
        self.coordinates = None if found is None else torch.nn.functional.pad(found, (0, 0, 0, missing))

    def codes(self, prepared: Tensor) -> Tensor:
        """Codes of the factor, (B, size), or (B, P, size) at positions."""
        z = self._translator.backbone.represent(prepared)
        return self._translator.codes(z)[0][..., self.factor.slice]

    def deviation(self, codes: Tensor) -> Tensor:
        """Deviations of codes from the centre in the factor's coordinates: (B, r), or (B, P · r) at positions."""
        away = codes - self.centre.to(codes)
        return (away if self.coordinates is None else away @ self.coordinates.to(codes)).flatten(1)

    def projection(self, prepared: Tensor, like: Tensor) -> Tensor:
        """How far inputs lie along the direction in which their unchanged versions deviate from the centre.

        Args:
            prepared: (B, ...).
            like: Codes of the unchanged inputs, as `codes` gives them; they are detached.

        Returns:
            (B,), in units of the code: ⟨f(x′) − c, (f − c) / |f − c|⟩.
        """
        own = self.deviation(like.detach())
        return (self.deviation(self.codes(prepared)) * torch.nn.functional.normalize(own)).sum(1)

    def score(self, prepared: Tensor, like: Tensor) -> Tensor:
        """The share of the factor's deviation from the centre that is left in changed inputs.

        Args:
            prepared: (B, ...).
            like: As for `projection`.

        Returns:
            (B,): 1 as in the unchanged input, 0 as in the mean of the data: ⟨f(x′) − c, f − c⟩ / |f − c|².
        """
        own = self.deviation(like.detach())
        squared = own.square().sum(1).clamp_min(_NOTHING)
        return (self.deviation(self.codes(prepared)) * own).sum(1) / squared
