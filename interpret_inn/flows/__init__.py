"""The invertible network: transforms on nflows' interface, and the likelihoods they are fitted by."""

from interpret_inn.flows.conditional import Conditional, ConditionalShape, Step, StepShape
from interpret_inn.flows.coupling import CouplingBlock
from interpret_inn.flows.exact_whitening import ExactWhitening
from interpret_inn.flows.gated_scale import fit_gate, fit_gated_scale, nearest_anchors
from interpret_inn.flows.kernel_mean import KernelMean, fit_kernel_mean
from interpret_inn.flows.likelihoods import (
    log_likelihood,
    owners,
    pair_log_likelihood,
    pair_log_ratio,
    spread,
)
from interpret_inn.flows.network import FlowShape, InvertibleNetwork
from interpret_inn.flows.rotation import Rotation, aligning_matrix, pair_covariances, shared_axes
from interpret_inn.flows.shuffling import shuffle_weights
from interpret_inn.flows.whitening import Whitening, fit_whitening

__all__ = [
    "Conditional",
    "ConditionalShape",
    "CouplingBlock",
    "ExactWhitening",
    "FlowShape",
    "InvertibleNetwork",
    "KernelMean",
    "Rotation",
    "Step",
    "StepShape",
    "Whitening",
    "aligning_matrix",
    "fit_gate",
    "fit_gated_scale",
    "fit_kernel_mean",
    "fit_whitening",
    "log_likelihood",
    "nearest_anchors",
    "owners",
    "pair_covariances",
    "pair_log_likelihood",
    "pair_log_ratio",
    "shared_axes",
    "shuffle_weights",
    "spread",
]
