"""The contract of `prepare`: a concept source is shown made-up data, and each part of its plan is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from interpret_inn.backbones import Backbone
from interpret_inn.errors import PluginError
from interpret_inn.fitting.plans import checked_plan, orthogonal
from interpret_inn.fitting.source_losses import TrainingContext
from interpret_inn.flows import FlowShape, InvertibleNetwork, Whitening
from interpret_inn.testing.toys import ToyView
from interpret_inn.types import ConceptSource, LossContext, Plan, Preparation

AXES = 64
"""Axes of the made-up representation."""
_TRIED_STEPS = (0, 1, 50, 1000)
"""Steps at which a loss must be finite: a weight that rises or falls may divide by 0 at one of them."""


@dataclass(frozen=True)
class Rehearsal:
    """The outcome of a call of `prepare`.

    Attributes:
        source: A copy of the source, prepared.
        plan: Its plan; None if there is none that can be used.
        broken: What is wrong with it, in sentences.
        error: What it raised.
    """

    source: ConceptSource
    plan: Plan | None = None
    broken: tuple[str, ...] = ()
    error: Exception | None = None


def rehearsed(source: ConceptSource, *, seed: int) -> Rehearsal:
    """Calls `prepare` as a fit does, with made-up data."""
    context, matrix = toy_preparation(len(source.samples), seed=seed)
    kept = [tensor.clone() for tensor in (context.white, context.variances, matrix)]
    try:
        with torch.no_grad():
            found = source.prepare(context)
    except Exception as error:
        return Rehearsal(source, error=error)
    broken = []
    if not all(map(torch.equal, kept, (context.white, context.variances, matrix))):
        broken.append("Changes what it is shown, which belongs to the fit.")
    try:
        plan = checked_plan(source, found)
    except PluginError as error:
        return Rehearsal(source, broken=(*broken, str(error)))
    count = len(source.concepts if plan.concepts is None else plan.concepts)
    if count >= AXES:
        broken.append(f"Wants {count} factors of {AXES} axes, of which the residual needs one.")
    else:
        wanted = sum(map(int, plan.sizes.values())) + count - len(plan.sizes)
        if wanted >= AXES:
            broken.append(f"Wants {wanted} axes for its factors of {AXES}, of which the residual needs one.")
    return Rehearsal(source, plan, tuple(broken))


def toy_preparation(samples: int, *, seed: int) -> tuple[Preparation, Tensor]:
    """A made-up context for `samples` samples, and the matrix that its `output_gradients` returns, float64 (d, d)."""
    generator = Generator().manual_seed(seed)
    white = torch.randn(7 * samples // 10, AXES, generator=generator)
    pulled = torch.randn(2 * AXES, AXES, generator=generator, dtype=torch.float64)
    matrix = pulled.T @ pulled
    variances = torch.linspace(2, 0, AXES).exp()
    view = ToyView(AXES, seed=seed)
    return Preparation(white, variances, lambda: matrix, view, Generator().manual_seed(seed)), matrix


def rotated_axes(rotation: Callable[[Tensor], Tensor], *, seed: int) -> Iterator[str]:
    """Calls `rotation` as a fit does, with all axes and with those that other sources leave; says what is wrong."""
    generator = Generator().manual_seed(seed)
    for count in (AXES, AXES - 10):
        span = torch.linalg.qr(torch.randn(AXES, count, generator=generator)).Q
        kept = span.clone()
        found = torch.as_tensor(rotation(span))
        if not torch.equal(span, kept):
            yield "Changes the axes that it is to rotate, which belong to the fit."
        try:
            orthogonal(found, count)
        except ValueError as error:
            yield f"Rotates {count} axes by {error}"
            return
        if not torch.equal(found, torch.as_tensor(rotation(kept))):
            yield "Rotates the same axes another way at the second time, so no fit could be resumed."
            return


def added_loss(
    loss: Callable[[LossContext], Tensor | float],
    modules: Callable[[], nn.Module] | None,
    *,
    axes: int,
    seed: int,
) -> Iterator[str]:
    """Calls `modules` and `loss` of a plan as a fit does, and says what is wrong with them.

    Args:
        loss: The plan's.
        modules: The plan's.
        axes: How many belong to the source's factors.
        seed: Of the flow and the draws.
    """
    module = nn.Module() if modules is None else modules()
    if not isinstance(module, nn.Module):
        yield f"Expected modules() to return an nn.Module, found {type(module).__name__}."
        return
    tried = _Trial(loss, axes, seed)
    infinite = list(_not_finite(tried))
    if infinite:
        yield from infinite
        return
    with torch.enable_grad():
        found = tried(validating=False)
    if not isinstance(found, Tensor | int | float) or (isinstance(found, Tensor) and found.numel() != 1):
        what = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        yield f"Expected loss() to return a scalar tensor, found {what}."
        return
    if tried.sets_modes:
        yield "Sets the mode of the model by train() or eval(); the model is the user's, in evaluation mode."
    scalar = torch.as_tensor(found).reshape(())
    yield from _trains(scalar, tried.network.blocks, module)
    with torch.no_grad():
        first, second = (float(tried(validating=True)) for _ in range(2))
    if first != second:
        yield "Gives another loss for the same draws, so no weights could be compared. Draw from context.generator."


def _not_finite(tried: _Trial) -> Iterator[str]:
    """Says at which step the loss is NaN or infinite, if it is; what is no number is for others to tell."""
    for validating in (False, True):
        for step in _TRIED_STEPS:
            with torch.set_grad_enabled(not validating):
                found = tried(validating=validating, step=step)
            if not isinstance(found, Tensor | int | float):
                continue
            values = torch.as_tensor(found).detach()
            if not bool(values.isfinite().all()):
                where = "in validation (validating=True)" if validating else "in training"
                what = f"{float(values):g}" if values.numel() == 1 else "NaN or infinity"
                yield f"Expected loss() to return a finite number, found {what} {where} at step {step}."
                return


class _Trial:
    """The loss of a plan, for a small flow and the model of `ToyView`.

    Attributes:
        network: The flow.
        sets_modes: Whether the loss ever left a module of the model in training mode.
    """

    def __init__(self, loss: Callable[[LossContext], Tensor | float], axes: int, seed: int) -> None:
        self._loss, self._axes, self._seed, self.sets_modes = loss, axes, seed, False
        whitening = Whitening(torch.zeros(AXES), torch.eye(AXES), torch.ones(AXES), 1.0, 0.01)
        shape = FlowShape(AXES, AXES, 2, 8, 1)
        self.network = InvertibleNetwork(whitening, shape, Generator().manual_seed(seed))
        model = nn.Sequential(_Decoder(ToyView(AXES, seed=seed).weights)).eval()
        self._backbone = Backbone(model, "0:in", preprocess="identity")
        self._backbone.represent(torch.zeros(2, AXES))

    def __call__(self, *, validating: bool, step: int = 0) -> Tensor | float:
        """What it gives at a step, with the same draws each time."""
        generator = Generator().manual_seed(self._seed)
        axes = torch.arange(self._axes)
        context = TrainingContext(self.network, self._backbone, generator, step, axes, validating=validating)
        found = self._loss(context)
        self.sets_modes |= any(module.training for module in self._backbone.model.modules())
        return found


class _Decoder(nn.Module):
    """What `ToyView` makes of its axes, as a module."""

    weights: Tensor

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", weights)

    def forward(self, codes: Tensor) -> Tensor:
        images: Tensor = torch.tanh(codes @ self.weights / 4).reshape(-1, 1, 8, 8)
        return images


def _trains(loss: Tensor, blocks: nn.Module, module: nn.Module) -> Iterator[str]:
    """What is wrong with the gradients of a loss by the weights of the flow and of the plan's module."""
    own = [weights for weights in module.parameters() if weights.requires_grad]
    weights = [*blocks.parameters(), *own]
    gradients: tuple[Tensor | None, ...] = (None,) * len(weights)
    if loss.requires_grad:
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    if all(gradient is None for gradient in gradients):
        yield "Expected a loss that depends on the flow or on what modules() returns, found one that trains nothing."
    elif own and all(gradient is None for gradient in gradients[-len(own) :]):
        yield "Expected a loss that depends on what modules() returns, found one that never trains it."
    if any(gradient is not None and not bool(gradient.isfinite().all()) for gradient in gradients):
        yield "Expected finite gradients of loss(), found NaN or infinity."
