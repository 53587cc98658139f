"""Factors that are simple to the eye, of a model that makes images: without labels."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from interpret_inn.backbones.found import as_found
from interpret_inn.types import Samples
from interpret_inn_unsupervised.independent import numbered, refuse_too_many
from interpret_inn_unsupervised.seeing import own_axes
from interpret_inn_unsupervised.simplicity.metric import Embed, lengths, pullback_metric
from interpret_inn_unsupervised.simplicity.objective import Objective, Parts, Weights
from interpret_inn_unsupervised.simplicity.turning import simplest_rotation
from interpret_inn_unsupervised.watching import WatchingSource, about_width

SHARE = 0.05
"""Axes shorter than this share of the longest do nothing worth a factor of their own."""
_IMAGES, _FEWEST = 24_000, 64
"""The metric takes about so many images, but is measured at so many points at least."""
_TURNS = 150
Flow = Literal["rotation", "couplings"]
# the metric takes 2 d images a point and d² numbers: of more axes those of most variance are looked at
_ROTATION: Mapping[str, object] = {**WatchingSource.settings, "axes": 512}
_COUPLINGS: Mapping[str, object] = {
    **_ROTATION, "steps": 200, "blocks": 2, "hidden": 64, "learning_rate": 2e-3, "every": 25, "patience": 8,
}  # fmt: skip
_METRIC_SEED, _TURN_SEED, _PARTS_SEED = 11, 12, 13


class SimplicitySource(WatchingSource):
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
        flow: "rotation", or "couplings" that begin there.
        seed: Of points, rotations and networks.

    Attributes:
        name: "simplicity".
        found_lengths: Mean length of each axis of the rotation, float64 (d,), after a fit has begun.
        key: Tells fits apart.
    """

    name = "simplicity"

    def __init__(
        self, samples: Samples, *, factors: int | None, most: int, points: int, embed: Embed, starts: int,
        weights: Weights, flow: Flow, seed: int,
    ) -> None:  # fmt: skip
        super().__init__(samples, numbered(most if factors is None else factors))
        self._given, self._most = factors, most
        self._points, self._embed, self._starts = points, embed, starts
        self._weights, self._seed, self._bends = weights, seed, flow == "couplings"
        self._parts: Parts | None = None
        self._objective: Objective | None = None
        self.found_lengths: Tensor | None = None
        self._options = repr((factors, most, points, starts, dataclasses.astuple(weights), flow, seed))
        self.key = self._options
        self.settings = _COUPLINGS if self._bends else _ROTATION

    def see(self, white: Tensor, variances: Tensor) -> None:  # noqa: ARG002 - the contract's arguments
        """Measures the metric, finds the rotation, and chooses the number of factors where none was given.

        Args:
            white: The whitened leading axes of the samples, float (N, d). Their spread is what a step is measured
                by: an axis that hardly varies is whitened by the noise floor, and no data are a step of 1 apart there.
            variances: Variance of each axis in the representation, float (d,). Not looked at.

        Raises:
            ConceptError: the outputs are no images, or there are too few axes for the factors.
        """
        view = self.watched()
        self.notes = about_width(view)
        if self._given is not None:
            refuse_too_many(self._given, view.axes)
        count = min(self._points, max(_FEWEST, _IMAGES // (2 * view.axes)))
        points = view.samples(count, Generator().manual_seed(self._seed + _METRIC_SEED))
        own = own_axes(view) if view.width == view.axes else None
        spread = white.std(0).double().cpu()
        with self._embedding():
            metric = pullback_metric(view, *points, self._embed, frame=own) * spread[:, None] * spread
        self.axes = simplest_rotation(
            metric, orthogonality=self._weights.orthogonality, starts=self._starts, steps=_TURNS,
            seed=self._seed + _TURN_SEED,
        )  # fmt: skip
        self.found_lengths = lengths(metric, self.axes).mean(0)
        self._choose(self.found_lengths)
        images = view.outputs(points[0][:2], points[1][:2]).float()
        with self._embedding():
            self.key = f"{self._options} {_digest(self._embed, images)}"
        if self._bends:
            self._parts = Parts(images.shape[1], len(self.concepts), self._seed + _PARTS_SEED).to(
                images.device
            )
            self._objective = Objective(
                view, points, metric, factors=len(self.concepts), weights=self._weights, parts=self._parts
            )

    def modules(self) -> nn.Module:
        """Recognizer and masks; nothing where the flow only rotates or no fit has begun."""
        return nn.Identity() if self._parts is None else self._parts

    def extra_loss(self, context: Any) -> Tensor:
        """See `Objective`."""
        if self._objective is None:
            return torch.zeros(())
        return self._objective(context)

    def _embedding(self) -> AbstractContextManager[object]:
        """A network that embeds runs in evaluation mode, and is given back as it was."""
        return as_found(self._embed) if isinstance(self._embed, nn.Module) else nullcontext()

    def _choose(self, found: Tensor) -> None:
        strongest = float(found.max())
        if not strongest > 0:
            self.notes += (
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
            f"{count} of them became factors"
            + (" (the residual needs one). " if count == len(found) - 1 < active else ". ")
            + "Type factors=… for another number.",
        )


def _digest(embed: Embed, images: Tensor) -> str:
    """Tells distances apart by what they make of two images: a name would not, of networks with other weights."""
    return hashlib.sha256((embed(images) * 1e4).round().cpu().numpy().tobytes()).hexdigest()[:16]
