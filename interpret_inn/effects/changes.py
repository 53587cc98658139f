"""How the model's output differs after a change: of one factor's code, or of one concept in the input.

`measure` computes the figures of each input, batch by batch; `RedrawEffects.scores` sums them up over inputs, with
bootstrap intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.types import FloatArray, IntArray, Score

Target = int | Callable[[Tensor], Tensor] | None
"""What of the output to watch; see `measure`."""

OutputKind = Literal["classes", "image", "scalar"]
"""What outputs are: logits of classes, images, or other numbers."""


def output_kind(outputs: Tensor) -> OutputKind:
    """The kind of outputs by their shape: (B, C) with C ≥ 2 logits, (B, C, H, W) images, anything else a scalar."""
    if outputs.ndim == 2 and outputs.shape[1] >= 2:
        return "classes"
    return "image" if outputs.ndim == 4 else "scalar"


class RedrawEffects(NamedTuple):
    """The effects of edits, for each of B inputs: means over M edits, float64 (B,), NaN if one has no meaning.

    Attributes:
        flip: Share of edits that changed the predicted class.
        kl: KL divergence from the unedited to the edited prediction, nats.
        class_std: Standard deviation (dividing by M) of the predicted class's index over the edits.
        change: Absolute change of the target.
    """

    flip: FloatArray
    kl: FloatArray
    class_std: FloatArray
    change: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[RedrawEffects]) -> RedrawEffects:
        """The effects of several batches as one."""
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def in_units(self, unit: float) -> RedrawEffects:
        """The same with changes in this unit."""
        return self._replace(change=self.change / unit)

    def scores(
        self,
        kind: OutputKind,
        *,
        groups: IntArray | None = None,
        weights: FloatArray | None = None,
        seed: int = 0,
    ) -> ChangeScores:
        """Means over inputs, with intervals that draw whole groups (B,) of inputs; weights (B,) are above 0."""

        def mean(values: FloatArray, *, share: bool = False) -> Score:
            return bootstrap_mean(values, groups, weights=weights, seed=seed, share=share)

        if kind != "classes":
            nothing = Score(math.nan)
            return ChangeScores(nothing, nothing, nothing, mean(self.change))
        return ChangeScores(
            mean(self.flip, share=True), mean(self.kl), mean(self.class_std), mean(self.change)
        )


class ChangeScores(NamedTuple):
    """The effects of edits over inputs; NaN if one has no meaning.

    Attributes:
        flip_rate: Share of edits that changed the predicted class.
        kl: Mean KL divergence, nats.
        class_std: Mean standard deviation of the predicted class's index.
        change: Mean absolute change of the target.
    """

    flip_rate: Score
    kl: Score
    class_std: Score
    change: Score


@torch.no_grad()
def measure(
    base_outputs: Tensor,
    edited_outputs: Tensor,
    *,
    kind: OutputKind,
    target: Target = None,
    value_range: float | None = None,
) -> RedrawEffects:
    """The effects of M edits on the outputs of each of B inputs.

    The target is: a function from outputs (B, ...) to scores (B,); or the number of a class (its
    probability) or of an output column; or by default the probability of the class predicted without
    edit, all columns (mean absolute change), or the image (root mean squared difference).

    Args:
        base_outputs: Outputs without edit, (B, C) logits, (B, C, H, W) images or (B, ...) numbers.
        edited_outputs: Outputs with edits, (M, B, ...).
        kind: What the outputs are.
        target: As above.
        value_range: Of images: the width of the range of values; None: the largest minus the smallest of these
            unedited outputs.

    Raises:
        InputError: Shapes do not fit, or the target is not among the outputs or gives another shape.
    """
    if edited_outputs.shape[1:] != base_outputs.shape:
        raise InputError(
            f"Expected edited outputs (M, {', '.join(map(str, base_outputs.shape))}), "
            f"found {tuple(edited_outputs.shape)}."
        )
    if not len(edited_outputs):
        raise InputError("Expected the outputs of at least one edit, found none.")
    base = base_outputs.detach().cpu()
    classes = kind == "classes"
    if classes and (base.ndim != 2 or base.shape[1] < 2):
        raise InputError(
            f"Expected logits (B, C) of at least two classes, found outputs {tuple(base.shape)}."
        )
    score = _score_function(base, kind=kind, target=target, value_range=value_range)
    flips, divergences, indices, changes = [], [], [], []
    before = base.double().log_softmax(1) if classes else base
    for outputs in edited_outputs:
        edited = outputs.detach().cpu()
        changes.append(score(edited))
        if classes:
            after = edited.double().log_softmax(1)
            divergences.append((before.exp() * (before - after)).sum(1).clamp_min(0))  # rounding
            indices.append(edited.argmax(1).double())
            flips.append((edited.argmax(1) != base.argmax(1)).double())
    nothing = np.full(len(base), math.nan)
    return RedrawEffects(
        flip=_numbers(torch.stack(flips).mean(0)) if classes else nothing,
        kl=_numbers(torch.stack(divergences).mean(0)) if classes else nothing,
        class_std=_numbers(torch.stack(indices).std(0, correction=0)) if classes else nothing,
        change=_numbers(torch.stack(changes).mean(0)),
    )


def _score_function(
    base: Tensor, *, kind: OutputKind, target: Target, value_range: float | None
) -> Callable[[Tensor], Tensor]:
    """A function from edited outputs (B, ...) to absolute changes of the target (B,)."""
    if callable(target):
        reference = _called(target, base)
        return lambda edited: (_called(target, edited) - reference).abs()
    if target is not None and not isinstance(target, (int, np.integer)):
        raise InputError(
            f"Expected a target that is the index of an output, or a function of outputs, found {target!r}."
        )
    if target is not None and kind == "image":
        raise InputError(
            f"Expected a function as target where outputs are images, found {target!r}. "
            "Type one that gives a score for each image: target=lambda images: images.mean((1, 2, 3)), say."
        )
    if kind == "image":
        spread = float(base.max() - base.min()) if value_range is None else value_range
        scale = spread if spread > 0 else 1.0
        return lambda edited: ((edited - base).double() / scale).flatten(1).square().mean(1).sqrt()
    columns = base.reshape(len(base), -1)
    if target is not None and not -columns.shape[1] <= target < columns.shape[1]:
        raise InputError(f"Expected a target from 0 to {columns.shape[1] - 1}, found {target}.")
    if kind == "classes":
        picked = base.argmax(1) if target is None else torch.full((len(base),), target % base.shape[1])
        before = base.double().softmax(1).gather(1, picked[:, None])[:, 0]
        return lambda edited: (edited.double().softmax(1).gather(1, picked[:, None])[:, 0] - before).abs()
    chosen = slice(None) if target is None else [target]
    wanted = columns[:, chosen].double()
    return lambda edited: (edited.reshape(len(base), -1)[:, chosen].double() - wanted).abs().mean(1)


def _called(target: Callable[[Tensor], Tensor], outputs: Tensor) -> Tensor:
    """The caller's scores, float64 (B,)."""
    scores = torch.as_tensor(target(outputs)).detach().cpu().double()
    if scores.shape == (len(outputs), 1):
        scores = scores[:, 0]
    if scores.shape != (len(outputs),):
        raise InputError(
            f"Expected a target function that gives one score for each of {len(outputs)} outputs, "
            f"found an array {tuple(scores.shape)}."
        )
    return scores


def _numbers(tensor: Tensor) -> FloatArray:
    """A tensor as float64."""
    return tensor.double().numpy()
