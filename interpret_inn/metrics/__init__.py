"""Scores as pure functions of arrays.

Scores of masks and of codes with known factors can be imported from here; probes and distances of images, from the
files of this room.
"""

from typing import TYPE_CHECKING

from interpret_inn.metrics.disentanglement import (
    CodeScore,
    beta_vae_score,
    beta_vae_score_of_batches,
    dci,
    discretise,
    explicitness,
    factor_vae_score,
    factor_vae_score_of_batches,
    irs,
    mig,
    modularity,
    mutual_information,
    sap,
    total_correlation,
)
from interpret_inn.metrics.faithfulness import (
    Curve,
    deletion_curve,
    insertion_curve,
    rank_correlation,
    stability,
)
from interpret_inn.metrics.localization import energy_inside, iou, matched_area, pointing_game, sparsity
from interpret_inn.metrics.per_image import PerImage
from interpret_inn.renamed import old_names

__all__ = [
    "CodeScore",
    "Curve",
    "PerImage",
    "beta_vae_score",
    "beta_vae_score_of_batches",
    "dci",
    "deletion_curve",
    "discretise",
    "energy_inside",
    "explicitness",
    "factor_vae_score",
    "factor_vae_score_of_batches",
    "insertion_curve",
    "iou",
    "irs",
    "matched_area",
    "mig",
    "modularity",
    "mutual_information",
    "pointing_game",
    "rank_correlation",
    "sap",
    "sparsity",
    "stability",
    "total_correlation",
]

if not TYPE_CHECKING:  # type checkers refuse unknown names themselves
    __getattr__ = old_names(__name__)
