"""Are masks of shuffled weights like the real ones, and does reliability tell them apart? For `where_digits.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor
from two_digit_canvases import Canvases

import interpret_inn as inn
from interpret_inn.localizing import reliability
from interpret_inn.metrics import rank_correlation
from interpret_inn.types import Masks


def told_apart(
    interpreter: inn.Interpreter, inputs: Any, made: Canvases, real: Mapping[str, Masks],
    others: Mapping[str, list[Masks]],
) -> dict[str, Any]:  # fmt: skip
    """How far masks of shuffled weights are like the real ones, and how reliable they are called."""
    pairs = [(factor, one) for factor in others for one in others[factor]]
    near = [_within_boxes(real[factor].values, one.values, made) for factor, one in pairs]
    row: dict[str, Any] = {
        "rank correlation": float(
            np.nanmean([rank_correlation(real[f], one).score.value for f, one in pairs])
        ),
        "within boxes": float(np.nanmean(near)),
        "a digit at random": _at_random(made),
    }
    truths = [each_of(real[factor]) for factor in others]
    own = [each_of(one) for _, one in pairs]
    claimed = [
        reliability(interpreter.translator, inputs, f, one.values, space=one.space)[1] for f, one in pairs
    ]
    row["reliability"] = float(np.nanmean(truths))
    for name, spoilt in (("own", own), ("claimed", claimed)):
        row[f"{name}: reliability"] = float(np.nanmean(spoilt))
        row[f"{name}: AUROC, masks"] = roc_area(np.concatenate(truths), np.concatenate(spoilt))
        means = [np.array([np.nanmean(one) for one in found]) for found in (truths, spoilt)]
        row[f"{name}: AUROC, factors"] = roc_area(*means)
    return row


def _at_random(made: Canvases) -> float:
    """Mean rank correlation of a digit's box with the box of a digit that is drawn by lot: itself, or the other one.

    A shuffled flow still reads a map that is about digits: its masks stand on them, on either one.
    """
    return float((1 + np.nanmean(rank_correlation(*made.boxes.float()).each)) / 2)


def _within_boxes(first: Tensor, second: Tensor, made: Canvases) -> float:
    """Mean rank correlation of two masks' pixels within the boxes of both digits."""
    found = []
    for one, other, inside in zip(first, second, made.boxes.any(0), strict=True):
        shape = (1, 1, -1)
        found.append(rank_correlation(one[inside].view(shape), other[inside].view(shape)).score.value)
    return float(np.nanmean(found))


def each_of(masks: Masks) -> np.ndarray:
    """Reliability of every image; NaN where it was not measured."""
    return np.full(len(masks), np.nan) if masks.each is None else masks.each


def roc_area(real: np.ndarray, others: np.ndarray) -> float:
    """How often a real one scores higher than one of the others, ties counted half."""
    real, others = real[np.isfinite(real)], others[np.isfinite(others)]
    if not len(real) or not len(others):
        return float("nan")
    return float((np.sign(real[:, None] - others[None]) / 2 + 0.5).mean())
