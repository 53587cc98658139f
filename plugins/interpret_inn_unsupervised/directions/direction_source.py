"""Factors along directions that other methods find: baselines, in the same interface."""

from __future__ import annotations

import hashlib
from typing import Literal

from torch import Tensor

from interpret_inn.errors import ConceptError
from interpret_inn.types import AxesView, Plan, Preparation, Samples
from interpret_inn_unsupervised.directions.direction_methods import (
    completed,
    given_directions,
    principal_directions,
    weight_directions,
)
from interpret_inn_unsupervised.directions.discovery import discovered_directions
from interpret_inn_unsupervised.independent import numbered, refuse_too_many
from interpret_inn_unsupervised.watching import WatchingSource, about_width, own_axes

_MOST = 10  # factors, if their number is not given
Method = Literal["latents", "ganspace", "sefa", "discovery"]


class DirectionsSource(WatchingSource):
    """A factor for each of some directions; the flow rotates to them and is not trained.

    Args:
        samples: Latents, or other inputs of the model.
        method: How directions are found, or the directions themselves, float (m, D) in the representation.
        factors: How many; None: 10, or as many as there are directions or axes to spare if these are fewer.
        layer: For "ganspace", the layer whose principal axes are taken; for "sefa", the affine one.
        steps: Of the training of "discovery".
        pairs: Of images in each of these steps.
        points: Samples of the layer's activations for "ganspace".
        seed: Of everything that is drawn.

    Attributes:
        name: "directions".
        key: Tells fits apart.
    """

    name = "directions"

    def __init__(
        self, samples: Samples, *, method: Method | Tensor, factors: int | None, layer: str | None, steps: int,
        pairs: int, points: int, seed: int,
    ) -> None:  # fmt: skip
        super().__init__(samples, numbered(factors or 1))
        self._method, self._layer, self._wanted = method, layer, factors
        self._steps, self._pairs, self._points, self._seed = steps, pairs, points, seed
        named = method if isinstance(method, str) else _digest(method)
        self.key = repr((named, factors, layer, steps, pairs, points, seed))

    def prepare(self, context: Preparation) -> Plan:
        """Finds the directions, and chooses the number of factors if none was given.

        Raises:
            ConceptError: they cannot be found here, or there are too many factors.
        """
        view = context.model
        given = len(self._method) if isinstance(self._method, Tensor) else _MOST
        count = min(given, view.axes - 1) if self._wanted is None else self._wanted
        refuse_too_many(count, view.axes)
        directions = self._found(view, count)
        if directions.shape[1] < count and self._wanted is not None:
            raise ConceptError(
                f"Expected {count} directions, as many as factors, found {directions.shape[1]}. Type "
                f"factors={directions.shape[1]} or less."
            )
        return self.begun_at(
            completed(directions), factors=min(count, directions.shape[1]), notes=about_width(view)
        )

    def _found(self, view: AxesView, count: int) -> Tensor:
        """Orthonormal columns, float64 (d, m), as many as the method finds."""
        if isinstance(self._method, Tensor):
            return given_directions(view, self._method)
        if self._method == "latents":
            return own_axes(view)
        if self._method == "ganspace" and self._layer is not None:
            return principal_directions(view, self._layer, samples=self._points, seed=self._seed)
        if self._method == "sefa":
            return weight_directions(view, self._layer)
        return discovered_directions(
            view, factors=count, steps=self._steps, pairs=self._pairs, seed=self._seed
        )


def _digest(directions: Tensor) -> str:
    return hashlib.sha256(directions.detach().cpu().double().numpy().tobytes()).hexdigest()
