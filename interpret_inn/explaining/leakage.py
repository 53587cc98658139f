"""Leakage: which factor tells which concept, beside chance, `z` itself, and what labels alone imply."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from interpret_inn.explaining.association import predicted_by
from interpret_inn.explaining.evidence import FactorSummary, Leakage
from interpret_inn.metrics.probes import chance, linear_probe_score, probe_scores, score_kind
from interpret_inn.translating.directions import as_rows
from interpret_inn.types import Concept, Factors, FloatArray, IntArray, ProbeScores, Score

WIDEST = 512
"""Columns of `z` that are read out at most."""

_ALL = slice(None)
_Rows = Tensor | npt.NDArray[np.floating]


def leakage(
    codes_train: _Rows,
    codes_test: _Rows,
    *,
    z_train: _Rows,
    z_test: _Rows,
    unfitted_train: _Rows,
    unfitted_test: _Rows,
    factors: Factors,
    concepts: Sequence[Concept],
    train_index: npt.ArrayLike,
    test_index: npt.ArrayLike,
    groups: IntArray | None = None,
    seed: int = 0,
    rows: int = 4000,
) -> Leakage:
    """Reads every concept out of every factor, trained on the training split and scored on the test split.

    Codes of positions, (n, P, D), are read out by their mean over positions. What has more than 512 columns
    (`z`, or the residual of a wide site) is read out by its leading principal axes on the training split: 512, or
    256 beyond 8,192 columns.

    Args:
        codes_train: Codes of the training split, (n, D).
        codes_test: Codes of the test split, (m, D).
        z_train: The representation itself, (n, width).
        z_test: The same of the test split, (m, width).
        unfitted_train: Codes of the training split from the flow before it was fitted, (n, D).
        unfitted_test: The same of the test split, (m, D).
        factors: Where the factors stand in the code.
        concepts: With values for all N samples of the source; unlabelled ones are left out.
        train_index: Int (n,), which samples the rows of the training split are.
        test_index: Int (m,), the same for the test split.
        groups: (N,) groups of samples: intervals draw whole groups. None: all apart.
        seed: Of all draws.
        rows: At most so many rows of each part are used (on the training split at least 10 per class).

    Returns:
        The leakage matrix with 95 % intervals.
    """
    table = _Parts(train_index, test_index, groups=groups, concepts=concepts, rows=rows, seed=seed)
    codes = {f.name: table.take(codes_train, codes_test, columns=f.slice) for f in factors}
    z = table.take(z_train, z_test)
    read = [concept for concept in concepts if concept.values is not None]
    scores: dict[str, Mapping[str, ProbeScores]] = {}
    own: dict[str, Score] = {}
    for concept in read:
        scores[concept.name] = {name: table.read(concept, *both) for name, both in codes.items()}
        if concept.name in factors.names:
            columns = factors[concept.name].slice
            both = table.take(unfitted_train, unfitted_test, columns=columns)
            own[concept.name] = table.linear_probe_score(concept, *both)
    return Leakage(
        concepts=tuple(concept.name for concept in read),
        factors=factors.names,
        kind={concept.name: score_kind(concept.kind) for concept in read},
        scores=scores,
        representation={concept.name: table.read(concept, *z) for concept in read},
        chance={c.name: chance(table.values(c)[1], kind=c.kind) for c in read},
        unfitted=own,
        association={c.name: {o.name: table.associate(c, o) for o in read if o is not c} for c in read},
    )


class _Parts:
    """The rows of both parts that are used, and the values and groups that belong to them."""

    def __init__(
        self,
        train_index: npt.ArrayLike,
        test_index: npt.ArrayLike,
        *,
        groups: IntArray | None,
        concepts: Sequence[Concept],
        rows: int,
        seed: int,
    ) -> None:
        index = np.asarray(train_index, np.int64), np.asarray(test_index, np.int64)
        most = max([rows, *(10 * len(concept.classes) for concept in concepts)])
        generator = np.random.default_rng(seed)
        self.seed = seed
        self.rows = tuple(
            np.sort(generator.permutation(len(part))[:limit])
            for part, limit in zip(index, (most, rows), strict=True)
        )
        self.index = tuple(part[kept] for part, kept in zip(index, self.rows, strict=True))
        self.groups = None if groups is None else tuple(np.asarray(groups)[part] for part in self.index)

    def take(self, fit: _Rows, judge: _Rows, *, columns: slice = _ALL) -> tuple[FloatArray, FloatArray]:
        """The rows used of both parts, float64 (n, d), on their leading axes where they are wide."""
        fit, judge = fit[self.rows[0]][..., columns], judge[self.rows[1]][..., columns]
        return principal(as_rows(fit), as_rows(judge), seed=self.seed)

    def values(self, concept: Concept) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """The concept's values on both parts."""
        array = np.asarray(concept.values)
        return array[self.index[0]], array[self.index[1]]

    def read(self, concept: Concept, fit: FloatArray, judge: FloatArray) -> ProbeScores:
        """Both probes of the concept from these columns."""
        train_values, test_values = self.values(concept)
        train_groups, groups = self.groups or (None, None)
        return probe_scores(
            fit, train_values, judge, test_values,
            kind=concept.kind, groups=groups, train_groups=train_groups, seed=self.seed,
        )  # fmt: skip

    def linear_probe_score(self, concept: Concept, fit: FloatArray, judge: FloatArray) -> Score:
        """The linear probe of the concept from these columns."""
        train_values, test_values = self.values(concept)
        train_groups, groups = self.groups or (None, None)
        return linear_probe_score(
            fit, train_values, judge, test_values,
            kind=concept.kind, groups=groups, train_groups=train_groups, seed=self.seed,
        )  # fmt: skip

    def associate(self, concept: Concept, other: Concept) -> float:
        """How well the concept is told by the other's true value."""
        values, others = self.values(concept), self.values(other)
        return predicted_by(
            values[0], others[0], values[1], others[1], kind=concept.kind, other_kind=other.kind
        )


def principal(fit: FloatArray, judge: FloatArray, *, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Both parts on the leading principal axes of the training split, where there are more than 512 columns.

    The axes come from at most 1,024 rows beyond 8,192 columns, so that no square matrix of columns is formed.
    """
    width = fit.shape[1]
    if width <= WIDEST:
        return fit, judge
    if width <= 16 * WIDEST and len(fit) >= width:
        centred = fit - fit.mean(0)
        axes = np.linalg.eigh(centred.T @ centred)[1][:, -WIDEST:]
        return fit @ axes, judge @ axes
    count = WIDEST if width <= 16 * WIDEST else WIDEST // 2
    some = np.random.default_rng(seed).permutation(len(fit))[: len(fit) if count == WIDEST else 4 * count]
    centred = fit[some] - fit[some].mean(0)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    kept = values > 1e-10 * values[-1]
    kept[:-count] = False
    axes = centred.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    return fit @ axes, judge @ axes


def summaries(
    leakage: Leakage, factors: Factors, *, raw_scores: Mapping[str, float] | None = None
) -> tuple[FactorSummary, ...]:
    """One line for every factor: its size, its share, and whether it was learnt.

    A factor is learnt where the lower end of the 95 % interval of its own linear probe exceeds both
    chance and the probe from an equally large slice of the unfitted flow.

    Args:
        leakage: Of the same factors.
        factors: Of the flow.
        raw_scores: What sizes were estimated from, by factor; missing: the size was given.
    """
    raw = raw_scores or {}
    lines = []
    for factor in factors:
        learnt, verdict = _verdict(leakage, factor.name, residual=factor is factors[-1])
        share = factor.size / factors.total
        lines.append(
            FactorSummary(
                factor.name, factor.size, share, float(raw.get(factor.name, math.nan)), learnt, verdict
            )
        )
    return tuple(lines)


def _verdict(leakage: Leakage, name: str, *, residual: bool) -> tuple[bool | None, str]:
    """Whether a factor was learnt, and the sentence that says so."""
    if residual:
        return None, "Everything that no named factor explains; there is nothing to judge it by."
    if name not in leakage.concepts:
        return None, f"{name} has no labels, so there is nothing to judge it by."
    score, kind = leakage.scores[name][name].linear, leakage.kind[name]
    chance, unfitted = leakage.chance[name], leakage.unfitted[name]
    if not math.isfinite(score.low):
        return (
            False,
            f"{name} cannot be judged: too few of the samples held back have a value, or it never varies.",
        )
    found = f"read from its own factor, {name} reaches {_said(score, kind)}"
    beside = (
        f"guessing reaches {_plain(chance, kind)}, the flow before fitting {_plain(unfitted.value, kind)}"
    )
    if score.low <= chance:
        return False, f"{name} was not learnt: {found}, which is no surer than guessing ({beside})."
    if not score.low > unfitted.value:
        return (
            False,
            f"{name} was not shown to be learnt: {found}; as much is there without any fitting ({beside}).",
        )
    return True, f"{name} was learnt: {found}; {beside}."


def _said(score: Score, kind: str) -> str:
    """A score and its interval in words."""
    if kind == "accuracy":
        return f"{score.value:.1%} accuracy (95 % interval {score.low:.1%} to {score.high:.1%})"
    return f"an R² of {score.value:.2f} (95 % interval {score.low:.2f} to {score.high:.2f})"


def _plain(value: float, kind: str) -> str:
    """A score in words."""
    return f"{value:.1%}" if kind == "accuracy" else f"{value:.2f}"
