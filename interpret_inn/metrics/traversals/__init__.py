"""How much images change along the axes of a code, by a distance of the caller's choice."""

from interpret_inn.metrics.traversals.distances import (
    Distance,
    FeatureDistance,
    ms_ssim_distance,
    multi_scale_pixels,
    pixel_distance,
)
from interpret_inn.metrics.traversals.lengths import TraversalLengths, tpl
from interpret_inn.metrics.traversals.ranking import Ranking, RotationCurve, rank, rotation_curve

__all__ = [
    "Distance",
    "FeatureDistance",
    "Ranking",
    "RotationCurve",
    "TraversalLengths",
    "ms_ssim_distance",
    "multi_scale_pixels",
    "pixel_distance",
    "rank",
    "rotation_curve",
    "tpl",
]
