"""Pairs of images that share a style, or everything but the style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.data import OrderedSamples
from interpret_inn.data.given_form import GivenForm, stacked
from interpret_inn.data.per_split import PerSplit
from interpret_inn.errors import ConceptError
from interpret_inn.types import (
    SAME,
    Concept,
    ConceptSource,
    Gallery,
    IntArray,
    Pairs,
    Plan,
    Preparation,
)
from interpret_inn_sketches.illustrations import gallery
from interpret_inn_sketches.pixels import Pixels, as_planes
from interpret_inn_sketches.sketch_files import Sketch

_OPPOSITE = -SAME / 2
"""ρ of the two styles of one image in the concept."""


class StyledSamples(OrderedSamples):
    """N images, each in the style of the first sketch; then the same N in the style of the second.

    Args:
        pixels: uint8 (2 N, H, W, C).
        form: How they are given.
        parts: int64 (N,), the part of the sketches that each image was rendered from: its group.
        names: Of the N images.
        ends: Names of both sketches.
        key: A digest of all that they were made from.
        skipped: What could not be read.

    Attributes:
        groups: int64 (2 N,), the part of the sketches, so that parts are never split.
        origins: int64 (2 N,), the image.
    """

    def __init__(
        self,
        pixels: Pixels,
        form: GivenForm,
        *,
        parts: IntArray,
        names: Sequence[str] | None,
        ends: tuple[str, str],
        key: str,
        skipped: Sequence[str] = (),
    ) -> None:
        images = [str(at) for at in range(len(parts))] if names is None else names
        named = [f"{name}, {end}" for end in ends for name in images]
        super().__init__(len(pixels), names=named, skipped=skipped)
        self.groups = np.tile(parts, 2)
        self.origins = np.tile(np.arange(len(parts), dtype=np.int64), 2)
        self.pixels, self._form, self._key = pixels, form, key

    def _read(self, indices: Sequence[int]) -> Any:
        planes = as_planes(self.pixels[np.asarray(indices, dtype=np.int64)])
        return stacked([self._form.restored(one) for one in planes])

    def _compute_fingerprint(self) -> str:
        return self._key


class _Drawable(NamedTuple):
    """What pairs can be drawn from some samples.

    Attributes:
        members: For each style its samples, sorted by group, int64.
        starts: Where the group of each of them begins among them.
        sizes: How many are in it.
        twins: Samples of the first style whose other style is there as well.
    """

    members: tuple[Tensor, ...]
    starts: tuple[Tensor, ...]
    sizes: tuple[Tensor, ...]
    twins: Tensor


class SketchSource(ConceptSource):
    """One concept from two sketches.

    Half of the pairs are different images in one style, rendered from different parts of the sketch: ρ = 0.975 in the
    concept and 0 in the residual. The other half are the two styles of one image: 0.975 in the residual and
    −0.4875 in the concept. The partner always has the other style, which turns one direction around and says
    nothing about others: ρ is −0.975 for one of the concept's two axes and 0 for the other, on average half of it.

    Args:
        samples: N images in both styles.
        images: uint8 (N, H, W, C), as they were; shown in the report.
        sketches: Both.
        name: Of the concept.
        notes: Sentences for the report.
    """

    name = "sketches"

    def __init__(
        self,
        samples: StyledSamples,
        images: Pixels,
        sketches: tuple[Sketch, Sketch],
        *,
        name: str,
        notes: Sequence[str] = (),
    ) -> None:
        count = len(samples) // 2
        values = np.repeat(np.arange(2, dtype=np.int64), count)
        self.samples = samples
        self.notes = tuple(notes)
        self.concepts = (Concept(name, "categorical", values, tuple(sketch.name for sketch in sketches)),)
        self._pictures, self._sketches = (images, samples.pixels), sketches
        self._drawable = PerSplit(self._sorted)

    def prepare(self, context: Preparation) -> Plan:  # noqa: ARG002 - the contract's argument
        """Asks for 2 axes: the difference of two styles is one direction, and one more gives room to bend."""
        return Plan(sizes={self.concepts[0].name: 2})

    def illustrations(self) -> Sequence[Gallery]:
        """Both sketches, and some images in both styles."""
        name = self.concepts[0].name
        return (gallery(*self._pictures, self._sketches, group=name),)

    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        """Draws `n` pairs from the samples `among`, int64 (M,); only `generator` is drawn from.

        Raises:
            ConceptError: no style has two images there.
        """
        drawable = self._drawable(among)
        crossed = n // 2 if len(drawable.twins) else 0
        alike = self._alike(drawable, n - crossed, generator)
        twins = drawable.twins[torch.randint(max(1, len(drawable.twins)), (crossed,), generator=generator)]
        swapped = torch.rand(crossed, generator=generator) < 0.5
        others = twins + len(self.samples) // 2
        first = torch.cat((alike[0], torch.where(swapped, others, twins)))
        second = torch.cat((alike[1], torch.where(swapped, twins, others)))
        rho = torch.tensor([[SAME, 0.0]]).repeat(n, 1)
        rho[n - crossed :] = torch.tensor([_OPPOSITE, SAME])
        order = torch.randperm(n, generator=generator)
        return Pairs(first[order], second[order], rho[order])

    def _alike(self, drawable: _Drawable, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Two different images of one style, of different groups if there are two."""
        usable = [at for at in range(2) if len(drawable.members[at]) > 1]
        if not usable:
            raise ConceptError("Expected at least two images in one style to draw pairs from, found fewer.")
        firsts, seconds = [], []
        shares = [n // len(usable) + (at < n % len(usable)) for at in range(len(usable))]
        for style, share in zip(usable, shares, strict=True):
            members, start, size = drawable.members[style], drawable.starts[style], drawable.sizes[style]
            one = torch.randint(len(members), (share,), generator=generator)
            alone = size[one] == len(members)  # all of one group: then any other image will do
            start, size = torch.where(alone, one, start[one]), torch.where(alone, 1, size[one])
            drawn = (
                torch.rand(share, generator=generator, dtype=torch.float64) * (len(members) - size)
            ).long()
            other = torch.where(drawn < start, drawn, drawn + size)
            firsts.append(members[one])
            seconds.append(members[other])
        return torch.cat(firsts), torch.cat(seconds)

    def _sorted(self, among: Tensor) -> _Drawable:
        count = len(self.samples) // 2
        groups = torch.from_numpy(np.asarray(self.samples.groups))
        members, starts, sizes = [], [], []
        for style in range(2):
            mine = among[(among >= style * count) & (among < (style + 1) * count)].sort().values
            mine = mine[groups[mine].argsort(stable=True)]
            _, which, number = groups[mine].unique_consecutive(return_inverse=True, return_counts=True)
            ends = number.cumsum(0)
            members.append(mine)
            starts.append((ends - number)[which])
            sizes.append(number[which])
        twins = members[0][torch.isin(members[0] + count, members[1])]
        return _Drawable(tuple(members), tuple(starts), tuple(sizes), twins)
