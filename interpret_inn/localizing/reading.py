"""A factor's value as a function of the input, with gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from interpret_inn.localizing.coordinates import concept_coordinates
from interpret_inn.localizing.inputs import require_translator
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Factor

_NOTHING = 1e-6  # squared deviations below are 0 but for rounding, and a share of nothing is none


class FactorReader:
    """Reads one factor from prepared inputs.

    To be used within `with translator.backbone.session(gradients=True):`, or without gradients where none are
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
        missing = (
            self.factor.size - reference.shape[1]
        )  # of very wide representations, only leading axes are kept
        self.centre = torch.nn.functional.pad(reference.mean(0), (0, missing))
        self.spread = torch.nn.functional.pad(reference.std(0, correction=0), (0, missing))
        found = concept_coordinates(reference, self._translator.fitted.concept(self.factor))
        self.coordinates = None if found is None else torch.nn.functional.pad(found, (0, 0, 0, missing))

    def codes(self, prepared: Tensor) -> Tensor:
        """Codes of the factor, (B, size), or (B, P, size) at positions."""
        z = self._translator.backbone.represent(prepared)
        return self._translator.codes(z)[0][..., self.factor.slice]

    def deviation(self, codes: Tensor) -> Tensor:
        """Codes less the centre in the factor's coordinates, positions and axes in one row: (B, r) or (B, P · r)."""
        away = codes - self.centre.to(codes)
        return (away if self.coordinates is None else away @ self.coordinates.to(codes)).flatten(1)

    def projection(self, prepared: Tensor, like: Tensor) -> Tensor:
        """How far inputs lie along the direction in which others deviate from the centre.

        Args:
            prepared: (B, ...).
            like: Codes of the unchanged inputs, as `codes` gives them; they are detached.

        Returns:
            (B,), in units of the code: ⟨f(x′) − c, (f − c) / |f − c|⟩.
        """
        own = self.deviation(like.detach())
        return (self.deviation(self.codes(prepared)) * torch.nn.functional.normalize(own)).sum(1)

    def score(self, prepared: Tensor, like: Tensor) -> Tensor:
        """Which share of the factor's deviation from the centre is there.

        Args:
            prepared: (B, ...).
            like: As for `projection`.

        Returns:
            (B,): 1 as in the unchanged input, 0 as in the mean of the data: ⟨f(x′) − c, f − c⟩ / |f − c|².
        """
        own = self.deviation(like.detach())
        squared = own.square().sum(1).clamp_min(_NOTHING)
        return (self.deviation(self.codes(prepared)) * own).sum(1) / squared
