"""The values of concepts as the known factors that metrics take: classes, numbers, or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from interpret_inn.metrics import discretise
from interpret_inn.metrics.probes import score_kind
from interpret_inn.types import Concept, FloatArray, IntArray, MetricSpec, Suits
from interpret_inn.types.numbers import BoolArray

BINS = 10
"""Classes that numbers are cut into, unless the caller says how many."""
FEWEST = 20
"""Samples with values of all used concepts that scores need at least."""
_ROWS_A_CLASS = 20
"""Samples for each class that numbers are cut into; with fewer, there are fewer classes."""

_WANTS: dict[str, str] = {
    "classes": "concepts with known values",
    "numbers": "concepts whose values are numbers",
    "any": "concepts with known values",
}


@dataclass(frozen=True)
class Known:
    """Known factors of some samples.

    Attributes:
        names: The concepts that are used.
        rows: Samples with a value of each of them, bool (N,).
        classes: Class numbers of these samples, float64 (n, K), a column for each concept.
        numbers: Numbers, and cosine and sine of angles, float64 (n, k); no column for categories.
        any: All values, float64 (n, k): categories as class numbers, numbers, cosine and sine of angles.
        notes: Which concepts were left out and why, in sentences.
    """

    names: tuple[str, ...]
    rows: BoolArray
    classes: FloatArray
    numbers: FloatArray
    any: FloatArray
    notes: tuple[str, ...]

    def columns(self, suits: Suits) -> FloatArray:
        """The factors as a metric takes them; no columns if it takes none."""
        found = {"classes": self.classes, "numbers": self.numbers, "any": self.any}
        return found[suits] if suits in found else np.empty((len(self.rows), 0))

    def refusal(self, spec: MetricSpec) -> str:
        """Why a metric cannot be computed of these values; empty if it can."""
        suits, fewest = spec.suits, spec.fewest_concepts
        if suits == "none" or (self.columns(suits).size and len(self.names) >= fewest):
            return ""
        used = f"found {', '.join(self.names)}" if self.names else "found none"
        if self.columns(suits).size:
            return f"It needs at least {fewest} concepts with known values, {used}: of fewer it says nothing."
        return f"It needs {_WANTS[suits]}, {used}."


def known_factors(concepts: Sequence[Concept], count: int, *, bins: int = BINS, seed: int = 0) -> Known:
    """The values of some concepts as known factors.

    Only samples that have all values are used. A concept that would cost more than half of them is left out; so is
    one that never varies, and one of almost as many categories as samples. Numbers are cut into classes that are
    equally frequent; rows of numbers and angles are grouped by k-means, so that each concept is one factor.

    Args:
        concepts: With values for N samples; those without values are passed over.
        count: N.
        bins: Classes that numbers are cut into, fewer if there are under 20 samples for each.
        seed: Of k-means.
    """
    targets = {c.name: c.targets for c in concepts if c.values is not None}
    measured = {c.name for c in concepts if c.values is not None and score_kind(c.kind) == "r2"}
    kept, rows, notes = _complete(targets, count)
    bins = min(bins, max(2, int(rows.sum()) // _ROWS_A_CLASS))
    classes: dict[str, IntArray] = {}
    for name in kept:
        columns = targets[name][rows]
        found = np.unique(columns, axis=0, return_inverse=True)[1].reshape(-1)
        if name in measured and found.max() >= bins:
            found = _cut(columns, bins, seed)
        different = len(np.unique(found))
        if different < 2:
            notes.append(f"{name} is left out: it has one value only.")
        elif different > 2 and 2 * different > len(found):
            notes.append(f"{name} is left out: {different} values for {len(found)} samples are too many.")
        else:
            classes[name] = found.astype(np.int64)
    none = np.empty((int(rows.sum()), 0))
    return Known(
        names=tuple(classes),
        rows=rows,
        classes=np.column_stack([none, *classes.values()]).astype(np.float64),
        numbers=np.column_stack([none, *(targets[name][rows] for name in classes if name in measured)]),
        any=np.column_stack([none, *(targets[name][rows] for name in classes)]),
        notes=tuple(notes),
    )


def _complete(targets: Mapping[str, FloatArray], count: int) -> tuple[list[str], BoolArray, list[str]]:
    """Concepts that are used together, which samples have all their values, and notes on those left out."""
    known = {name: np.isfinite(columns).all(1) for name, columns in targets.items()}
    kept: list[str] = []
    rows, notes = np.ones(count, np.bool_), []
    for name in sorted(known, key=lambda name: -int(known[name].sum())):
        both = rows & known[name]
        if both.sum() >= max(FEWEST, rows.sum() / 2 if kept else 0):
            kept.append(name)
            rows = both
        else:
            notes.append(
                f"{name} is left out: {int(both.sum())} samples have its value and those of the others."
            )
    return [name for name in targets if name in kept], rows, notes


def _cut(columns: FloatArray, bins: int, seed: int) -> IntArray:
    """Classes (n,) of numbers (n, 1), equally frequent; of rows of numbers (n, k) their clusters."""
    if columns.shape[1] == 1:
        return discretise(columns, bins, method="quantile")[:, 0]
    from sklearn.cluster import KMeans

    found = KMeans(bins, n_init=4, random_state=seed).fit_predict(columns)
    return np.asarray(found, np.int64)
