"""The main direction of a factor, in which its concept shows most, and how the data lie along it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.metrics.probe_folds import FEWEST
from interpret_inn.translating.fitted import Fitted
from interpret_inn.types import Concept, FloatArray
from interpret_inn.types.numbers import NEGLIGIBLE, SMALLEST, BoolArray

NARROWEST = 1e-6
"""Standard deviations along a direction are at least this, in units of the code, as they are divided by."""
_RIDGE = 1e-3
"""Share of the mean variance that is added to each axis: it keeps axes without variance out of the regression."""

_Rows = Tensor | npt.NDArray[np.floating]


class ConceptFilters(NamedTuple):
    """Linear filters of a concept in a factor's codes.

    Attributes:
        filters: Float64 (d, r), leading first, r ≤ 2.
        targets: Float64 (n', k), see `Concept.targets`, of the rows used.
        used: Bool (n,), the rows whose value is known.
        discriminant: The filters are Fisher's discriminants of classes, not regression directions.
    """

    filters: FloatArray
    targets: FloatArray
    used: BoolArray
    discriminant: bool


def main_direction(train_codes: _Rows, concept: Concept | None) -> FloatArray:
    """The direction along which the concept changes most.

    It is the pattern Σw of a linear probe's filter w (Haufe et al., "On the interpretation of weight vectors of linear
    models", 2014), so that traversals along it stay where the data are: for categories w is the leading discriminant,
    for numbers and angles the leading regression direction. Without values the direction is the leading principal axis.

    Args:
        train_codes: A factor's codes of the training split, (n, d).
        concept: With values for these n rows; None (the residual) or unlabelled: without values.

    Returns:
        A unit vector, float64 (d,), pointing to larger values (classes further back).
    """
    codes = as_rows(train_codes)
    found = concept_filters(codes, concept)
    if found is None:
        return first_axis(codes)
    centred = codes[found.used] - codes[found.used].mean(0)
    pattern = centred.T @ (centred @ found.filters[:, 0])
    norm = np.linalg.norm(pattern)
    if not norm > 0:
        return first_axis(codes)
    pattern /= norm
    trend = float((centred @ pattern) @ found.targets[:, 0])
    return np.asarray(pattern if trend >= 0 else -pattern)


def concept_filters(codes: FloatArray, concept: Concept | None) -> ConceptFilters | None:
    """Linear filters of the concept in codes (n, d); None if it has too few values, or only one.

    Raises:
        InputError: another number of values than of codes.
    """
    if concept is None or concept.values is None:
        return None
    targets, indicators = concept.targets, concept.indicators
    if len(targets) != len(codes):
        raise InputError(
            f"Expected one value of {concept.name!r} for each of {len(codes)} codes, found {len(targets)}. "
            "Type concept.at(index), with the indices of the same samples."
        )
    present = np.asarray(np.isfinite(targets).all(1))
    targets, codes = targets[present], codes[present]
    if len(targets) < FEWEST or (np.ptp(targets, 0) == 0).all():
        return None
    if indicators is None:
        wanted = (targets - targets.mean(0)) / (targets.std(0) + SMALLEST)
    else:
        wanted = indicators[present]
        wanted = wanted / np.sqrt(wanted.sum(0))  # makes the regression below Fisher's discriminant
    return ConceptFilters(_regression(codes, wanted), targets, present, indicators is not None)


def _regression(codes: FloatArray, wanted: FloatArray) -> FloatArray:
    """Leading canonical filters (d, r) of codes for targets (n, k), r ≤ 2.

    Reduced-rank regression in whitened coordinates: the directions that explain most of the targets. For
    class indicators scaled by 1/sqrt(size) these are Fisher's discriminants.
    """
    centred, aim = codes - codes.mean(0), wanted - wanted.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(codes))
    floor = max(_RIDGE * values.mean(), SMALLEST)
    whitening = vectors / np.sqrt(values + floor)
    left, strength, _ = np.linalg.svd(whitening.T @ (centred.T @ aim) / len(codes), full_matrices=False)
    rank = int(np.clip((strength > NEGLIGIBLE * strength[0]).sum(), 1, 2))
    return np.asarray(whitening @ left[:, :rank])


def principal_axes(codes: FloatArray) -> FloatArray:
    """Principal axes (d, d), leading first."""
    centred = codes - codes.mean(0)
    return np.linalg.eigh(centred.T @ centred)[1][:, ::-1]


def first_axis(codes: FloatArray) -> FloatArray:
    """The leading principal axis (d,), its largest entry positive."""
    axis = principal_axes(codes)[:, 0]
    return np.asarray(axis * np.sign(axis[np.abs(axis).argmax()]))


def as_rows(codes: _Rows) -> FloatArray:
    """Codes (n, D), or means over positions of (n, P, D), as float64 (n, D) on the CPU."""
    array = codes.detach().cpu().numpy() if isinstance(codes, Tensor) else np.asarray(codes)
    array = array if array.ndim == 2 else array.reshape(len(array), -1, array.shape[-1]).mean(1)
    return np.asarray(array, np.float64)


@dataclass(frozen=True)
class FactorAxis:
    """A direction in a factor and the stored data along it.

    Attributes:
        direction: Unit vector, float (size,).
        mean: Mean position of the data.
        std: Standard deviation of the data along it.
        quantiles: Positions below which 0 %, 1 % … 100 % of the data lie, float (101,).
    """

    direction: Tensor
    mean: float
    std: float
    quantiles: Tensor

    @classmethod
    def along(cls, direction: Tensor, codes: Tensor) -> FactorAxis:
        """The axis of a direction (size,), with the positions of the factor's codes (N, size)."""
        positions = codes @ direction
        quantiles = torch.quantile(positions, torch.linspace(0, 1, 101).to(positions))
        spread = float(positions.std(correction=0))
        return cls(direction, float(positions.mean()), max(spread, NARROWEST), quantiles)

    def position(self, codes: Tensor) -> Tensor:
        """Position of codes (..., size), in standard deviations from the mean, (...)."""
        return (codes @ self.direction.to(codes) - self.mean) / self.std

    def percentile(self, positions: Tensor) -> Tensor:
        """Percentage of the data below positions in standard deviations, a whole number from 0 to 100."""
        where = torch.searchsorted(self.quantiles, (positions * self.std + self.mean).to(self.quantiles))
        return where.clamp(0, 100)

    def moved(self, codes: Tensor, positions: Tensor) -> Tensor:
        """Codes (B, ..., size) moved to positions (S,) along the direction: (S, B, ..., size)."""
        steps = positions.to(codes).reshape(-1, *[1] * (codes.ndim - 1))
        return codes + ((steps - self.position(codes)) * self.std)[..., None] * self.direction.to(codes)


def factor_axes(fitted: Fitted) -> dict[str, FactorAxis]:
    """The main direction of every factor, from the stored codes of the training split."""
    axes = {}
    for factor in fitted.factors:
        codes = fitted.reference_codes[:, factor.start : min(factor.stop, fitted.reference_codes.shape[1])]
        found = torch.from_numpy(main_direction(codes, fitted.concept(factor))).to(codes)
        axis = FactorAxis.along(found, codes)
        short = factor.size - len(found)
        whole = torch.nn.functional.pad(axis.direction, (0, short))
        axes[factor.name] = FactorAxis(whole, axis.mean, axis.std, axis.quantiles)
    return axes


def axes_of_inputs(fitted: Fitted, axes: dict[str, FactorAxis]) -> dict[str, FactorAxis]:
    """The same directions with the distribution of whole inputs along them: at positions, that of means over positions.

    Args:
        fitted: The fit.
        axes: Its main directions, see `factor_axes`.
    """
    means = fitted.position_means
    if means is None:
        return axes
    found = {}
    for factor in fitted.factors:
        codes, whole = means.codes[:, factor.slice], axes[factor.name].direction
        found[factor.name] = replace(FactorAxis.along(whole[: codes.shape[1]], codes), direction=whole)
    return found
