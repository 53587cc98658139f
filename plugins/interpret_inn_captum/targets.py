"""The number that captum attributes: one for each image, as a module that its hooks can work on."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from interpret_inn.backbones import primary
from interpret_inn.errors import LocalizerError
from interpret_inn.localizing import FactorReader, Translator
from interpret_inn_captum.guarding import randomness_kept

Target = Literal["factor", "output"] | int | Callable[..., Tensor]
Reads = Literal["outputs", "codes"]


class Scalar(nn.Module):
    """One number for each image.

    Captum repeats images and what comes with them in one way, so that what belongs to an image (its own codes, its
    own class) is passed as a second argument and never remembered by place.

    Args:
        model: The network, so that captum's hooks find its parts.
        read: From images (N, ...) to what is looked at, (N, ...).
        reduce: From that and the same of the unchanged images to numbers (N,).
    """

    def __init__(
        self, model: nn.Module, read: Callable[[Tensor], Tensor], reduce: Callable[[Tensor, Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.model = model
        self.training = False
        self.read, self.reduce = read, reduce

    def forward(self, inputs: Tensor, unchanged: Tensor) -> Tensor:
        """Numbers (N,) of images (N, ...), given what is read from the same images unchanged."""
        with randomness_kept(inputs.device):  # a model with noise of its own must not repeat captum's draws
            found = self.read(inputs)
        return self.reduce(found, unchanged)


def scalar_of(translator: Translator, factor: str, target: Target, reads: Reads) -> Scalar:
    """The number that `target` stands for; see `build`.

    Raises:
        LocalizerError: it stands for none.
    """
    backbone, reader = translator.backbone, FactorReader(translator, factor)

    def outputs(inputs: Tensor) -> Tensor:
        found: Tensor = primary(backbone.outputs(inputs))
        return found

    if target == "factor":
        return Scalar(backbone.model, reader.codes, _projection(reader))
    if callable(target):
        read = reader.codes if reads == "codes" else outputs
        return Scalar(backbone.model, read, _checked(target))
    return Scalar(backbone.model, outputs, _logit(target))


def check_target(target: Any, reads: Any) -> None:
    """Raises LocalizerError if `target` or `reads` has another form than `build` takes."""
    whole = isinstance(target, int) and not isinstance(target, bool)
    if not (target in ("factor", "output") if isinstance(target, str) else whole or callable(target)):
        raise LocalizerError(
            f'Expected target="factor", "output" (the predicted class), the number of an output, or a callable from '
            f"outputs to (B,), found {target!r}."
        )
    if reads not in ("outputs", "codes"):
        raise LocalizerError(f'Expected reads="outputs" or reads="codes", found {reads!r}.')


def _projection(reader: FactorReader) -> Callable[[Tensor, Tensor], Tensor]:
    def reduce(codes: Tensor, unchanged: Tensor) -> Tensor:
        direction = nn.functional.normalize(reader.deviation(unchanged.detach()))
        return (reader.deviation(codes) * direction).sum(1)

    return reduce


def _logit(target: Literal["output"] | int) -> Callable[[Tensor, Tensor], Tensor]:
    def reduce(outputs: Tensor, unchanged: Tensor) -> Tensor:
        if outputs.ndim != 2:
            raise LocalizerError(
                f"Expected outputs (B, classes) for target={target!r}, found {tuple(outputs.shape)}. Type "
                "target=callable, which maps outputs to (B,)."
            )
        if target == "output":
            return outputs.gather(1, unchanged.argmax(1, keepdim=True))[:, 0]
        if not -outputs.shape[1] <= target < outputs.shape[1]:
            raise LocalizerError(f"Expected target to be one of {outputs.shape[1]} outputs, found {target}.")
        return outputs[:, target]

    return reduce


def _checked(target: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    two = _arguments(target) > 1

    def reduce(found: Tensor, unchanged: Tensor) -> Tensor:
        numbers = target(found, unchanged) if two else target(found)
        if not isinstance(numbers, Tensor) or numbers.shape != found.shape[:1]:
            shape = tuple(numbers.shape) if isinstance(numbers, Tensor) else type(numbers).__name__
            raise LocalizerError(
                f"Expected target to give one number for each image, ({len(found)},), found {shape}."
            )
        return numbers

    return reduce


def _arguments(function: Callable[..., Any]) -> int:
    """How many arguments by place it has that have no default; 1 if it has no signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in by_place and one.default is inspect.Parameter.empty for one in parameters)


def unchanged_of(scalar: Scalar, prepared: Tensor, *, at_once: int) -> Tensor:
    """What the scalar looks at in images as they are, detached, (B, ...)."""
    with torch.no_grad():
        return torch.cat([scalar.read(part) for part in prepared.split(at_once)]).detach()
