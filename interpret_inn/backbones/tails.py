"""Whether a model's tail still makes its outputs: the first run tells it by a few inputs alone."""

from __future__ import annotations

import torch
from torch import Tensor

from interpret_inn.backbones.backbone import Backbone
from interpret_inn.backbones.structures import primary
from interpret_inn.errors import warn
from interpret_inn.types.numbers import SAME_OUTPUT

_ROUNDINGS = 16
"""Outputs are the same up to this many roundings of the largest one, too, however small their spread is."""


@torch.no_grad()
def drop_wrong_tail(backbone: Backbone, z: Tensor, outputs: Tensor) -> bool:
    """Takes the tail from a backbone whose outputs for some inputs do not come from the site alone, with a warning.

    A model may treat some inputs by a rule of their own, such as an answer for images that are too dark. The tail
    knows nothing of it. It runs once here, the model not at all.

    Args:
        backbone: Its `has_tail` may become False, and its `lost_tail` True, for good.
        z: Representations of some inputs, (B, ...).
        outputs: Primary outputs of the bare model for these, (B, ...).

    Returns:
        Whether the tail was taken.
    """
    found = backbone.tail(z)
    if found is None or _equal(primary(found).detach().to(outputs), outputs.detach()):
        return False
    backbone.has_tail, backbone.lost_tail = False, True
    warn(
        f"For some inputs the output of {backbone.name} does not come from {str(backbone.address)!r} alone. From "
        "now on edited codes go through the whole model, which takes longer; redraws are fewer."
    )
    return True


def rule_of_its_own(backbone: Backbone) -> str:
    """Why a backbone has lost its tail and what to do, for errors; empty if it has not lost one."""
    if not backbone.lost_tail:
        return ""
    return (
        f"Some inputs showed that not all outputs of {backbone.name} come from {str(backbone.address)!r}: it has a "
        "rule of its own for them. Wrap the part of the model that has no such rule."
    )


def _equal(found: Tensor, outputs: Tensor) -> bool:
    """Whether outputs are the same up to rounding; NaN equals NaN."""
    if found.shape != outputs.shape:
        return False
    found, outputs = found.cpu(), outputs.cpu()  # some devices have no float64
    values = outputs.double().nan_to_num(0.0, 0.0, 0.0)
    rounding = torch.finfo(outputs.dtype).eps if outputs.is_floating_point() else 0.0
    bound = max(
        SAME_OUTPUT * float(values.std(correction=0)), _ROUNDINGS * rounding * float(values.abs().max())
    )
    return bool(torch.isclose(found.double(), outputs.double(), rtol=0, atol=bound, equal_nan=True).all())
