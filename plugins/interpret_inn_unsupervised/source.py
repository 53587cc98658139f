"""Factors that nobody named: independent of each other, of one axis each or of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

from interpret_inn.errors import BackboneError, ConceptError
from interpret_inn.types import Samples
from interpret_inn_unsupervised.independent import IndependentSource, numbered

SHARE = 0.8
"""Of what the axes are weighed by, the share that the factors are to hold where their number is chosen."""

Directions = Literal["output", "principal"]


class UnsupervisedSource(IndependentSource):
    """Concepts without any meaning told: what the fit learns of them is the likelihood of single samples.

    Both samples of a pair are drawn on their own, so that ρ is 0 everywhere and the likelihood of the pair is that
    of two samples, `Σ log N(z̃; 0, I) + log|det T'|` (IIN, its unsupervised case). That makes the factors
    independent, but says nothing of which independent axes they are: it is blind to rotations. So the fit starts
    from axes that mean something, and stays near them: the directions that the model's output answers to most
    (eigenvectors of `E[JᵀJ]`, `J` the Jacobian of the output by the whitened axes), or the representation's
    principal axes.

    Args:
        samples: What is to be encoded.
        sizes: Numbers of axes by factor; None: `most` factors or fewer of `size` axes, as many as `see` chooses.
        size: Axes of each factor where their number is chosen.
        most: Largest number of factors that `see` chooses.
        directions: Where the factors begin: "output" or "principal".

    Attributes:
        name: "unsupervised".
        concepts: Unlabelled, "factor 1" and so on where no names were given.
        sizes: Numbers of axes by factor.
        ordered: True: after the fit the factors are sorted by their effect on the output.
        notes: How their number came about.
        key: Tells fits apart by where they begin.
    """

    name = "unsupervised"

    def __init__(
        self,
        samples: Samples,
        *,
        sizes: Mapping[str, int] | None = None,
        size: int = 1,
        most: int = 10,
        directions: Directions = "output",
    ) -> None:
        super().__init__(samples, numbered(most, size) if sizes is None else sizes)
        self.key: str = directions
        self._size, self._most = size, most
        self._chooses = sizes is None
        self._answers: Callable[[], Tensor] | None = None
        self._weights: Tensor | None = None

    def listen(self, answers: Callable[[], Tensor]) -> None:
        """Keeps the function that tells how the output answers to each axis, for `see`."""
        self._answers = answers

    def see(self, white: Tensor, variances: Tensor) -> None:  # noqa: ARG002 - the contract's arguments
        """Weighs the axes, and chooses the number of factors where none was given.

        Args:
            white: The whitened leading axes of the samples, float (N, d). Not looked at: they all weigh the same.
            variances: Variance of each axis in the representation, float (d,), descending.

        Raises:
            ConceptError: the axes do not hold the factors that were asked for.
        """
        self._refuse_too_many(len(variances))
        self.notes = ()
        self._weights = self._weighed(variances)
        if self._chooses:
            self._choose(torch.linalg.eigvalsh(self._weights).flip(0).clamp_min(0))

    def turn(self, span: Tensor) -> Tensor:
        """Turns axes to those that weigh most, the heaviest first.

        Args:
            span: float (d, m), orthonormal columns: the axes that are free to be turned.

        Returns:
            An orthogonal matrix, float64 (m, m).
        """
        if self._weights is None:
            return torch.eye(span.shape[1], dtype=torch.float64)
        free = span.double().cpu()
        vectors = torch.linalg.eigh(free.T @ self._weights @ free).eigenvectors.flip(1)
        # an eigenvector may point either way: the same one each time
        largest = vectors.abs().argmax(0)
        turned: Tensor = vectors * vectors.gather(0, largest[None]).sign()
        return turned

    def _weighed(self, variances: Tensor) -> Tensor:
        """What the axes are weighed by, float64 (d, d): answers of the output, or else the variances."""
        principal = torch.diag(variances.double().cpu())
        if self.key == "principal" or self._answers is None:
            self._measure = "variance of the representation"
            return principal
        self._measure = "change of the output"
        try:
            return self._answers().double().cpu()
        except BackboneError as error:
            self.notes = (f'The factors begin as principal axes (directions="principal"). {error}',)
            self._measure = "variance of the representation"
            return principal

    def _choose(self, weights: Tensor) -> None:
        """Takes as many factors as hold 80 % of the weights, float (d,), descending."""
        axes, total = len(weights), float(weights.sum())
        held = weights.cumsum(0) / max(total, 1e-300)
        needed = int((held < SHARE).sum()) + 1
        count = max(1, min(-(-needed // self._size), self._most, (axes - 1) // self._size))
        self.take(numbered(count, self._size))
        chosen = "1 factor was chosen" if count == 1 else f"{count} factors were chosen"
        each = "1 axis" if self._size == 1 else f"{self._size} axes"
        share = float(held[count * self._size - 1])
        self.notes += (
            f"{chosen}, of {each} each: the directions that they begin with make up {share:.0%} of the "
            f"{self._measure}. Type factors=… for another number.",
        )

    def _refuse_too_many(self, axes: int) -> None:
        wanted = sum(self.sizes.values())
        if not self._chooses and wanted >= axes:
            raise ConceptError(
                f"Expected factors of fewer than {axes} axes together, as many as the representation has here, "
                f"found {len(self.sizes)} factors of {wanted} axes. Type factors={max(1, (axes - 1) // 2)}, say, "
                'or factors="auto".'
            )
        if self._chooses and self._size >= axes:
            raise ConceptError(
                f"Expected a size below {axes}, the axes that the representation has here, found size={self._size}. "
                "Type size=1."
            )
