"""A flow that is fitted to one half of the training split, so that probes can learn from the other half.

A flow in closed form is exact on its own training samples: what its residual tells of a concept on new samples, it does
not tell there. A probe that learns from codes of these samples finds nothing, and leakage looks smaller than it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interpret_inn.backbones import Backbone
from interpret_inn.data.process import derived_seed
from interpret_inn.fitting.conditional_fit import build
from interpret_inn.fitting.fit import projected
from interpret_inn.fitting.flow_task import FlowTask
from interpret_inn.fitting.store import FitData
from interpret_inn.flows import InvertibleNetwork
from interpret_inn.translating.fitted import Fitted

_GROUPS = 20
"""Groups of training samples that there must be: of fewer, halves tell nothing."""


class HalfFit(NamedTuple):
    """A flow of the same factors, fitted to half of the training samples.

    Attributes:
        network: The flow.
        others: Indices of the training samples of all other groups, int64 (n,), ascending.
    """

    network: InvertibleNetwork
    others: Tensor


def half_fit(data: FitData, fitted: Fitted, backbone: Backbone) -> HalfFit | None:
    """Fits a conditional flow once more, to half of the groups of the training split.

    Args:
        data: What the fit was made from.
        fitted: The fit.
        backbone: The frozen network.

    Returns:
        The flow and the other half; None if the fit is not conditional, or has too few groups.
    """
    inner = fitted.network.shape.conditional
    train = data.pool.indices("train")
    groups = data.pool.groups_at(train)
    names = np.unique(groups)
    if inner is None or len(names) < _GROUPS:
        return None
    order = np.random.default_rng(derived_seed(fitted.seed, "halves")).permutation(len(names))
    half = torch.from_numpy(order[np.searchsorted(names, groups)] % 2 == 0)
    whitening = fitted.network.whitening
    task = FlowTask(backbone, data, whitening, projected(data, whitening), fitted.settings, fitted.seed)
    sizes = dict(zip(data.pool.names, inner.sizes[:-1], strict=True))
    return HalfFit(build(task, train[half], sizes).network, train[~half])
