"""Separated attribute predictability: how much better is one code than the next at telling a factor?"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import InputError
from interpret_inn.metrics.disentanglement.inputs import (
    Groups,
    Rows,
    read_codes,
    read_groups,
    read_parts,
    refuse_constant,
)
from interpret_inn.metrics.disentanglement.record import CodeScore, fit_quietly, gap, resampled
from interpret_inn.types import FloatArray, IntArray

_CONSTANT = 1e-12
"""Codes of no more variance are constant: the bound of disentanglement_lib."""
_PENALTY = 0.01
"""Inverse penalty of the support vector machines: that of disentanglement_lib."""


def sap(
    codes: Any,
    factors: Any,
    *,
    kind: Literal["discrete", "continuous"] = "discrete",
    test: tuple[Any, Any] | float = 1 / 3,
    groups: Groups | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> CodeScore:
    """SAP score (Kumar et al. 2018, "Variational inference of disentangled latent concepts", section 3).

    Each code alone reads each factor, linearly; the score is the mean over factors of what the best code reaches minus
    what the second best reaches. Discrete factors: accuracy of a linear support vector machine (C = 0.01, classes
    weighted alike) on the test rows, as in disentanglement_lib. Continuous ones: the squared correlation.

    The machine's penalty depends on the units of the codes: codes on a tiny scale read badly.

    Args:
        codes: (N, D).
        factors: (N, K); "discrete": a class per different value; "continuous": numbers.
        kind: Of all factors.
        test: Codes and factors of other rows to test on, or the share of these rows that is kept for that; for
            discrete factors alone (a correlation is of all rows).
        groups: Dimensions that make up one code: they read together, by one machine, or by one linear regression,
            whose R² is adjusted for the dimensions beyond the first (they fit chance, too), 0 at least. None: each
            by itself.
        resamples: For an interval: test rows (discrete; machines stay) or all rows (continuous) are drawn anew.
        seed: Of the split, and of these draws.

    Returns:
        In [0, 1]: 1 if each factor is read without errors by one code and by no other at all, which only continuous
        factors reach (chance is above 0 for accuracies: C equal classes reach 1 − 1/C). Parts: `matrix` (G, K) of
        accuracies or R², `gap` (K,). Constant codes have 0 (continuous) or what one constant answer has. A single code
        has 0 as its second.

    Raises:
        InputError: arrays that do not go together, values that are not finite, a factor of one value (or, of discrete
            ones, of too many), groups that overlap, or an unknown kind.
    """
    if kind == "discrete":
        train, test_rows = read_parts(codes, factors, test, seed)
        right = _read_rightly(train, test_rows, read_groups(groups, train.codes.shape[1]))
        matrix, count = right.mean(0), len(right)

        def again(rows: IntArray) -> float:
            return float(gap(right[rows].mean(0)).mean())

    elif kind == "continuous":
        array, values = read_codes(codes), np.asarray(read_codes(factors, "factors"), np.float64)
        if len(values) != len(array):
            raise InputError(
                f"Expected one row of factors for each of {len(array)} codes, found {len(values)}."
            )
        refuse_constant(np.ptp(values, 0) == 0)
        dimensions, count = read_groups(groups, array.shape[1]), len(array)
        matrix = _explained(array, values, dimensions)

        def again(rows: IntArray) -> float:
            return float(gap(_explained(array[rows], values[rows], dimensions)).mean())

    else:
        raise InputError(f'Expected kind="discrete" or "continuous", found {kind!r}.')
    each = gap(matrix)
    score = resampled(float(each.mean()), again, count, resamples=resamples, seed=seed)
    return CodeScore(score, parts={"matrix": matrix, "gap": each})


def _read_rightly(train: Rows, test_rows: Rows, groups: list[IntArray]) -> FloatArray:
    """Whether each code reads each factor of each test row, 0 or 1, (M, G, K)."""
    from sklearn.svm import LinearSVC

    right = np.zeros((len(test_rows.labels), len(groups), train.labels.shape[1]))
    for g, group in enumerate(groups):
        for k, labels in enumerate(train.labels.T):
            model = LinearSVC(C=_PENALTY, class_weight="balanced", random_state=0)
            fit_quietly(model, train.codes[:, group], labels)
            right[:, g, k] = model.predict(test_rows.codes[:, group]) == test_rows.labels[:, k]
    return right


def _explained(codes: npt.NDArray[Any], factors: FloatArray, groups: list[IntArray]) -> FloatArray:
    """Share of each factor's variance that is linear in each code, (G, K)."""
    count = len(codes)
    y = factors - factors.mean(0)
    total = (y**2).sum(0)
    rows = []
    for group in groups:
        x = np.asarray(codes[:, group], np.float64)
        x = x - x.mean(0)
        x = x[:, x.var(0, ddof=1) > _CONSTANT]
        if not x.shape[1]:
            rows.append(np.zeros(y.shape[1]))
            continue
        if x.shape[1] == 1:
            fitted = (x * y).sum(0) ** 2 / (x**2).sum()
        else:
            x /= x.std(0)
            fitted = ((x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum(0)
        share = fitted / np.where(total > 0, total, np.inf)
        spare = max(count - 1 - x.shape[1], 1)
        rows.append((1 - (1 - share) * (count - 2) / spare).clip(0, 1))
    return np.stack(rows)
