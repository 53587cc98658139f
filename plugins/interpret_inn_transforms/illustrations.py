"""What the transforms do, as pictures for the report."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from interpret_inn.types import Gallery, Picture
from interpret_inn_transforms.known_transforms import Transform
from interpret_inn_transforms.picture_values import read_picture
from interpret_inn_transforms.variants import TransformedSamples

GROUP = "transforms"
"""Under which the pictures of this source stand in an explanation."""

_ROWS = 4


def gallery(samples: TransformedSamples, transforms: Mapping[str, Transform]) -> Gallery:
    """A few pictures in a row each: as they are, then one variant of each transform."""
    pictures = len(samples) // samples.per_picture
    variants = (samples.per_picture - 1) // len(transforms)
    rows = []
    for row, picture in enumerate(np.unique(np.linspace(0, pictures - 1, _ROWS).astype(int))):
        start = picture * samples.per_picture
        places = [start, *(start + 1 + k * variants + row % variants for k in range(len(transforms)))]
        rows.append(tuple(_shown(one) for one in samples.take(places)))
    return Gallery(
        title="What the transforms do",
        caption="Each row is one picture: as it is, and one of its variants for each transform, amounts as drawn.",
        cells=tuple(rows),
        columns=("as it is", *transforms),
        group=GROUP,
    )


def _shown(picture: object) -> Picture:
    values = read_picture(picture, 0)[0].expand(3, -1, -1)
    return (values.permute(1, 2, 0) * 255).round().to(torch.uint8).contiguous().numpy()
