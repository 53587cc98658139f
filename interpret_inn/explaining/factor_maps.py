"""Maps of factors: their codes in the plane in which the concept shows most."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.explaining.records import FactorMap
from interpret_inn.translating.axes import as_rows, concept_filters, first_axis, principal_axes
from interpret_inn.types import Concept, ConceptKind, FloatArray

_Rows = Tensor | npt.NDArray[np.floating]


def factor_map(
    codes: _Rows,
    concept: Concept | None,
    *,
    train_codes: _Rows,
    train_concept: Concept | None,
    points: int = 600,
    seed: int = 0,
) -> FactorMap:
    """A factor's codes of the test split in the plane that shows its concept best.

    The plane is chosen on the training split: two discriminant axes for categories; the regression plane for
    angles and for numbers of several columns; the regression direction and the leading axis across it for one
    number (and for two classes, which have one discriminant); the leading principal axes without values.

    Args:
        codes: Of test samples, (M, d), or (M, P, d) at positions, whose mean is shown.
        concept: With values for these M samples, or None.
        train_codes: Of training samples, (n, d) or (n, P, d).
        train_concept: With values for these n samples, or None.
        points: Samples that are shown at most.
        seed: Of the choice of points.

    Raises:
        InputError: The concept does not have one value for every sample.
    """
    shown, fitted = as_rows(codes), as_rows(train_codes)
    kept = np.sort(np.random.default_rng(seed).permutation(len(shown))[:points])
    axes, method = _plane(fitted, train_concept)
    plane = (shown[kept] - fitted.mean(0)) @ axes
    if plane.shape[1] < 2:
        spread = np.random.default_rng(seed).uniform(-1, 1, len(kept)) * (plane.std() or 1.0)
        plane, method = np.stack([plane[:, 0], spread], 1), f"{method}; spread at random vertically"
    colour, kind = _colour(concept, kept, len(shown))
    classes = () if concept is None or concept.values is None else concept.classes
    return FactorMap(points=plane, colour=colour, kind=kind, classes=classes, method=method)


def _plane(codes: FloatArray, concept: Concept | None) -> tuple[FloatArray, str]:
    """One or two axes (d, ≤ 2) to project on, and how they were chosen."""
    if codes.shape[1] == 1:
        return np.ones((1, 1)), "the factor's only axis"
    found = concept_filters(codes, concept)
    if found is None:
        return principal_axes(codes)[:, :2], "the two leading principal axes"
    filters = found.filters / np.linalg.norm(found.filters, axis=0)
    if filters.shape[1] >= 2:
        if found.discriminant:
            return filters[:, :2], "the two leading discriminant axes"
        return np.linalg.qr(filters[:, :2])[0], "the plane of the linear probe"
    across = codes - (codes @ filters) @ filters.T
    named = "the discriminant axis" if found.discriminant else "the direction of the linear probe"
    return np.concatenate(
        [filters, principal_axes(across)[:, :1]], 1
    ), f"{named} and the leading axis across it"


def _colour(
    concept: Concept | None, kept: npt.NDArray[np.int64], length: int
) -> tuple[FloatArray, ConceptKind]:
    """One number per point to colour it by, and the kind of it."""
    if concept is None or concept.values is None:
        return np.full(len(kept), math.nan), "unlabelled"
    values = np.asarray(concept.values, np.float64)
    if len(values) != length:
        raise InputError(
            f"Expected one value of {concept.name!r} for each of {length} codes, found {len(values)}."
        )
    values = values[kept]
    if values.ndim == 1 or values.shape[1] == 1:
        return np.where(concept.known[kept], values.reshape(-1), math.nan), concept.kind
    present = np.isfinite(values).all(1)
    colour = np.full(len(values), math.nan)
    if present.any():
        colour[present] = (values[present] - values[present].mean(0)) @ first_axis(values[present])
    return colour, concept.kind
