"""The rows of two splits that probes read: which are used, their columns, and the values that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from interpret_inn.explaining.association import predicted_by
from interpret_inn.metrics.probes import ProbeReadings, linear_probe_score, probe_readings, probe_scores
from interpret_inn.translating.axes import as_rows
from interpret_inn.types import Concept, ConceptKind, FloatArray, IntArray, ProbeScores, Score
from interpret_inn.types.concepts import kind_of

WIDEST = 512
"""Columns that a probe reads at most; of more, it reads the leading principal axes."""
_SQUARE = 16 * WIDEST  # columns whose covariance matrix is formed at most: half a GiB

_ALL = slice(None)
_FLAT = 1e-10  # of the largest eigenvalue: axes with less carry rounding
_Rows = Tensor | npt.NDArray[np.floating]
Both = tuple[FloatArray, FloatArray]
"""Columns of the split that probes learn from, (n, d), and of the one that scores them, (m, d)."""


class EncodedSplit(NamedTuple):
    """The n samples of one split, as a fit encodes them.

    Attributes:
        codes: Codes (n, D), or (n, P, D) at positions.
        representation: The representation itself, (n, width) or (n, P, width); of a very wide one its leading axes.
        unfitted: Codes from the flow before it was fitted, in the shape of `codes`.
        concepts: With values for these samples; those without values are left out.
        groups: int (n,), the groups of the samples: intervals draw whole groups. None: all apart.
    """

    codes: _Rows
    representation: _Rows
    unfitted: _Rows
    concepts: Sequence[Concept]
    groups: IntArray | None = None


class ProbedSplits:
    """A split that probes learn from, and one that scores them.

    Args:
        train: The split that probes learn from.
        test: The other one, with the same concepts in the same order.
        rows: Rows of each split that are used at most.
        seed: Of all draws.
        networks: Whether networks are among the probes.

    Attributes:
        kinds: Of the concepts that have values, by name.
        values: Of both splits, in the rows used.
    """

    def __init__(
        self,
        train: EncodedSplit,
        test: EncodedSplit,
        *,
        rows: int = 4000,
        seed: int = 0,
        networks: bool = True,
    ) -> None:
        generator = np.random.default_rng(seed)
        self.splits = (train, test)
        self.seed, self.networks = seed, networks
        self.rows = tuple(np.sort(generator.permutation(len(split.codes))[:rows]) for split in (train, test))
        self.kinds: dict[str, ConceptKind] = {}
        self.values: dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]] = {}
        for first, second in zip(train.concepts, test.concepts, strict=True):
            if first.values is not None and second.values is not None:
                self.kinds[first.name] = first.kind
                self.values[first.name] = (
                    np.asarray(first.values)[self.rows[0]],
                    np.asarray(second.values)[self.rows[1]],
                )
        self.train_groups = None if train.groups is None else np.asarray(train.groups)[self.rows[0]]
        self.test_groups = None if test.groups is None else np.asarray(test.groups)[self.rows[1]]

    def columns(self, what: Literal["codes", "representation", "unfitted"], columns: slice = _ALL) -> Both:
        """The rows used of both splits, float64 (n, d), on their leading axes if they are wide."""
        return principal(*self.whole(what, columns), seed=self.seed)

    def whole(self, what: str, columns: slice = _ALL) -> Both:
        """The same with all their columns."""
        train, test = (
            as_rows(getattr(split, what)[rows][..., columns])
            for split, rows in zip(self.splits, self.rows, strict=True)
        )
        return train, test

    def read(self, name: str, train: FloatArray, test: FloatArray) -> ProbeReadings:
        """What probes of the concept read from these columns."""
        train_values, test_values = self.values[name]
        return probe_readings(
            train, train_values, test, test_values, kind=self.kinds[name], groups=self.test_groups,
            train_groups=self.train_groups, seed=self.seed, networks=self.networks,
        )  # fmt: skip

    def scores(self, name: str, train: FloatArray, test: FloatArray) -> ProbeScores:
        """The scores of all probes of the concept from these columns, without their draws."""
        train_values, test_values = self.values[name]
        return probe_scores(
            train, train_values, test, test_values, kind=self.kinds[name], groups=self.test_groups,
            train_groups=self.train_groups, seed=self.seed, networks=self.networks,
        )  # fmt: skip

    def linear_score(self, name: str, train: FloatArray, test: FloatArray) -> Score:
        """The score of the linear probe of the concept from these columns."""
        train_values, test_values = self.values[name]
        return linear_probe_score(
            train, train_values, test, test_values, kind=self.kinds[name],
            groups=self.test_groups, train_groups=self.train_groups, seed=self.seed,
        )  # fmt: skip

    def tested(self, name: str, other: str) -> int:
        """How many test samples have a value of both concepts."""
        known = [kind_of(self.kinds[one]).known(self.values[one][1]) for one in (name, other)]
        return int((known[0] & known[1]).sum())

    def association(self, name: str, other: str) -> float:
        """How well the other concept's true value predicts the concept."""
        (train, test), (train_others, test_others) = self.values[name], self.values[other]
        return predicted_by(
            train, train_others, test, test_others, kind=self.kinds[name], other_kind=self.kinds[other]
        )


def principal(train: FloatArray, test: FloatArray, *, seed: int = 0) -> Both:
    """Both splits (n, d) on the leading principal axes of the training split, if there are more than 512 columns.

    The axes come from at most 1,024 rows beyond 8,192 columns, so that no square matrix of columns is formed.
    """
    width = train.shape[1]
    if width <= WIDEST:
        return train, test
    axes = principal_axes(train, WIDEST if width <= _SQUARE else WIDEST // 2, seed=seed)
    return train @ axes, test @ axes


def principal_axes(rows: FloatArray, count: int, *, seed: int = 0) -> FloatArray:
    """Leading principal axes (d, r) of rows (n, d), r ≤ `count`; from some of the rows beyond 8,192 columns."""
    width = rows.shape[1]
    if width <= _SQUARE and len(rows) >= width:
        centred = rows - rows.mean(0)
        return np.linalg.eigh(centred.T @ centred)[1][:, -count:]
    most = len(rows) if width <= _SQUARE else 4 * count
    some = np.random.default_rng(seed).permutation(len(rows))[:most]
    centred = rows[some] - rows[some].mean(0)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    kept = values > _FLAT * values[-1]
    kept[:-count] = False
    axes: FloatArray = centred.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    return axes
