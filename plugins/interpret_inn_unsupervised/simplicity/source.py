"""Factors that are simple to the eye, of a model that makes images: without labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor, nn

from interpret_inn.errors import ConceptError
from interpret_inn.types import AxesView, Samples
from interpret_inn_unsupervised.independent import IndependentSource, numbered, refuse_too_many
from interpret_inn_unsupervised.seeing import own_axes, require_images
from interpret_inn_unsupervised.simplicity.metric import Embed, lengths, pullback_metric
from interpret_inn_unsupervised.simplicity.objective import Objective, Parts, Weights
from interpret_inn_unsupervised.simplicity.turning import simplest_rotation

SHARE = 0.05
"""Axes shorter than this share of the longest do nothing worth a factor of their own."""
_IMAGES, _FEWEST = 24_000, 64
"""The metric takes about so many images, but is measured at so many points at least."""
_TURNS = 150
_METRIC_SEED, _TURN_SEED, _PARTS_SEED = 11, 12, 13


class SimplicitySource(IndependentSource):
    """Concepts whose steps are short, are recognized, and act in one place.

    Before the fit, the model's images tell how long each small step of the code is at some points
    (`pullback_metric`); the flow begins at the rotation whose axes are shortest together and change images in
    different ways (`simplest_rotation`). With `blocks=0` it ends there. Otherwise the couplings are trained by
    the likelihood of the code and by `Objective`.

    Args:
        samples: Latents, or whatever the model takes.
        factors: How many; None: as many as do something, `most` at most.
        most: See there.
        points: Where the metric is measured.
        embed: Images to vectors, whose distances are those of the images.
        starts: Of the search for the rotation.
        weights: Of the objective.
        flow: Trains couplings; else the flow only rotates.
        seed: Of points, rotations and networks.

    Attributes:
        name: "simplicity".
        settings: What the fit takes where its caller says nothing.
        found_lengths: Mean length of each axis of the rotation, float64 (d,), after a fit has begun.
        key: Tells fits apart.
    """

    name = "simplicity"

    def __init__(
        self, samples: Samples, *, factors: int | None, most: int, points: int, embed: Embed, starts: int,
        weights: Weights, flow: bool, seed: int,
    ) -> None:  # fmt: skip
        super().__init__(samples, numbered(most if factors is None else factors))
        self._given, self._most = factors, most
        self._points, self._embed, self._starts = points, embed, starts
        self._weights, self._seed = weights, seed
        self._flow = flow
        self._view: AxesView | None = None
        self._parts: Parts | None = None
        self._objective: Objective | None = None
        self._axes: Tensor | None = None
        self.found_lengths: Tensor | None = None
        name = f"{getattr(embed, '__module__', '')}.{getattr(embed, '__qualname__', repr(embed))}"
        self.key = repr((factors, most, points, starts, name, dataclasses.astuple(weights), flow, seed))
        self.settings: Mapping[str, Any] = (
            {"explained": 1.0, "steps": 200, "blocks": 2, "hidden": 64, "learning_rate": 2e-3, "every": 25,
             "patience": 8}
            if flow else {"explained": 1.0, "blocks": 0}
        )  # fmt: skip

    def watch(self, view: AxesView) -> None:
        """Keeps the model as a function of the axes, for `see` and the extra loss."""
        self._view = view

    def see(self, white: Tensor, variances: Tensor) -> None:  # noqa: ARG002 - the contract's arguments
        """Measures the metric, finds the rotation, and chooses the number of factors where none was given.

        Raises:
            ConceptError: the outputs are no images, or there are too few axes for the factors.
        """
        if self._view is None:
            raise ConceptError(
                "Expected to watch the model before seeing its representation. Type watch(view)."
            )
        self.notes = ()
        if self._given is not None:
            refuse_too_many(self._given, self._view.axes)
        count = min(self._points, max(_FEWEST, _IMAGES // (2 * self._view.axes)))
        generator = Generator().manual_seed(self._seed + _METRIC_SEED)
        points = self._view.samples(count, generator)
        own = own_axes(self._view) if self._view.width == self._view.axes else None
        metric = pullback_metric(self._view, *points, self._embed, frame=own)
        axes = simplest_rotation(
            metric, orthogonality=self._weights.orthogonality, starts=self._starts, steps=_TURNS,
            seed=self._seed + _TURN_SEED,
        )  # fmt: skip
        self._axes = axes
        self.found_lengths = lengths(metric, axes).mean(0)
        self._choose(self.found_lengths)
        if self._flow:
            images = self._view.outputs(points[0][:1], points[1][:1])
            require_images(images)
            self._parts = Parts(images.shape[1], len(self.concepts), self._seed + _PARTS_SEED)
            self._objective = Objective(
                self._view,
                points,
                metric,
                factors=len(self.concepts),
                weights=self._weights,
                parts=self._parts,
            )

    def turn(self, span: Tensor) -> Tensor:
        """Turns axes to the shortest, the strongest first.

        Args:
            span: float (d, m), orthonormal columns: the axes that are free to be turned.

        Returns:
            An orthogonal matrix, float64 (m, m).
        """
        if self._axes is None:
            return torch.eye(span.shape[1], dtype=torch.float64)
        # the nearest orthogonal matrix; where all axes are free, exactly those that were found
        free = span.double().cpu().T @ self._axes[:, : span.shape[1]]
        left, _, right = torch.linalg.svd(free)
        turned: Tensor = left @ right
        return turned

    def modules(self) -> nn.Module:
        """Recognizer and masks; nothing where the flow only rotates or no fit has begun."""
        return nn.Identity() if self._parts is None else self._parts

    def extra_loss(self, context: Any) -> Tensor:
        """See `Objective`."""
        if self._objective is None:
            return torch.zeros(())
        return self._objective(context)

    def _choose(self, found: Tensor) -> None:
        strongest = float(found.max())
        if not strongest > 0:
            self.notes = (
                "The model's images do not change with the representation: no factor does anything, and which axes "
                "are the factors' is chance.",
            )
        if self._given is not None:
            return
        active = int((found >= SHARE * strongest).sum()) if strongest > 0 else 1
        count = max(1, min(active, self._most, len(found) - 1))
        self.take(numbered(count))
        self.notes += (
            f"{active} of {len(found)} axes change the images by {SHARE:.0%} of the strongest or more; "
            f"{count} of them became factors. Type factors=… for another number.",
        )
