"""One smooth map for each image, whose level sets are masks of every area.

The map is a sum of coarse and fine maps, all of them optimised at once: what coarse maps can say is said smoothly,
and no single pixel can be drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

SOFTNESS = 0.3
"""Width of a mask's border, in standard deviations of the map."""
_CELLS = (6, 8)  # along the shorter side of the finest map: at least, at most
_PIXELS = 8  # of such a cell, in between
_FLAT = 1e-6  # variance of a map without any, so that nothing is divided by 0
_LEAST = 3  # cells along the shorter side of the coarsest map


def resolutions(size: tuple[int, int], cells: int) -> list[tuple[int, int]]:
    """Heights and widths of the maps, each twice as fine as the one before.

    Args:
        size: Of the image.
        cells: Along the shorter side of the finest map.
    """
    found, shorter = [], min(size)
    count = min(_LEAST, cells)
    while True:
        found.append((max(1, round(size[0] * count / shorter)), max(1, round(size[1] * count / shorter))))
        if count >= cells:
            return found
        count = min(2 * count, cells)


def default_cells(size: tuple[int, int]) -> int:
    """Cells along the shorter side of the finest map: eight pixels each, 6 to 8 of them."""
    least, most = _CELLS
    return min(min(size), max(least, min(most, min(size) // _PIXELS)))


class NestedMasks:
    """Maps of a batch of images.

    Args:
        count: Number of images, B.
        size: Their height and width.
        cells: Along the shorter side of the finest map.
        device: Where they are.

    Attributes:
        cell: Pixels along one cell of the finest map.
        parameters: The maps, coarse to fine, each float (B, 1, h, w); zero at first.
    """

    def __init__(self, count: int, size: tuple[int, int], cells: int, device: torch.device) -> None:
        self.size = size
        self.cell = min(size) / cells
        self.parameters = [
            torch.zeros(count, 1, *shape, device=device, requires_grad=True)
            for shape in resolutions(size, cells)
        ]

    def map(self) -> Tensor:
        """The sum of all maps, float (B, 1, H, W), with mean 0 and standard deviation 1 in each image."""
        finest = self.parameters[-1].shape[-2:]
        total = sum(
            functional.interpolate(p, finest, mode="bilinear", align_corners=False) for p in self.parameters
        )
        assert isinstance(total, Tensor)
        smooth = functional.interpolate(total, self.size, mode="bicubic", align_corners=False)
        centred = smooth - smooth.mean((1, 2, 3), keepdim=True)
        return centred / (centred.square().mean((1, 2, 3), keepdim=True) + _FLAT).sqrt()

    def at(self, areas: Tensor) -> Tensor:
        """Masks (B, 1, H, W) in (0, 1) whose highest `areas` (B,) are above one half."""
        return level_sets(self.map(), areas)


def level_sets(maps: Tensor, areas: Tensor) -> Tensor:
    """Soft level sets (B, 1, H, W) of maps (B, 1, H, W): above one half in a share `areas` (B,) of the pixels."""
    ranked = maps.detach().flatten(1).sort(dim=1, descending=True).values
    place = (areas.to(ranked) * ranked.shape[1]).long().clamp(0, ranked.shape[1] - 1)
    level = ranked.gather(1, place[:, None])[:, :, None, None]
    return ((maps - level) / SOFTNESS).sigmoid()


def cycled(areas: Sequence[float], step: int, count: int) -> Tensor:
    """An area for each of `count` images: in a row of steps every image meets all of them, (B,)."""
    return torch.tensor([areas[(step + image) % len(areas)] for image in range(count)])
