"""Conditional transforms whose numbers are drawn: fresh ones are the identity, which would answer every question."""

import torch
from torch import Generator

from interpret_inn.flows import ConditionalShape, StepShape
from interpret_inn.flows.gated_scale import Gate, GatedScale
from interpret_inn.flows.kernel_mean import KernelMean

SHAPE = ConditionalShape(
    sizes=(2, 1, 3),
    steps=(StepShape(0, (1,), 4, ((1, 2),)), StepShape(2, (1, 0), 5, ((1, 2), (0, 3)))),
)
"""The group of one axis stays, the group of two depends on it, and the group of three on both."""


def drawn(module, seed=5):
    """All means, gates and scales inside, with numbers of their own."""
    generator = Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, KernelMean):
            part.centres.normal_(generator=generator)
            part.weights.normal_(generator=generator)
            part.sharpness.fill_(0.3)
            part.scales.uniform_(0.5, 1.5, generator=generator)
        if isinstance(part, Gate):
            part.slopes.normal_(generator=generator)
            part.offsets.normal_(generator=generator)
        if isinstance(part, GatedScale):
            lower = 0.5 * torch.randn(part.factors.shape, generator=generator)
            part.factors.copy_(lower.tril(-1) + torch.diag_embed(lower.diagonal(dim1=1, dim2=2).exp()))
    return module
