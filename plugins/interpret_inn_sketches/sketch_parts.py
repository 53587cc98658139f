"""Sketches cut into parts, to test a fit on parts that it never saw.

Any two pictures differ a little in every statistic, also two of one style: a probe that is tested on images
rendered from the same two pictures would find a "style" that is their chance. Each image is therefore rendered from
one part of each sketch, and all images of one part stay together when data are split.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from interpret_inn.data.process import derived_seed
from interpret_inn.errors import ConceptError
from interpret_inn.types import IntArray
from interpret_inn_sketches.sketch_files import Sketch

FEWEST = 10
"""Parts of each sketch that a fit needs: it splits them for training, validation and test."""

PARTS = 64
"""Parts of each sketch, at most: a square number, as sketches are cut by a grid."""
_SMALLEST = 12  # pixels along a side of a part, at least
_EMPTY = 0.15  # of the whole sketch's spread: parts that spread less show nothing


def cut(
    sketches: Sequence[Sketch],
    *,
    channels: int,
    side: int,
    sketch_size: int | None,
    seed: int,
    notes: list[str],
) -> list[Tensor]:
    """Equally many square parts of one size from both sketches, in random order.

    Sketches are first brought to a shorter side of `sketch_size` pixels. If that is not given, they are shrunk so that
    a part is no larger than an image, or magnified if they are too small to be cut.

    Args:
        sketches: Both.
        channels: Of the images, 1 or 3.
        side: Shorter side of the images.
        sketch_size: Shorter side of the sketches, in pixels as wide as the images'.
        seed: Of the order.
        notes: Gets sentences on what was decided.

    Returns:
        For each sketch float32 (P, C, s, s) in [0, 1].

    Raises:
        ConceptError: fewer than 10 parts show anything.
    """
    grid = round(PARTS**0.5)
    scaled = [_scaled(s, channels, sketch_size, (grid * _SMALLEST, grid * side), notes) for s in sketches]
    # as many parts in the smaller sketch as wanted; the larger one has more to choose from
    length = min(int((plane.shape[1] * plane.shape[2] / PARTS) ** 0.5) for plane in scaled)
    length = max(_SMALLEST, min(length, side, *(min(plane.shape[1:]) for plane in scaled)))
    found = [_tiles(plane, length) for plane in scaled]
    count = min(PARTS, *(len(tiles) for tiles in found))
    if count < FEWEST:
        fewest = min(range(2), key=lambda at: len(found[at]))
        raise ConceptError(
            f"Only {len(found[fewest])} parts ({length} by {length} pixels) of the sketch "
            f"{sketches[fewest].name!r} show anything, expected at least {FEWEST}. Fill more of the sketch, or draw it "
            "larger."
        )
    if count < 2 * FEWEST:
        notes.append(
            f"Only {count} parts of the sketches show anything, too few to test the concept well. Fill more "
            "of them, or draw them larger."
        )
    generator = torch.Generator().manual_seed(seed)
    return [tiles[torch.randperm(len(tiles), generator=generator)[:count]] for tiles in found]


def assign(count: int, parts: int, *, groups: IntArray | None, seed: int) -> IntArray:
    """The part that each of `count` images is rendered from, int64 (count,), evenly and at random.

    Images of one of the caller's groups share a part, so that no group is ever split.
    """
    members = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1].reshape(-1)
    several = int(members.max()) + 1
    order = np.random.default_rng(derived_seed(seed, "parts of images")).permutation(several)
    chosen: IntArray = (order % parts)[members].astype(np.int64)
    return chosen


def _scaled(
    sketch: Sketch, channels: int, wanted: int | None, limits: tuple[int, int], notes: list[str]
) -> Tensor:
    """The sketch as float32 (C, H, W) in the images' own scale."""
    plane = sketch.planes(channels)
    shorter = min(plane.shape[1:])
    target = wanted if wanted is not None else max(limits[0], min(shorter, limits[1]))
    if target == shorter:
        return plane
    if wanted is None and target > shorter:
        notes.append(
            f"The sketch {sketch.name!r} is small ({shorter} pixels); it was magnified to {target} to be cut "
            "into parts. A larger one shows more of its style."
        )
    height, width = (max(1, round(length * target / shorter)) for length in plane.shape[1:])
    resized = functional.interpolate(
        plane[None], (height, width), mode="bilinear", antialias=True, align_corners=False
    )
    return resized[0]


def _tiles(plane: Tensor, length: int) -> Tensor:
    """Squares (P, C, length, length) from the middle of a picture (C, H, W), without those that show nothing."""
    rows, columns = (size // length for size in plane.shape[1:])
    top, left = (plane.shape[1] - rows * length) // 2, (plane.shape[2] - columns * length) // 2
    middle = plane[:, top : top + rows * length, left : left + columns * length]
    tiles = middle.unfold(1, length, length).unfold(2, length, length).permute(1, 2, 0, 3, 4).flatten(0, 1)
    spread = tiles.std((2, 3), correction=0).amax(1)
    return tiles[spread >= _EMPTY * float(plane.std((1, 2), correction=0).amax())]
