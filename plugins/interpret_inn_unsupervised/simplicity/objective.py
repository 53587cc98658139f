"""What the flow of `simplicity_couplings` is trained by, beside the likelihood of its codes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from nflows.transforms import Transform
from torch import Generator, Tensor, nn

from interpret_inn.errors import ConceptError
from interpret_inn.types import AxesView, LossContext
from interpret_inn.types.numbers import SMALLEST
from interpret_inn_unsupervised.recognizer import Recognizer
from interpret_inn_unsupervised.simplicity.simplicity_losses import (
    SoftMasks,
    constriction,
    perceptual_simplicity,
)
from interpret_inn_unsupervised.simplicity.turning import simplicity_loss

_EPSILON = 0.05  # of the finite differences of the flow, in standard deviations of the code
_POINTS = 32  # points of the metric looked at in one step
_AXES = 16  # axes looked at in one step
_RECTANGLES = 4  # in the mask of a factor


@dataclass(frozen=True)
class Weights:
    """How much each part of the objective counts, beside the likelihood in nats per axis.

    Attributes:
        simplicity: Of length and overlap of the axes (see `simplest_rotation`).
        orthogonality: Of the overlap beside the length.
        recognition: Of the perceptual simplicity loss, mean over factors.
        constriction: Of the share of the change outside of the masks.
        area: What a mask costs that covers the whole image, within the constriction.
        stride: Standard deviation of the steps that are recognized.
        images: Pairs of images in one step of the fit.
        ramp: Steps of the fit over which recognition and constriction grow to their weight.
    """

    simplicity: float = 1.0
    orthogonality: float = 1.0
    recognition: float = 0.1
    constriction: float = 0.1
    area: float = 0.5
    stride: float = 1.5
    images: int = 12
    ramp: int = 50

    @property
    def trains_parts(self) -> bool:
        """Whether recognizer and masks have a part in the loss."""
        return self.recognition > 0 or self.constriction > 0


class Parts(nn.Module):
    """What is trained beside the flow: the recognizer and the masks."""

    def __init__(self, channels: int, factors: int, seed: int) -> None:
        super().__init__()
        generator = Generator().manual_seed(seed)
        self.recognizer = Recognizer(channels, factors, generator)
        self.masks = SoftMasks(factors, _RECTANGLES, generator)


class Objective:
    """The extra loss.

    Args:
        view: The model as a function of the whitened axes.
        points: Leading axes of the points where the metric is known, float (n, d), and all others, (n, D − d).
        metric: There, float64 (n, d, d).
        factors: K, of one axis each.
        weights: See there.
        parts: Recognizer and masks.
    """

    def __init__(
        self, view: AxesView, points: tuple[Tensor, Tensor], metric: Tensor, *, factors: int, weights: Weights,
        parts: Parts,
    ) -> None:  # fmt: skip
        scale = metric.mean(0).diagonal().mean().clamp_min(SMALLEST)
        self.view, self.points, self.metric = view, points, (metric / scale).float()
        self.factors, self.weights, self.parts = factors, weights, parts

    def __call__(self, context: LossContext) -> Tensor:
        """The loss of one step of a fit; see `LossContext`.

        Raises:
            ConceptError: a factor has several axes.
        """
        weights, generator = self.weights, context.generator
        loss = weights.simplicity * self.simplicity(context.network.blocks, generator)
        if len(context.axes) != self.factors:
            raise ConceptError(
                f"Expected factors of one axis each for 'simplicity_couplings', found {len(context.axes)} axes for "
                f"{self.factors} factors. Leave sizes out, or fit 'simplicity'."
            )
        # the validation loss compares weights by the whole objective, however far the ramp has come
        share = 1.0 if context.validating else min(1.0, (context.step + 1) / max(weights.ramp, 1))
        if weights.trains_parts:
            recognized, outside = self.pairs(context.network.blocks, context.axes, generator)
            loss = loss + share * (weights.recognition * recognized + weights.constriction * outside)
        return loss

    def simplicity(self, blocks: Transform, generator: Generator) -> Tensor:
        """Length and overlap of the code's axes at some points."""
        chosen = torch.randint(len(self.metric), (_POINTS,), generator=generator)
        white = self.points[0][chosen]
        width = white.shape[1]
        axes = torch.randperm(width, generator=generator)[:_AXES]
        codes = blocks(white)[0]
        step = _EPSILON * torch.eye(width).to(codes)[axes]
        both = torch.cat([codes[:, None] + step, codes[:, None] - step], 1)
        moved = blocks.inverse(both.flatten(0, 1))[0].unflatten(0, both.shape[:2])
        # directions in which the flow's axes point there: columns of the inverse's Jacobian
        slopes = (moved[:, : len(axes)] - moved[:, len(axes) :]) / (2 * _EPSILON)
        metric = self.metric[chosen].to(slopes)
        return simplicity_loss(slopes @ metric @ slopes.mT, orthogonality=self.weights.orthogonality)

    def pairs(self, blocks: Transform, axes: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Perceptual simplicity, mean over factors, and constriction, of freshly drawn pairs of images.

        Args:
            blocks: The flow from the whitened axes.
            axes: The factors' axes of the code, int64 (K,).
            generator: Draws points, factors and steps.
        """
        weights = self.weights
        chosen = torch.randint(len(self.metric), (weights.images,), generator=generator)
        white, rest = self.points[0][chosen], self.points[1][chosen]
        which = torch.randint(self.factors, (len(white),), generator=generator)
        stride = weights.stride * torch.randn(len(white), generator=generator).to(white)
        with torch.no_grad():
            codes = blocks(white)[0]
        stepped = codes + stride[:, None] * nn.functional.one_hot(axes[which], codes.shape[1]).to(codes)
        back = blocks.inverse(torch.cat([codes, stepped]))[0]
        images = self.view.outputs(back, rest.repeat(2, 1)).float()
        found, found_after = self.parts.recognizer(images).chunk(2)
        before, after = images.chunk(2)
        own, own_after = codes[:, axes].to(found), stepped[:, axes].to(found)
        recognized = perceptual_simplicity(found, found_after, own, own_after, which.to(found.device))
        masks = self.parts.masks()[which]
        outside = constriction((after - before).square().mean(1), masks, area_weight=weights.area)
        return (recognized.mean() / self.factors).to(codes), outside.mean().to(codes)
