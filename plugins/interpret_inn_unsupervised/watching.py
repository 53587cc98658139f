"""What sources share that weigh axes by the model's images and rotate the flow to those that they find."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from interpret_inn.types import AxesView, Plan
from interpret_inn_unsupervised.independent import IndependentSource, numbered, unlabelled
from interpret_inn_unsupervised.seeing import WIDEST


class WatchingSource(IndependentSource):
    """Finds axes by what the model makes of them, and rotates the flow's axes to these.

    Attributes:
        settings: What the fit takes where its caller says nothing: all axes, and no couplings.
    """

    settings: Mapping[str, object] = {
        "explained": 1.0,
        "axes": WIDEST,
        "samples_per_axis": 1.0,
        "blocks": 0,
    }

    def begun_at(self, axes: Tensor, *, factors: int, notes: tuple[str, ...]) -> Plan:
        """A plan with one factor for each of the first axes that were found, float64 (d, d), orthonormal columns."""
        sizes = numbered(factors)
        self.concepts = unlabelled(sizes)
        return Plan(concepts=self.concepts, sizes=sizes, notes=notes, rotation=partial(rotation_to, axes))


def rotation_to(axes: Tensor, span: Tensor) -> Tensor:
    """Rotates axes to those that were found, in their order.

    Args:
        axes: float64 (d, d), orthonormal columns.
        span: float (d, m), orthonormal columns: the axes that are free to be rotated.

    Returns:
        An orthogonal matrix, float64 (m, m).
    """
    # the nearest orthogonal matrix; where all axes are free, exactly those that were found
    left, _, right = torch.linalg.svd(span.double().cpu().T @ axes[:, : span.shape[1]])
    rotation: Tensor = left @ right
    return rotation


def about_width(view: AxesView) -> tuple[str, ...]:
    """What to know where the whitened axes are not all of the representation."""
    if view.axes == view.width:
        return ()
    return (
        f"Only {view.axes} of the {view.width} axes of the representation are looked at, those of most variance; the "
        "others belong to the residual. More samples, or axes=…, take more.",
    )
