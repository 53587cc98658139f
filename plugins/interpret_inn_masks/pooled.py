"""A factor's map for a flow that is fitted to the mean over positions: what each position adds to that mean."""

from __future__ import annotations

import torch
from torch import Tensor

from interpret_inn.backbones import Layout
from interpret_inn.localizing import FactorReader, Translator


def removal_strength(translator: Translator, reader: FactorReader, prepared: Tensor) -> Tensor:
    """How much of a factor's value is gone when one position no longer stands out, float (B, P).

    With `r_p` the rows of one input and `r̄` their mean, position `p` is given the median row: the mean becomes
    `r̄ − (r_p − median r) / P`. The strength is how far the code moves back along its own deviation from the centre;
    positions that speak against the factor get 0.

    Args:
        translator: Fitted with the layout `pooled`.
        reader: Of the factor.
        prepared: `B` inputs as the model takes them.
    """
    fitted = translator.fitted
    z = translator.backbone.represent(prepared)
    rows = Layout("positions", fitted.layout.order, fitted.layout.prefix).to_rows(z)[0]
    rows = rows.reshape(len(prepared), -1, rows.shape[-1])
    mean, usual = rows.mean(1), rows.median(1).values
    without = mean[:, None] - (rows - usual[:, None]) / rows.shape[1]

    def deviation(means: Tensor) -> Tensor:
        codes = fitted.network(means.to(fitted.network.whitening.mean))[0]
        return reader.deviation(codes[..., reader.factor.slice])

    own = deviation(mean)
    left = deviation(without.flatten(0, 1)).reshape(*without.shape[:2], -1)
    return ((own[:, None] - left) * torch.nn.functional.normalize(own)[:, None]).sum(-1).clamp_min(0)
