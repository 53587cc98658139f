"""What sources share that judge axes by the model's images, and turn the flow to those that they find."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from interpret_inn.errors import ConceptError
from interpret_inn.types import AxesView, Samples
from interpret_inn_unsupervised.independent import IndependentSource
from interpret_inn_unsupervised.seeing import WIDEST


class WatchingSource(IndependentSource):
    """Watches the model, finds axes, and turns the flow's axes to these.

    Args:
        samples: What is to be encoded.
        sizes: Numbers of axes by factor, until others are chosen.

    Attributes:
        axes: Orthonormal columns that were found, float64 (d, d); None before.
        settings: What the fit takes where its caller says nothing: all axes, and no couplings.
    """

    settings: Mapping[str, object] = {
        "explained": 1.0,
        "axes": WIDEST,
        "samples_per_axis": 1.0,
        "blocks": 0,
    }

    def __init__(self, samples: Samples, sizes: Mapping[str, int]) -> None:
        super().__init__(samples, sizes)
        self.axes: Tensor | None = None
        self._view: AxesView | None = None

    def watch(self, view: AxesView) -> None:
        """Keeps the model as a function of the axes, for `see`."""
        self._view = view

    def watched(self) -> AxesView:
        """The model as a function of the axes.

        Raises:
            ConceptError: there was no `watch` yet.
        """
        if self._view is None:
            raise ConceptError(
                "Expected to watch the model before seeing its representation. Type watch(view)."
            )
        return self._view

    def turn(self, span: Tensor) -> Tensor:
        """Turns axes to those that were found, in their order.

        Args:
            span: float (d, m), orthonormal columns: the axes that are free to be turned.

        Returns:
            An orthogonal matrix, float64 (m, m).
        """
        if self.axes is None:
            return torch.eye(span.shape[1], dtype=torch.float64)
        # the nearest orthogonal matrix; where all axes are free, exactly those that were found
        left, _, right = torch.linalg.svd(span.double().cpu().T @ self.axes[:, : span.shape[1]])
        turned: Tensor = left @ right
        return turned


def about_width(view: AxesView) -> tuple[str, ...]:
    """What to know where the whitened axes are not all of the representation."""
    if view.axes == view.width:
        return ()
    return (
        f"Only {view.axes} of the {view.width} axes of the representation are looked at, those of most variance; the "
        "others belong to the residual. More samples, or axes=…, take more.",
    )
