"""Canvases with two real digits at known places: the data of `two_digits.py`."""

from __future__ import annotations

import math
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from coloured_mnist import digits
from torch import Generator, Tensor
from torch.nn import functional

HEIGHT, WIDTH = 40, 72
CONCEPTS = ("left digit", "right digit", "left colour", "right colour")
MISSING = 0.2

Part = Literal["network", "train", "test"]
_BOUNDS = {"network": (0, 6_500), "train": (6_500, 8_500), "test": (8_500, 10_000)}
_GROUP = 10  # digits of `train` and `test` that are combined with each other only
_INK, _GROUND = 0.25, 0.12


class Canvases(NamedTuple):
    """`N` canvases with all that is known of them.

    Attributes:
        images: float32 (N, 3, 40, 72) in [0, 1].
        digits: int64 (N, 2), left and right; −1 where there is none.
        hues: float32 (N, 2) in [0, 2π); NaN where there is none.
        boxes: bool (2, N, 1, 40, 72): the digits' tight bounding boxes.
        strokes: bool (2, N, 1, 40, 72): the digits' own pixels.
        groups: int64 (N,): canvases of different groups share no digit.
    """

    images: Tensor
    digits: Tensor
    hues: Tensor
    boxes: Tensor
    strokes: Tensor
    groups: Tensor

    @property
    def pictures(self) -> np.ndarray:
        """The canvases as the reader's interpreter takes them, uint8 (N, 40, 72, 3)."""
        return (self.images * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """The four concepts for `fit("labels", labels=…)`."""
        columns = (*self.digits.T, *self.hues.T)
        return {name: column.numpy() for name, column in zip(CONCEPTS, columns, strict=True)}

    @property
    def kinds(self) -> dict[str, str]:
        """Their kinds."""
        return {name: "cyclic" if "colour" in name else "categorical" for name in CONCEPTS}


@cache
def grey(part: Part) -> tuple[Tensor, Tensor]:
    """Grey digits of a part in [0, 1], (N, 32, 32), and which digits they are, int64 (N,)."""
    images, labels = digits()
    first, last = _BOUNDS[part]
    chosen = torch.randperm(len(images), generator=Generator().manual_seed(2))[first:last]
    return functional.pad(images[chosen], (2, 2, 2, 2)), labels[chosen]


def canvases(part: Part, count: int, *, seed: int, missing: float | None = None) -> Canvases:
    """Canvases of a part's digits, in random pairs, at random places, in random hues.

    Args:
        part: Whose digits.
        count: How many.
        seed: Of pairs, places, hues and noise.
        missing: How often each digit is missing; None: never in test canvases, else in one of five.
    """
    images, labels = grey(part)
    share = (0.0 if part == "test" else MISSING) if missing is None else missing
    generator = Generator().manual_seed(seed)
    groups = torch.randint(len(images) // _GROUP, (count,), generator=generator)
    chosen = torch.rand(count, _GROUP, generator=generator).argsort(1)[:, :2] + groups[:, None] * _GROUP
    return composed(images[chosen], labels[chosen], groups, generator, missing=share)


def composed(
    shapes: Tensor,
    labels: Tensor,
    groups: Tensor,
    generator: Generator,
    *,
    missing: float,
    halves: bool = True,
) -> Canvases:
    """Grey digits (N, 2, 32, 32) placed and painted, some left out."""
    count = len(shapes)
    ink = _placed(shapes.numpy(), torch.rand(count, 4, generator=generator).numpy(), halves=halves)
    hues = torch.rand(count, 2, generator=generator) * 2 * math.pi
    gone = torch.rand(count, 2, generator=generator) < missing
    ink = ink.masked_fill(gone[:, :, None, None], 0)
    ground = torch.rand(count, 3, HEIGHT, WIDTH, generator=generator) * _GROUND
    painted = (ink[:, :, None] * hue_to_rgb(hues)[..., None, None]).sum(1)
    images = ground * (1 - ink.sum(1, keepdim=True)) + painted
    strokes = (ink > _INK).transpose(0, 1)[:, :, None]
    boxes = strokes.any(-1, keepdim=True) & strokes.any(-2, keepdim=True)
    labels, told = labels.masked_fill(gone, -1), hues.masked_fill(gone, math.nan)
    return Canvases(images, labels, told, _filled(boxes), strokes, groups)


def _placed(shapes: np.ndarray, places: np.ndarray, *, halves: bool) -> Tensor:
    """The digits' ink, (N, 2, 40, 72): each cut out and put where `places`, (N, 4) in [0, 1), say."""
    half = WIDTH // 2
    ink = np.zeros((len(shapes), 2, HEIGHT, WIDTH), np.float32)
    for canvas, pair, (first, second, *down) in zip(ink, shapes, places, strict=True):
        cut = [_cut(shape) for shape in pair]
        free = WIDTH - sum(shape.shape[1] for shape in cut) - 4  # one pixel at the borders, two between
        before, between = sorted((int(first * (free + 1)), int(second * (free + 1))))
        lefts = [1 + before, 3 + between + cut[0].shape[1]]
        if halves:
            lefts = [
                half * number + 1 + int(share * (half - 1 - shape.shape[1]))
                for number, (share, shape) in enumerate(zip((first, second), cut, strict=True))
            ]
        for layer, shape, left, share in zip(canvas, cut, lefts, down, strict=True):
            top = 1 + int(share * (HEIGHT - shape.shape[0] - 1))
            layer[top : top + shape.shape[0], left : left + shape.shape[1]] = shape
    return torch.from_numpy(ink)


def _cut(shape: np.ndarray) -> np.ndarray:
    """A digit (32, 32) without the empty rows and columns around it."""
    rows, columns = (np.flatnonzero((shape > _INK).any(axis)) for axis in (1, 0))
    return shape[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _filled(boxes: Tensor) -> Tensor:
    """Boxes whose every row and column between the first and the last is inside."""
    for axis in (-1, -2):
        counted = boxes.int()
        after = counted.flip(axis).cumsum(axis).flip(axis)
        boxes = (counted.cumsum(axis) > 0) & (after > 0)
    return boxes


def hue_to_rgb(hues: Tensor) -> Tensor:
    """Hues (…) in radians as bright colours (…, 3) in [0.15, 1]."""
    shifts = torch.tensor([0.0, 4.0, 2.0])
    ramp = ((hues[..., None] / (math.pi / 3) + shifts) % 6 - 3).abs() - 1
    return 0.15 + 0.85 * ramp.clamp(0, 1)
