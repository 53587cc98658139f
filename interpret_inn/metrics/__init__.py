"""Scores as pure functions of arrays.

Those of masks stand here; those of codes and images in the files of this room.
"""

from interpret_inn.metrics.faithfulness import (
    Curve,
    deletion_curve,
    insertion_curve,
    rank_correlation,
    stability,
)
from interpret_inn.metrics.localization import energy_inside, iou, matched_area, pointing_game, sparsity
from interpret_inn.metrics.per_image import PerImage

__all__ = [
    "Curve",
    "PerImage",
    "deletion_curve",
    "energy_inside",
    "insertion_curve",
    "iou",
    "matched_area",
    "pointing_game",
    "rank_correlation",
    "sparsity",
    "stability",
]
