"""Redraws: how the model's output changes when one factor alone is redrawn, and whether that leaves the data."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from interpret_inn.effects.changes import OutputKind, RedrawEffects
from interpret_inn.errors import InputError
from interpret_inn.explaining.records import Redraw
from interpret_inn.types import IntArray

_BORDER = 0.99  # quantile of the data's distances to each other, beyond which a code has left the data
_FEWEST_DISTANCES, _DISTANCE_WORK = 200, 4e9
"""Rows of both whose distances are measured at least; beyond that, as many as take this many multiplications."""


def redraw_of(
    effects: RedrawEffects,
    kind: OutputKind,
    *,
    beside: RedrawEffects | None = None,
    groups: IntArray | None = None,
    left_data: float = math.nan,
    seed: int = 0,
) -> Redraw:
    """The redraws of B inputs summed up, with intervals that draw whole groups (B,) of inputs.

    Args:
        effects: Of the factor.
        kind: What the outputs are.
        beside: Of random slices of the same size.
        groups: Of the inputs, (B,).
        left_data: Share of edits that left the data.
        seed: Of the bootstrap.
    """
    scores = effects.scores(kind, groups=groups, seed=seed)
    random = None
    if beside is not None:
        found = beside.scores(kind, groups=groups, seed=seed)
        random = found.flip_rate if kind == "classes" else found.change
    return Redraw(kind=kind, left_data=left_data, random_slice=random, **scores._asdict())


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
