"""Directions and planes in a factor: where its concept shows most."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.explaining.leakage import as_rows
from interpret_inn.explaining.records import FactorMap
from interpret_inn.metrics.readouts import FEWEST, target_columns
from interpret_inn.types import Concept, FloatArray

_Rows = Tensor | npt.NDArray[np.floating]


def concept_at(concept: Concept, index: npt.ArrayLike) -> Concept:
    """The same concept with the values of some samples only, int (n,)."""
    if concept.values is None:
        return concept
    return dataclasses.replace(concept, values=np.asarray(concept.values)[np.asarray(index, np.int64)])


def main_direction(fit_codes: _Rows, concept: Concept | None) -> FloatArray:
    """The direction in which the code moves when the concept changes most.

    It is the pattern Σw of a linear read-out's filter w (Haufe et al., "On the interpretation of weight
    vectors of linear models", 2014), so that walking along it stays where the data are: for categories w is
    the leading discriminant, for numbers and angles the leading regression direction; without values it
    is the leading principal axis.

    Args:
        fit_codes: A factor's codes of the fit part, (n, d).
        concept: With values for these n rows; None or unlabelled: none (the residual).

    Returns:
        A unit vector, float64 (d,), pointing to larger values (classes further back).
    """
    codes = as_rows(fit_codes)
    found = _filters(codes, concept)
    if found is None:
        return _first_axis(codes)
    filters, targets, present = found
    centred = codes[present] - codes[present].mean(0)
    pattern = centred.T @ (centred @ filters[:, 0])
    norm = np.linalg.norm(pattern)
    if not norm > 0:
        return _first_axis(codes)
    pattern /= norm
    trend = float((centred @ pattern) @ (targets[:, 0] - targets[:, 0].mean()))
    return np.asarray(pattern if trend >= 0 else -pattern)


def factor_map(
    codes: _Rows,
    concept: Concept | None,
    *,
    fit_codes: _Rows,
    fit_concept: Concept | None,
    points: int = 600,
    seed: int = 0,
) -> FactorMap:
    """A factor's codes of the judge part in the plane that shows its concept best.

    The plane is chosen on the fit part: two discriminant axes for categories; the regression plane for
    angles and for numbers of several columns; the regression direction and the leading axis across it for one
    number (and for two classes, which have one discriminant); the leading principal axes without values.

    Args:
        codes: Of judge samples, (M, d).
        concept: With values for these M rows, or None.
        fit_codes: Of fit samples, (n, d).
        fit_concept: With values for these n rows, or None.
        points: At most so many are shown.
        seed: Of the choice of points.

    Raises:
        InputError: The concept does not have one value for every row.
    """
    shown, fitted = as_rows(codes), as_rows(fit_codes)
    kept = np.sort(np.random.default_rng(seed).permutation(len(shown))[:points])
    axes, method = _plane(fitted, fit_concept)
    plane = (shown[kept] - fitted.mean(0)) @ axes
    if plane.shape[1] < 2:
        spread = np.random.default_rng(seed).uniform(-1, 1, len(kept)) * (plane.std() or 1.0)
        plane, method = np.stack([plane[:, 0], spread], 1), f"{method}; spread at random vertically"
    colour, kind = _colour(concept, kept, len(shown))
    classes = concept.classes if concept is not None and kind == "categorical" else ()
    return FactorMap(points=plane, colour=colour, kind=kind, classes=classes, method=method)


def _plane(codes: FloatArray, concept: Concept | None) -> tuple[FloatArray, str]:
    """One or two axes (d, ≤ 2) to project on, and how they were chosen."""
    if codes.shape[1] == 1:
        return np.ones((1, 1)), "the factor's only axis"
    found = _filters(codes, concept)
    if found is None or concept is None:
        return _axes(codes)[:, :2], "the two leading principal axes"
    filters = found[0]
    filters = filters / np.linalg.norm(filters, axis=0)
    categorical = concept.kind == "categorical"
    if filters.shape[1] >= 2:
        named = "the two leading discriminant axes" if categorical else "the plane of the linear read-out"
        return (filters[:, :2] if categorical else np.linalg.qr(filters[:, :2])[0]), named
    across = codes - (codes @ filters) @ filters.T
    named = "the discriminant axis" if categorical else "the direction of the linear read-out"
    return np.concatenate([filters, _axes(across)[:, :1]], 1), f"{named} and the leading axis across it"


def _filters(
    codes: FloatArray, concept: Concept | None
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]] | None:
    """Linear filters (d, r) of the concept, leading first, its targets (n', k), and the rows used (n,)."""
    if concept is None or concept.values is None:
        return None
    targets = target_columns(concept.values, kind=concept.kind)
    if len(targets) != len(codes):
        raise InputError(
            f"Expected one value of {concept.name!r} for each of {len(codes)} codes, found {len(targets)}. "
            "Take those of the same samples with concept_at(concept, index)."
        )
    present = np.asarray(np.isfinite(targets).all(1))
    targets, codes = targets[present], codes[present]
    if len(targets) < FEWEST or (np.ptp(targets, 0) == 0).all():
        return None
    if concept.kind == "categorical":
        labels = np.unique(targets[:, 0], return_inverse=True)[1].reshape(-1)
        wanted = np.eye(labels.max() + 1)[labels]
        wanted = wanted / np.sqrt(wanted.sum(0))  # makes the regression below Fisher's discriminant
    else:
        wanted = (targets - targets.mean(0)) / (targets.std(0) + 1e-300)
    return _regression(codes, wanted), targets, present


def _regression(codes: FloatArray, wanted: FloatArray) -> FloatArray:
    """Leading canonical filters (d, r) of codes for targets (n, k), r ≤ 2.

    Reduced-rank regression in whitened coordinates: the directions that explain most of the targets. For
    class indicators scaled by 1/sqrt(size) these are Fisher's discriminants.
    """
    centred, aim = codes - codes.mean(0), wanted - wanted.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(codes))
    floor = max(1e-3 * values.mean(), 1e-12 * values.max(), 1e-300)  # keeps dead axes out
    whitening = vectors / np.sqrt(values + floor)
    left, strength, _ = np.linalg.svd(whitening.T @ (centred.T @ aim) / len(codes), full_matrices=False)
    rank = int(np.clip((strength > 1e-6 * strength[0]).sum(), 1, 2)) if strength[0] > 0 else 1
    return np.asarray(whitening @ left[:, :rank])


def _axes(codes: FloatArray) -> FloatArray:
    """Principal axes (d, d), leading first."""
    centred = codes - codes.mean(0)
    return np.linalg.eigh(centred.T @ centred)[1][:, ::-1]


def _first_axis(codes: FloatArray) -> FloatArray:
    """The leading principal axis (d,), its largest entry positive."""
    axis = _axes(codes)[:, 0]
    return np.asarray(axis * np.sign(axis[np.abs(axis).argmax()]))


def _colour(concept: Concept | None, kept: npt.NDArray[np.int64], length: int) -> tuple[FloatArray, str]:
    """One number per point to colour it by, and the kind of it."""
    if concept is None or concept.values is None:
        return np.full(len(kept), math.nan), "unlabelled"
    values = np.asarray(concept.values, np.float64)
    if len(values) != length:
        raise InputError(
            f"Expected one value of {concept.name!r} for each of {length} codes, found {len(values)}."
        )
    values = values[kept]
    if concept.kind == "categorical":
        return np.where(values < 0, math.nan, values), "categorical"
    if values.ndim == 1 or values.shape[1] == 1:
        return values.reshape(-1), concept.kind
    present = np.isfinite(values).all(1)
    colour = np.full(len(values), math.nan)
    if present.any():
        colour[present] = (values[present] - values[present].mean(0)) @ _first_axis(values[present])
    return colour, concept.kind
