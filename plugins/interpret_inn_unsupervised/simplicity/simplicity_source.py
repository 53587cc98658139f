"""Factors that are simple to the eye, of a model that makes images: without labels."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from torch import Generator, Tensor, nn

from interpret_inn.backbones.state import as_found
from interpret_inn.data.process import derived_seed
from interpret_inn.types import Plan, Preparation, Samples
from interpret_inn_unsupervised.independent import numbered, refuse_too_many
from interpret_inn_unsupervised.simplicity.metric import Embed, lengths, pullback_metric
from interpret_inn_unsupervised.simplicity.turning import simplest_rotation
from interpret_inn_unsupervised.watching import WatchingSource, about_width, own_axes

SHARE = 0.05
"""Axes shorter than this share of the longest do too little to become factors."""
_IMAGES = 24_000  # of the metric, about, which bounds its cost
_FEWEST = 64  # points that the metric is measured at, however many images that takes
_TURNS = 150  # steps of the search for the rotation


_PARTS = 1e4  # of a unit of the embedding, by which two embeddings are told apart


@dataclass(frozen=True)
class Search:
    """How the rotation is looked for.

    Attributes:
        factors: How many; None: as many as change the images by `SHARE` of the strongest or more, `most` at most.
        most: Largest number of factors that is chosen.
        points: Where the metric is measured, at most.
        embed: Images to vectors, whose distances are those of the images.
        starts: Rotations that the search begins from.
        orthogonality: Weight of the overlap of the axes beside their length.
        seed: Of points and rotations.
    """

    factors: int | None
    most: int
    points: int
    embed: Embed
    starts: int
    orthogonality: float
    seed: int

    def options(self) -> str:
        """All of it but `embed`, as text."""
        return repr((self.factors, self.most, self.points, self.starts, self.orthogonality, self.seed))


@dataclass(frozen=True)
class Found:
    """What the search found.

    Attributes:
        axes: Orthonormal columns, float64 (d, d), the longest first.
        factors: How many of them became factors.
        metric: At the points, float64 (n, d, d).
        points: Their leading axes, float (n, d), and all others, (n, D − d).
        images: Of two of them, float (2, C, H, W).
        notes: What to know of it.
    """

    axes: Tensor
    factors: int
    metric: Tensor
    points: tuple[Tensor, Tensor]
    images: Tensor
    notes: tuple[str, ...]


class SimplicitySource(WatchingSource):
    """Concepts whose steps are short and change images in different ways; the flow rotates to them.

    Before the fit, the model's images tell how long each small step of the code is at some points
    (`pullback_metric`); the flow begins at the rotation whose axes are shortest together and change images in
    different ways (`simplest_rotation`), and ends there.

    Args:
        samples: Latents, or other inputs of the model.
        search: How the rotation is looked for.

    Attributes:
        name: "simplicity".
        key: Tells fits apart.
    """

    name = "simplicity"
    # the metric takes 2 d images a point and d² numbers: of more axes those of most variance are looked at
    settings: Mapping[str, object] = {**WatchingSource.settings, "axes": 512}

    def __init__(self, samples: Samples, search: Search) -> None:
        super().__init__(samples, numbered(search.most if search.factors is None else search.factors))
        self._search = search
        self.key = search.options()

    def prepare(self, context: Preparation) -> Plan:
        """Measures the metric, finds the rotation, and chooses the number of factors if none was given.

        Raises:
            ConceptError: the outputs are no images, or there are too few axes for the factors.
        """
        return self._begun(self._found(context))

    def _begun(self, found: Found) -> Plan:
        """A plan that begins at what was found; its key tells distances apart, which no option does."""
        plan = self.begun_at(found.axes, factors=found.factors, notes=found.notes)
        with self._embedding():
            return dataclasses.replace(plan, key=_digest(self._search.embed, found.images))

    def _found(self, context: Preparation) -> Found:
        view, search = context.model, self._search
        if search.factors is not None:
            refuse_too_many(search.factors, view.axes)
        count = min(search.points, max(_FEWEST, _IMAGES // (2 * view.axes)))
        points = view.samples(count, Generator().manual_seed(derived_seed(search.seed, "metric")))
        own = own_axes(view) if view.width == view.axes else None
        # an axis that hardly varies is whitened by the noise floor, and no data are a step of 1 apart there
        spread = context.white.std(0).cpu().double()
        with self._embedding():
            metric = pullback_metric(view, *points, search.embed, frame=own) * spread[:, None] * spread
        axes = simplest_rotation(
            metric, orthogonality=search.orthogonality, starts=search.starts, steps=_TURNS,
            seed=derived_seed(search.seed, "rotation"),
        )  # fmt: skip
        factors, notes = self._chosen(lengths(metric, axes).mean(0))
        images = view.outputs(points[0][:2], points[1][:2]).float()
        return Found(axes, factors, metric, points, images, (*about_width(view), *notes))

    def _embedding(self) -> AbstractContextManager[object]:
        """A network that embeds runs in evaluation mode, and is given back as it was."""
        embed = self._search.embed
        return as_found(embed) if isinstance(embed, nn.Module) else nullcontext()

    def _chosen(self, found: Tensor) -> tuple[int, list[str]]:
        """How many of the axes become factors by their lengths, float64 (d,), and what to know of that."""
        notes: list[str] = []
        strongest = float(found.max())
        if not strongest > 0:
            notes.append(
                "The model's images do not change with the representation: no factor does anything, and which axes "
                "are the factors' is chance."
            )
        if self._search.factors is not None:
            return self._search.factors, notes
        active = int((found >= SHARE * strongest).sum()) if strongest > 0 else 1
        count = max(1, min(active, self._search.most, len(found) - 1))
        notes.append(
            f"{active} of {len(found)} axes change the images by {SHARE:.0%} of the strongest or more; "
            f"{count} of them became factors"
            + (" (the residual needs one). " if count == len(found) - 1 < active else ". ")
            + "Type factors=… for another number."
        )
        return count, notes


def _digest(embed: Embed, images: Tensor) -> str:
    """Tells distances apart by what they make of two images: a name would not, of networks with other weights."""
    coarse = (embed(images) * _PARTS).round()  # the same on machines that round differently
    return hashlib.sha256(coarse.cpu().numpy().tobytes()).hexdigest()[:16]
