"""Redraws: how the model's output changes when one factor alone is redrawn.

`measure` computes the figures of each input, batch by batch; `RedrawEffects.summary` sums them up over inputs, with
bootstrap intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.explaining.records import OutputKind, Redraw
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.types import FloatArray, IntArray, Score

Target = int | Callable[[Tensor], Tensor] | None
"""What of the output to watch; see `measure`."""

_NOTHING = Score(math.nan)
_BORDER = 0.99  # quantile of the data's distances to each other, beyond which a code has left the data
_FEWEST_DISTANCES, _DISTANCE_WORK = 200, 4e9
"""Rows of both whose distances are measured at least; beyond that, as many as take this many multiplications."""


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

    def summary(
        self,
        kind: OutputKind,
        *,
        groups: IntArray | None = None,
        left_data: float = math.nan,
        seed: int = 0,
    ) -> Redraw:
        """Sums up over inputs, with intervals that draw whole groups (B,) of inputs."""
        classes = kind == "classes"
        return Redraw(
            kind=kind,
            flip_rate=bootstrap_mean(self.flip, groups, seed=seed, share=True) if classes else _NOTHING,
            kl=bootstrap_mean(self.kl, groups, seed=seed) if classes else _NOTHING,
            class_std=bootstrap_mean(self.class_std, groups, seed=seed) if classes else _NOTHING,
            change=bootstrap_mean(self.change, groups, seed=seed),
            left_data=left_data,
        )


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


def distance_to_data(
    codes: Tensor | npt.NDArray[np.floating],
    reference: Tensor | npt.NDArray[np.floating],
    *,
    groups: IntArray | None = None,
    seed: int = 0,
    rows: int = 2000,
) -> float:
    """Share of codes that are further from the data than 99 % of the data are from each other.

    A code's distance is measured to its nearest neighbour in the reference, the data's distances from each reference
    sample to the nearest one of another group. Data themselves give about 0.01.

    Args:
        codes: (n, D), edited codes (or their `z`).
        reference: (N, D), data in the same space; the unedited codes of the inputs that were edited
            must not be among them, as every small edit would then be near.
        groups: (N,), the group of each reference row: distances between variants of one image do not say how far
            data are from each other. None: all apart.
        seed: Of the rows used.
        rows: Rows of both that are used at most (fewer if D is above 1,000).

    Returns:
        A share in [0, 1]; codes that are not finite count as away from the data. NaN for no codes or fewer
        than 3 reference rows.

    Raises:
        InputError: Widths differ.
    """
    points, data = _flat(codes), _flat(reference)
    if points.shape[1] != data.shape[1]:
        raise InputError(
            f"Expected codes and reference of one width, found {points.shape[1]} and {data.shape[1]}."
        )
    if len(data) < 3 or not len(points):
        return math.nan
    limit = min(rows, max(_FEWEST_DISTANCES, int(math.sqrt(_DISTANCE_WORK / data.shape[1]))))
    generator = np.random.default_rng(seed)
    kept = generator.permutation(len(data))[:limit]
    data = data[kept]
    points = points[generator.permutation(len(points))[:limit]]
    finite = torch.isfinite(points).all(1)
    names = torch.as_tensor(np.arange(len(data)) if groups is None else groups[kept])
    apart = torch.cdist(data, data).masked_fill_(names[:, None] == names, math.inf).min(1).values
    border = torch.quantile(apart, _BORDER)
    outside = torch.cdist(points[finite], data).min(1).values > border
    return float((outside.sum() + (~finite).sum()) / len(points))


def _flat(codes: Tensor | npt.NDArray[np.floating]) -> Tensor:
    """Codes as float32 (n, D) on the CPU; positions (n, P, D) become rows."""
    tensor = torch.as_tensor(codes).detach().cpu().float()
    return tensor.reshape(-1, tensor.shape[-1])
