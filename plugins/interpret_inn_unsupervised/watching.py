"""What sources share that look for axes in a model's images, and rotate the flow to those that they find."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from interpret_inn.errors import ConceptError
from interpret_inn.types import AxesView, Plan
from interpret_inn_unsupervised.independent import IndependentSource, numbered, unlabelled
from interpret_inn_unsupervised.orthogonal import nearest_orthogonal, rotation_to

WIDEST = 4096
"""All axes of a representation are taken up to this number."""


def require_images(outputs: Tensor) -> None:
    """Raises ConceptError if outputs are no images (B, C, H, W)."""
    if outputs.ndim != 4:
        raise ConceptError(
            f"Expected a model that makes images, (B, C, H, W), found outputs {tuple(outputs.shape)}. Wrap a generator "
            "or an autoencoder, or take the concept source 'unsupervised'."
        )


def own_axes(view: AxesView) -> Tensor:
    """The representation's own coordinates, as they are: raw latents.

    Args:
        view: The model as a function of the whitened axes.

    Returns:
        float64 (d, d), orthonormal columns: the d coordinates that the axes hold most of. Whitening turns the
        coordinates and scales them a little; the nearest orthogonal matrix undoes the turn.

    Raises:
        ConceptError: more than 4,096 coordinates.
    """
    width = view.width
    if width > WIDEST:
        raise ConceptError(
            f"Expected a representation of at most {WIDEST} coordinates for method='latents', found {width}. Choose "
            "the latents as the site, or another method."
        )
    seen = view.seen(torch.eye(width)).cpu().double()
    kept = seen.norm(dim=1).argsort(descending=True, stable=True)[: view.axes].sort().values
    return nearest_orthogonal(seen[kept].T)


class WatchingSource(IndependentSource):
    """Finds axes by what the model makes of them, and rotates the flow's axes to these.

    Attributes:
        settings: Of the fit, unless its caller says otherwise: all axes, and no couplings.
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


def about_width(view: AxesView) -> tuple[str, ...]:
    """A note for the report if the whitened axes are not all of the representation."""
    if view.axes == view.width:
        return ()
    return (
        f"Only {view.axes} of the {view.width} axes of the representation are looked at, those of most variance; the "
        "others belong to the residual. More samples, or axes=…, take more.",
    )
