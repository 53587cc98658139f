"""Independent factors without names, of one axis each or of several."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from interpret_inn.errors import BackboneError, ConceptError
from interpret_inn.types import Plan, Preparation, Samples
from interpret_inn.types.numbers import SMALLEST
from interpret_inn_unsupervised.independent import IndependentSource, numbered, unlabelled
from interpret_inn_unsupervised.orthogonal import pointing_one_way

SHARE = 0.8
"""The factors hold this share of all weights of the axes, if their number is chosen."""

Directions = Literal["output", "principal"]


class _Weighed(NamedTuple):
    """How much each direction of the axes counts.

    Attributes:
        matrix: float64 (d, d), symmetric; a direction v weighs vᵀ M v.
        measure: What that measures, in words.
        notes: What to know of it, in sentences.
    """

    matrix: Tensor
    measure: str
    notes: tuple[str, ...] = ()


class UnsupervisedSource(IndependentSource):
    """Unlabelled concepts: the fit maximises the likelihood of single samples.

    Both samples of a pair are drawn on their own, so that ρ is 0 everywhere and the likelihood of the pair is that
    of two samples, `Σ log N(z̃; 0, I) + log|det T'|` (the unsupervised case of Esser, Rombach and Ommer, 2020). That
    makes the factors independent, but says nothing of which independent axes they are: it is blind to rotations. So
    the fit starts from axes that mean something, and stays near them: the directions that the model's output answers to
    most (eigenvectors of `E[JᵀJ]`, `J` the Jacobian of the output by the whitened axes), or the representation's
    principal axes.

    Args:
        samples: What is to be encoded.
        sizes: Numbers of axes by factor; None: `most` factors or fewer of `size` axes, as many as `prepare` chooses.
        size: Axes of each factor, if their number is chosen.
        most: Largest number of factors that `prepare` chooses.
        directions: Where the factors begin: "output" or "principal".

    Attributes:
        name: "unsupervised".
        concepts: Unlabelled, "factor 1" and so on if no names were given.
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
        self._given, self._size, self._most = sizes, size, most

    def prepare(self, context: Preparation) -> Plan:
        """Weighs the axes, and chooses the number of factors if none was given.

        Args:
            context: Its variances or its gradients of the output weigh the axes.

        Raises:
            ConceptError: the axes do not hold the factors that were asked for.
        """
        self._refuse_too_many(len(context.variances))
        weighed = self._weighed(context)
        sizes, notes = dict(self._given or {}), weighed.notes
        if self._given is None:
            sizes, chosen = self._choose(weighed)
            notes += (chosen,)
        self.concepts = unlabelled(sizes)
        return Plan(
            concepts=self.concepts, sizes=sizes, notes=notes, rotation=partial(heaviest_first, weighed.matrix)
        )

    def _weighed(self, context: Preparation) -> _Weighed:
        """Weighs axes by how strongly the output depends on them, or else by their variances."""
        principal = torch.diag(context.variances.cpu().double())
        if self.key == "principal":
            return _Weighed(principal, "variance of the representation")
        try:
            return _Weighed(context.output_gradients().cpu().double(), "change of the output")
        except BackboneError as error:
            note = f'The factors begin as principal axes (directions="principal"). {error}'
            return _Weighed(principal, "variance of the representation", (note,))

    def _choose(self, weighed: _Weighed) -> tuple[dict[str, int], str]:
        """Sizes of as many factors as hold 80 % of the weights, and a sentence that says so."""
        weights = torch.linalg.eigvalsh(weighed.matrix).flip(0).clamp_min(0)
        axes, total = len(weights), float(weights.sum())
        held = weights.cumsum(0) / max(total, SMALLEST)
        needed = int((held < SHARE).sum()) + 1
        count = max(1, min(-(-needed // self._size), self._most, (axes - 1) // self._size))
        chosen = "1 factor was chosen" if count == 1 else f"{count} factors were chosen"
        each = "1 axis" if self._size == 1 else f"{self._size} axes"
        share = float(held[count * self._size - 1])
        return numbered(count, self._size), (
            f"{chosen}, of {each} each: the directions that they begin with make up {share:.0%} of the "
            f"{weighed.measure}. Type factors=… for another number."
        )

    def _refuse_too_many(self, axes: int) -> None:
        given = self._given or {}
        wanted = sum(given.values())
        if wanted >= axes:
            raise ConceptError(
                f"Expected factors of fewer than {axes} axes together, as many as the representation has here, "
                f"found {len(given)} factors of {wanted} axes. Type factors={max(1, (axes - 1) // 2)}, say, "
                'or factors="auto".'
            )
        if self._given is None and self._size >= axes:
            raise ConceptError(
                f"Expected a size below {axes}, the axes that the representation has here, found size={self._size}. "
                "Type size=1."
            )


def heaviest_first(weights: Tensor, span: Tensor) -> Tensor:
    """Rotates axes to those that weigh most, the heaviest first.

    Args:
        weights: float64 (d, d), symmetric.
        span: float (d, m), orthonormal columns: the axes that are free to be rotated.

    Returns:
        An orthogonal matrix, float64 (m, m).
    """
    free = span.cpu().double()
    return pointing_one_way(torch.linalg.eigh(free.T @ weights @ free).eigenvectors.flip(1))
