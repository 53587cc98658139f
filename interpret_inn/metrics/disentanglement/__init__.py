"""The field's scores of codes against known factors, as functions of arrays: codes (N, D), factors (N, K)."""

from interpret_inn.metrics.disentanglement.beta_vae import beta_vae_score, beta_vae_score_of_batches
from interpret_inn.metrics.disentanglement.correlation import total_correlation
from interpret_inn.metrics.disentanglement.explicit import explicitness
from interpret_inn.metrics.disentanglement.factor_vae import factor_vae_score, factor_vae_score_of_batches
from interpret_inn.metrics.disentanglement.importance import dci
from interpret_inn.metrics.disentanglement.information import discretise, mig, modularity, mutual_information
from interpret_inn.metrics.disentanglement.inputs import Groups
from interpret_inn.metrics.disentanglement.intervention import irs
from interpret_inn.metrics.disentanglement.matrices import completeness_of, disentanglement_of, modularity_of
from interpret_inn.metrics.disentanglement.record import CodeScore
from interpret_inn.metrics.disentanglement.separability import sap

__all__ = [
    "CodeScore",
    "Groups",
    "beta_vae_score",
    "beta_vae_score_of_batches",
    "completeness_of",
    "dci",
    "discretise",
    "disentanglement_of",
    "explicitness",
    "factor_vae_score",
    "factor_vae_score_of_batches",
    "irs",
    "mig",
    "modularity",
    "modularity_of",
    "mutual_information",
    "sap",
    "total_correlation",
]
