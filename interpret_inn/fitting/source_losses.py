"""Losses that sources add to a fit: each must give a scalar, and errors name its source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from interpret_inn.backbones import Backbone
from interpret_inn.errors import FitError, PluginError
from interpret_inn.fitting.pool import Pool, PooledSource, named_failure
from interpret_inn.flows import InvertibleNetwork
from interpret_inn.types.members import names_nearest


@names_nearest
@dataclass(frozen=True)
class TrainingContext:
    """What the loss of a plan is given: a `LossContext`, with the model.

    Attributes:
        network: The flow that is being fitted.
        backbone: The frozen network; its weights get no gradient.
        generator: The only source of randomness to draw from.
        step: The step that is being taken, from 0; in validation, the number of steps taken.
        axes: The axes of the code that belong to the source's own factors, int64 (m,).
        validating: Whether this is validation: nothing is trained, and draws are the same each time.
    """

    network: InvertibleNetwork
    backbone: Backbone
    generator: Generator
    step: int
    axes: Tensor
    validating: bool = False


class AddedLoss:
    """The loss that one source adds.

    Args:
        entry: The source, whose plan has a loss.
        axes: Of the code that belong to its factors, int64 (m,).

    Attributes:
        source: The source.
        axes: As given.
        modules: The modules that the loss trains; none or one.
        finite: Whether the last loss was finite.

    Raises:
        PluginError: `modules` of the plan raised, or returned no module.
    """

    def __init__(self, entry: PooledSource, axes: Tensor) -> None:
        assert entry.plan.loss is not None
        self.source, self._loss, self._make_module = entry.source, entry.plan.loss, entry.plan.modules
        self.axes, self.finite = axes, True
        self.modules = self._modules()

    def __call__(self, context: TrainingContext) -> Tensor:
        """The loss, a scalar. A source may give a plain number, which trains nothing.

        The frozen network stays in evaluation mode for the rest of the fit, even if the loss sets another mode.

        Raises:
            PluginError: the source raised, or returned something else.
        """
        with named_failure(self.source, "to compute its loss"), _modes_kept(context.backbone.model):
            found = self._loss(context)
        if isinstance(found, int | float):
            found = torch.tensor(float(found))
        if not isinstance(found, Tensor) or found.numel() != 1:
            what = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
            raise PluginError(
                f"Expected the loss of the concept source {self.source.name!r} to be a scalar tensor, found {what}."
            )
        self.finite = bool(found.detach().isfinite())
        return found.reshape(())

    def refuse_not_finite(self, when: str = "in step after step") -> None:
        """Raises FitError if the last loss was NaN or infinite; `when` says so in words."""
        if not self.finite:
            raise FitError(
                f"Expected a finite loss of the concept source {self.source.name!r}, found NaN or infinity {when}. "
                "Look at what it computes, or lower its weight."
            )

    def _modules(self) -> list[nn.Module]:
        if self._make_module is None:
            return []
        with named_failure(self.source, "to give the modules of its loss"):
            module = self._make_module()
        if not isinstance(module, nn.Module):
            raise PluginError(
                f"Expected modules() in the plan of the concept source {self.source.name!r} to return an nn.Module, "
                f"found {type(module).__name__}."
            )
        return [module]


@contextmanager
def _modes_kept(model: nn.Module) -> Iterator[None]:
    """Gives back the training flag of each module, which `train()` and `eval()` set."""
    found = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in found:
            if module.training != training:
                module.training = training


def added_losses(pool: Pool, owner: Tensor) -> list[AddedLoss]:
    """The losses of all sources whose plan has one.

    Args:
        pool: The sources.
        owner: The factor of each axis, int64 (d,).
    """
    return [
        AddedLoss(part, torch.isin(owner, part.columns).nonzero()[:, 0])
        for part in pool.parts
        if part.plan.loss is not None
    ]
