"""Losses that sources add to a fit, each held to giving a scalar, and named where it fails."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from interpret_inn.errors import FitError, PluginError
from interpret_inn.fitting.pool import Pool, named_failure
from interpret_inn.translating.settings import LossContext


class AddedLoss:
    """The extra loss of one source.

    Args:
        source: Has `extra_loss`, and `modules` where it trains something.
        axes: Of the code that belong to its factors, int64 (m,).

    Attributes:
        source: That one.
        axes: Those.
        modules: What it trains; none or one.
        finite: Whether the last loss was.
    """

    def __init__(self, source: Any, axes: Tensor) -> None:
        self.source, self.axes, self.finite = source, axes, True
        self.modules: list[nn.Module] = [source.modules()] if hasattr(source, "modules") else []

    def __call__(self, context: LossContext) -> Tensor:
        """The loss, a scalar; a plain number is one that trains nothing.

        Raises:
            PluginError: the source raised, or gave something else.
        """
        with named_failure(self.source, "to give its extra loss"):
            found = self.source.extra_loss(context)
        if isinstance(found, int | float):
            found = torch.tensor(float(found))
        if not isinstance(found, Tensor) or found.numel() != 1:
            what = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
            raise PluginError(
                f"Expected extra_loss of the concept source {self.source.name!r} to give a scalar tensor, found {what}."
            )
        self.finite = bool(found.detach().isfinite())
        scalar: Tensor = found.reshape(())
        return scalar

    def refuse_not_finite(self) -> None:
        """Raises FitError where the last loss was NaN or infinite."""
        if not self.finite:
            raise FitError(
                f"Expected a finite extra_loss of the concept source {self.source.name!r}, found NaN or infinity in "
                "step after step. Look at what it computes, or lower its weight."
            )


def extra_losses(pool: Pool, owner: Tensor) -> list[AddedLoss]:
    """Of all sources that have one.

    Args:
        pool: The sources.
        owner: The factor of each axis, int64 (d,).
    """
    return [
        AddedLoss(part.source, torch.isin(owner, part.columns).nonzero()[:, 0])
        for part in pool.parts
        if hasattr(part.source, "extra_loss")
    ]
