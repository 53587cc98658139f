"""How pairs are drawn by the kind of a concept: partners, bins, and which samples can be paired."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from interpret_inn.types import Concept, IntArray
from interpret_inn.types.numbers import BoolArray
from interpret_inn_labels.binning import column_bins, sectors
from interpret_inn_labels.columns import columns_of
from interpret_inn_labels.partners import NearAngle, NearRank, Partner, SameClass
from interpret_inn_labels.wheels import Wheels

Values = npt.NDArray[Any]


class Pairable(NamedTuple):
    """Which of the samples can be paired, bool (n,), and a sentence on what is left out; "" if nothing is."""

    kept: BoolArray
    reason: str


class PairingKind(ABC):
    """How concepts of one kind are paired and balanced. `values` are those of n samples, none of them missing."""

    @abstractmethod
    def partner(self, wheels: Wheels, strength: float) -> Partner:
        """The rule by which partners are looked for."""

    @abstractmethod
    def bins(self, values: Values) -> list[IntArray]:
        """Values as small integers, int64 (n,); several variables for a table of numbers."""

    @abstractmethod
    def features(self, values: Values) -> Values:
        """What associations are computed from: columns, float64 (n, r), or classes, int64 (n,)."""

    def keys(self, values: Values) -> IntArray:
        """Integers in the order in which the values stand on the wheel; equal values, equal integers. int64 (n,)."""
        return np.unique(values, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)

    def pairable(self, concept: Concept, values: Values, groups: IntArray, *, among: int) -> Pairable:
        """All samples; none if all values, or all groups, are the same.

        Args:
            concept: For its name and classes.
            values: Of n of the samples that are drawn from.
            groups: int64 (n,).
            among: How many samples are drawn from, with and without a value.
        """
        distinct = len(np.unique(values, axis=0))
        if distinct >= 2 and len(np.unique(groups)) >= 2:
            return Pairable(np.ones(len(values), dtype=bool), "")
        reason = (
            f"{concept.name}: {distinct} distinct values in {len(np.unique(groups))} groups among "
            f"{among} samples; it is left out of the pairs."
        )
        return Pairable(np.zeros(len(values), dtype=bool), reason)

    def absent(self, concept: Concept, among: IntArray) -> str:  # noqa: ARG002
        """A sentence on classes of which `among`, int64 (M,), has no sample but others have; "" if there are none."""
        return ""


class _Categories(PairingKind):
    def partner(self, wheels: Wheels, strength: float) -> Partner:  # noqa: ARG002
        return SameClass(strength)

    def bins(self, values: Values) -> list[IntArray]:
        return [values.astype(np.int64)]

    def features(self, values: Values) -> Values:
        return values

    def pairable(self, concept: Concept, values: Values, groups: IntArray, *, among: int) -> Pairable:
        """The samples whose class has samples of at least two groups."""
        count = max(len(concept.classes), int(values.max(initial=-1)) + 1)
        distinct = np.unique(np.stack([values, groups], axis=1), axis=0)[:, 0]
        groups_in = np.bincount(distinct, minlength=count)
        lonely = np.flatnonzero(groups_in < 2)
        lonely = lonely[np.isin(lonely, values)] if (groups_in >= 2).any() else lonely
        if not len(lonely):
            return Pairable(np.ones(len(values), dtype=bool), "")
        reason = (
            f"{concept.name}: {len(lonely)} of {count} classes ({_named(concept, lonely)}) have "
            f"fewer than 2 samples of different groups among {among} samples "
            "and are left out of its pairs."
        )
        return Pairable(groups_in[values] >= 2, reason)

    def absent(self, concept: Concept, among: IntArray) -> str:
        """The classes that have a sample, but none to learn from: no probe can name them."""
        values = np.where(concept.known, np.asarray(concept.values), -1).astype(np.int64)
        lacking = np.setdiff1d(values[concept.known], values[among])
        if not len(lacking):
            return ""
        count = max(len(concept.classes), int(values.max()) + 1)
        have, it = ("has", "it") if len(lacking) == 1 else ("have", "them")
        others = int(np.isin(values, lacking).sum())
        return (
            f"{concept.name}: {len(lacking)} of {count} classes ({_named(concept, lacking)}) {have} no sample among "
            f"the {len(among)} that the fit learns from ({others} among the others): these count as missed. Give more "
            f"of {it}, or leave {it} out."
        )


def _named(concept: Concept, numbers: IntArray) -> str:
    """Classes by name, or by number where they have none; five at most."""
    names = [concept.classes[index] if concept.classes else str(index) for index in numbers[:5]]
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return ", ".join(map(repr, names)) + more


class _Numbers(PairingKind):
    def partner(self, wheels: Wheels, strength: float) -> Partner:
        return NearRank(wheels, strength)

    def bins(self, values: Values) -> list[IntArray]:
        return column_bins(columns_of(values).astype(np.float64))

    def features(self, values: Values) -> Values:
        table = columns_of(np.asarray(values, dtype=np.float64))
        return np.asarray(rankdata(table, axis=0) / max(len(values), 1))


class _Angles(PairingKind):
    def partner(self, wheels: Wheels, strength: float) -> Partner:
        return NearAngle(wheels, strength)

    def bins(self, values: Values) -> list[IntArray]:
        return [sectors(values.astype(np.float64))]

    def features(self, values: Values) -> Values:
        angles = np.asarray(values, dtype=np.float64)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def keys(self, values: Values) -> IntArray:
        return super().keys(np.mod(values, 2 * np.pi))


_KINDS: Mapping[str, PairingKind] = {"categorical": _Categories(), "numeric": _Numbers(), "cyclic": _Angles()}


def pairing_kind(concept: Concept) -> PairingKind:
    """How the concept is paired."""
    return _KINDS[concept.kind]
