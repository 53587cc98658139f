"""The invertible network: transforms on nflows' interface, and the likelihoods they are fitted by."""

from interpret_inn.flows.coupling import CouplingBlock
from interpret_inn.flows.likelihoods import (
    log_likelihood,
    owners,
    pair_log_likelihood,
    pair_log_ratio,
    spread,
)
from interpret_inn.flows.network import FlowShape, InvertibleNetwork
from interpret_inn.flows.rotation import Rotation, aligning_matrix
from interpret_inn.flows.whitening import Whitening, fit_whitening

__all__ = [
    "CouplingBlock",
    "FlowShape",
    "InvertibleNetwork",
    "Rotation",
    "Whitening",
    "aligning_matrix",
    "fit_whitening",
    "log_likelihood",
    "owners",
    "pair_log_likelihood",
    "pair_log_ratio",
    "spread",
]
