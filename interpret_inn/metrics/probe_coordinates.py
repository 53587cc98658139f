"""Coordinates in which probes read codes: what counts as near and as small decides what few samples can tell.

A ridge penalty, a kernel and a network all take directions of large variance for granted and mistrust small ones. No
one scale is right for every code: columns of different units want to be standardised; of hundreds of columns that are
mostly noise, the natural scale keeps the few that vary; and where those that vary tell nothing, only their own
association with the targets says which to trust. So there are four systems, and validation rows choose between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interpret_inn.types import FloatArray
from interpret_inn.types.numbers import ROUNDING, BoolArray

STANDARD, NATURAL, LEADING, SCREENED = "standard", "natural", "leading", "screened"
SYSTEMS = (STANDARD, NATURAL, LEADING, SCREENED)
"""Standardised columns; columns as they are; principal coordinates times their standard deviation, so that the leading
ones count still more (a soft form of principal component regression); and standardised columns, each weighted by its
association with the targets (a soft form of sure independence screening, Fan & Lv 2008)."""
UNIFORM = (STANDARD,)
"""For probes that are held: the weights of all whitened axes are wanted, not of those alone that tell most."""
_FLAT = 1e-11
"""Directions with a smaller share of the largest variance carry rounding of float64 sums, and are left out."""


@dataclass(frozen=True)
class Coordinates:
    """Uncorrelated coordinates (x − mean) axes, whose mean variance on the rows they come from is 1.

    Attributes:
        mean: Float64 (d,), of the codes.
        axes: Float64 (d, r), r ≤ d.
        variances: Float64 (r,), of the coordinates.
    """

    mean: FloatArray
    axes: FloatArray
    variances: FloatArray

    def of(self, codes: FloatArray) -> FloatArray:
        """The coordinates (n, r) of codes (n, d)."""
        return (codes - self.mean) @ self.axes


class Systems:
    """The systems of coordinates of some rows, each computed when it is first asked for.

    Args:
        x: Codes, float64 (n, d).
        targets: Float64 (n, k), numbers in like units or one column per class.
    """

    def __init__(self, x: FloatArray, targets: FloatArray) -> None:
        self.mean, self.scale = standard(x)
        varies = np.ptp(x, 0) > ROUNDING * max(1.0, float(np.abs(x).max(initial=0.0)))
        self._centred = np.where(varies, x - self.mean, 0.0)
        spread = targets.std(0)
        self._targets = (targets - targets.mean(0)) / np.where(spread > 0, spread, 1.0)

    def __getitem__(self, name: str) -> Coordinates:
        if name == NATURAL:
            return self._natural
        if name == LEADING:
            sizes = np.sqrt(self._natural.variances)
            return _scaled(self.mean, self._natural.axes * sizes, sizes**4)
        weights = 1 / self.scale
        if name == SCREENED:
            weights = weights * self._trust(self._centred * weights)
        return self._principal(weights)

    @cached_property
    def _natural(self) -> Coordinates:
        return self._principal(np.ones(len(self.mean)))

    def _trust(self, standardised: FloatArray) -> FloatArray:
        """The weight (d,) of each standardised column: the share of the targets' variance that it tells above chance.

        A weight multiplies the column, so that chance shares, which are small, count for next to nothing. All are 1 if
        no column tells more than chance does.
        """
        count = len(standardised)
        shares = ((standardised.T @ self._targets / count) ** 2).mean(1)
        found: FloatArray = np.maximum(shares - 1 / count, 0.0)
        return found if found.any() else np.ones(len(found))

    def _principal(self, weights: FloatArray) -> Coordinates:
        """Principal coordinates of the columns times their weights (d,)."""
        told = self._centred * weights
        count, width = told.shape
        if count < width:
            values, vectors = np.linalg.eigh(told @ told.T / count)
            kept = values > _FLAT * values[-1]
            axes = told.T @ (vectors[:, kept] / np.sqrt(count * values[kept]))
        else:
            values, axes = np.linalg.eigh(told.T @ told / count)
            kept = values > _FLAT * values[-1]
            axes = axes[:, kept]
        # the largest first
        return _scaled(self.mean, weights[:, None] * axes[:, ::-1], values[kept][::-1])


def _scaled(mean: FloatArray, axes: FloatArray, variances: FloatArray) -> Coordinates:
    """The same with a mean variance of 1."""
    unit = variances.mean() if len(variances) else 1.0
    return Coordinates(mean, axes / np.sqrt(unit), variances / unit)


def standard(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation (d,) of columns; the deviation of a constant column is 1."""
    mean, scale = x.mean(0), x.std(0)
    return mean, np.where(scale > ROUNDING * max(1.0, float(np.abs(x).max(initial=0.0))), scale, 1.0)


@dataclass(frozen=True)
class Fold:
    """Rows that choose, and the coordinates of all others.

    Attributes:
        chosen: Bool (n,), the rows that choose.
        systems: Coordinates by name; they come from the other rows alone, targets included.
    """

    chosen: BoolArray
    systems: Systems


def fold_systems(x: FloatArray, targets: FloatArray, masks: Sequence[BoolArray]) -> tuple[Fold, ...]:
    """The folds of these masks, bool (n,) each."""
    return tuple(Fold(chosen, Systems(x[~chosen], targets[~chosen])) for chosen in masks)


def least(errors: Mapping[tuple[str, float], float]) -> tuple[str, float]:
    """The system and the setting of least error; the first of equals."""
    return min(errors, key=lambda each: errors[each])
