"""Factors along directions that other methods find: baselines, in the same interface."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from interpret_inn.errors import ConceptError
from interpret_inn.types import AxesView, Samples
from interpret_inn_unsupervised.directions.discovery import discovered_directions
from interpret_inn_unsupervised.directions.methods import (
    completed,
    given_directions,
    principal_directions,
    weight_directions,
)
from interpret_inn_unsupervised.independent import IndependentSource, numbered, refuse_too_many
from interpret_inn_unsupervised.seeing import own_axes

Method = Literal["latents", "ganspace", "sefa", "discovery"]


class DirectionsSource(IndependentSource):
    """A factor for each of some directions; the flow rotates to them and is not trained.

    Args:
        samples: Latents, or whatever the model takes.
        method: How directions are found, or the directions themselves, float (m, D) in the representation.
        factors: How many.
        layer: For "ganspace", the layer whose principal axes are taken; for "sefa", the affine one.
        steps: Of the training of "discovery".
        pairs: Of images in each of these steps.
        points: Samples of the layer's activations for "ganspace".
        seed: Of everything that is drawn.

    Attributes:
        name: "directions".
        settings: `blocks=0`: the flow only rotates.
        key: Tells fits apart.
    """

    name = "directions"
    settings: Mapping[str, Any] = {"explained": 1.0, "blocks": 0}

    def __init__(
        self, samples: Samples, *, method: Method | Tensor, factors: int, layer: str | None, steps: int, pairs: int,
        points: int, seed: int,
    ) -> None:  # fmt: skip
        super().__init__(samples, numbered(factors))
        self._method, self._layer, self._wanted = method, layer, factors
        self._steps, self._pairs, self._points, self._seed = steps, pairs, points, seed
        self._view: AxesView | None = None
        self._axes: Tensor | None = None
        named = method if isinstance(method, str) else _digest(method)
        self.key = repr((named, factors, layer, steps, pairs, points, seed))

    def watch(self, view: AxesView) -> None:
        """Keeps the model as a function of the axes, for `see`."""
        self._view = view

    def see(self, white: Tensor, variances: Tensor) -> None:  # noqa: ARG002 - the contract's arguments
        """Finds the directions.

        Raises:
            ConceptError: they cannot be found here, or there are too many factors.
        """
        if self._view is None:
            raise ConceptError(
                "Expected to watch the model before seeing its representation. Type watch(view)."
            )
        refuse_too_many(self._wanted, self._view.axes)
        self._axes = self._found(self._view)

    def turn(self, span: Tensor) -> Tensor:
        """The orthogonal matrix, float64 (m, m), that turns the axes `span`, float (d, m), to the directions."""
        if self._axes is None:
            return torch.eye(span.shape[1], dtype=torch.float64)
        free = span.double().cpu().T @ self._axes[:, : span.shape[1]]
        left, _, right = torch.linalg.svd(free)
        turned: Tensor = left @ right
        return turned

    def _found(self, view: AxesView) -> Tensor:
        if isinstance(self._method, Tensor):
            return given_directions(view, self._method)
        if self._method == "latents":
            return own_axes(view)
        if self._method == "ganspace":
            assert self._layer is not None
            return principal_directions(view, self._layer, samples=self._points, seed=self._seed)
        if self._method == "sefa":
            return weight_directions(view, self._layer)
        found = discovered_directions(
            view, factors=self._wanted, steps=self._steps, pairs=self._pairs, seed=self._seed
        )
        return completed(found)


def _digest(directions: Tensor) -> str:
    return hashlib.sha256(directions.detach().cpu().double().numpy().tobytes()).hexdigest()
