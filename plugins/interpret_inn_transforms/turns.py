"""Which variants are paired, and with what correlation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.special import ndtri
from scipy.stats import rankdata
from torch import Generator, Tensor

from interpret_inn.types import GRADE_SHARES, GRADES, SAME, Concept, FloatArray, IntArray
from interpret_inn.types.numbers import TINY

_NEAR = 8  # nearest variants looked at for one of another picture
_DRAWN = 1024  # pairs drawn for each grade to measure what is reached


class Drawn(NamedTuple):
    """Pairs of one concept: samples int64 (n,), their ρ in the concept and in all else, float (n,)."""

    first: Tensor
    second: Tensor
    concept: Tensor
    others: Tensor


class Turns(ABC):
    """Draws the pairs of one transform; `turns_of` gives those that suit its kind.

    *Within* a picture: two of its variants, whose amounts were drawn independently: ρ = 0 in the concept (two of
    done and not done always differ: ρ = −`SAME`), `SAME` in all else. *Across*: variants of different pictures
    whose amounts were drawn to agree: graded ρ in the concept, 0 in all else.

    Args:
        concept: With the amounts as values; those of other samples are missing.
        samples: int64 (M,), the samples that went through the transform.
        source: int64 (M,), which picture each is of.
        groups: int64 (M,), which group each belongs to; nobody is paired across within a group.
    """

    _rho_within = 0.0
    """Of two variants of one picture, in the concept."""

    def __init__(self, concept: Concept, samples: IntArray, *, source: IntArray, groups: IntArray) -> None:
        self._samples = torch.from_numpy(samples)
        self._groups = groups
        values = np.asarray(concept.values)[samples]
        self._values = values.astype(np.float64)[:, None] if values.ndim == 1 else values
        self.within = self._pairs_within(source)
        self.across = len(np.unique(groups)) > 1
        if self.across:
            self._prepare()

    def draw_within(self, n: int, generator: Generator) -> Drawn:
        """Pairs of variants of one picture."""
        chosen = self.within[_integers(n, len(self.within), generator)]
        turned = torch.rand(n, generator=generator).numpy() < 0.5
        pairs = torch.from_numpy(np.where(turned[:, None], chosen[:, ::-1], chosen))
        first, second = self._samples[pairs[:, 0]], self._samples[pairs[:, 1]]
        return Drawn(first, second, torch.full((n,), self._rho_within), torch.full((n,), SAME))

    def draw_across(self, n: int, generator: Generator) -> Drawn:
        """Pairs of variants of different pictures."""
        first = _integers(n, len(self._samples), generator)
        second, rho = self._partners(first, generator)
        # no variant of another group agrees with it: the pair is independent, with ρ of 0
        alone = self._groups[first] == self._groups[second]
        if alone.any():
            second[alone], rho[alone] = self._anyone_else(first[alone], generator), 0.0
        return Drawn(
            self._samples[first], self._samples[second], torch.from_numpy(rho).float(), torch.zeros(n)
        )

    @abstractmethod
    def _partners(self, first: IntArray, generator: Generator) -> tuple[IntArray, FloatArray]:
        """Places (n,) of variants that agree with the first ones, and each pair's ρ in the concept."""

    def _pairs_within(self, source: IntArray) -> IntArray:
        return _pairs_within(source)

    @abstractmethod
    def _prepare(self) -> None:
        """Works out what `_partners` needs, once."""

    def _anyone_else(self, first: IntArray, generator: Generator) -> IntArray:
        order = np.argsort(self._groups, kind="stable")
        ends = np.searchsorted(self._groups[order], self._groups[first], side="right")
        begins = np.searchsorted(self._groups[order], self._groups[first], side="left")
        left = len(order) - (ends - begins)
        place = (torch.rand(len(first), generator=generator, dtype=torch.float64).numpy() * left).astype(
            np.int64
        )
        return np.asarray(order[np.where(place >= begins, place + ends - begins, place)])


class _NumberTurns(Turns):
    def _prepare(self) -> None:
        self._scores = _normal_scores(self._values)
        self._tree = cKDTree(self._scores)
        near = self._tree.query(self._scores, k=min(_NEAR, len(self._scores)))[1]
        self._near = near.reshape(len(self._scores), -1)
        self._order = np.argsort(self._scores[:, 0])
        self._edges = _middles(self._scores[self._order, 0])
        self._reached = [self._measure(grade * SAME) for grade in GRADES]

    def _partners(self, first: IntArray, generator: Generator) -> tuple[IntArray, FloatArray]:
        edges = np.cumsum(GRADE_SHARES)[:-1]
        grade = np.searchsorted(edges, torch.rand(len(first), generator=generator).numpy(), side="right")
        second = self._aim(first, SAME * np.asarray(GRADES)[grade], generator)
        return second, np.asarray(self._reached)[grade]

    def _aim(self, first: IntArray, rho: FloatArray, generator: Generator) -> IntArray:
        """The nearest variant of another group to a point drawn around each."""
        own = self._scores[first]
        noise = torch.randn(own.shape, generator=generator, dtype=torch.float64).numpy()
        point = rho[:, None] * own + np.sqrt(1 - rho[:, None] ** 2) * noise
        if point.shape[1] == 1:  # the same as below, and many times as fast
            nearest = self._order[np.searchsorted(self._edges, point[:, 0])]
        else:
            nearest = self._tree.query(point)[1]
        near = self._near[nearest]
        others = self._groups[near] != self._groups[first][:, None]
        return np.asarray(near[np.arange(len(near)), others.argmax(1)])

    def _measure(self, rho: float) -> float:
        """The correlation that pairs drawn at ρ have: among few variants the nearest one is not near."""
        generator = Generator().manual_seed(0)  # its own: the measurement is a property of the data
        first = _integers(_DRAWN, len(self._samples), generator)
        second = self._aim(first, np.full(_DRAWN, rho), generator)
        one, other = self._scores[first], self._scores[second]
        product = float((one * other).sum() / max(np.sqrt((one**2).sum() * (other**2).sum()), TINY))
        return min(max(product, 0.0), rho)


class _ClassTurns(Turns):
    _rho_within = -SAME

    def _pairs_within(self, source: IntArray) -> IntArray:
        return _pairs_within(source, self._values)

    def _prepare(self) -> None:
        self._members = [np.flatnonzero(self._values[:, 0] == value) for value in (0, 1)]

    def _partners(self, first: IntArray, generator: Generator) -> tuple[IntArray, FloatArray]:
        places = torch.rand(len(first), generator=generator, dtype=torch.float64).numpy()
        found = np.empty(len(first), dtype=np.int64)
        for value, members in enumerate(self._members):
            mine = self._values[first, 0] == value
            found[mine] = members[(places[mine] * len(members)).astype(np.int64)]
        return found, np.full(len(first), SAME)


class _AngleTurns(Turns):
    def _prepare(self) -> None:
        """Nothing: a variant of any other group will do."""

    def _partners(self, first: IntArray, generator: Generator) -> tuple[IntArray, FloatArray]:
        second = self._anyone_else(first, generator)
        return second, SAME * np.cos(self._values[first, 0] - self._values[second, 0])


_TURNS: Mapping[str, type[Turns]] = {
    "numeric": _NumberTurns,
    "categorical": _ClassTurns,
    "cyclic": _AngleTurns,
}


def turns_of(concept: Concept, samples: IntArray, *, source: IntArray, groups: IntArray) -> Turns:
    """Draws the pairs of one transform, as suits its kind; see `Turns`."""
    return _TURNS[concept.kind](concept, samples, source=source, groups=groups)


def _pairs_within(source: IntArray, classes: FloatArray | None = None) -> IntArray:
    """All pairs of places of one picture, int64 (P, 2); with classes, only those of two classes."""
    order = np.argsort(source, kind="stable")
    found = [np.empty((0, 2), dtype=np.int64)]
    most = int(np.bincount(np.unique(source, return_inverse=True)[1]).max(initial=0))
    for step in range(1, most):
        first, second = order[:-step], order[step:]
        alike = source[first] == source[second]
        if classes is not None:
            alike &= classes[first, 0] != classes[second, 0]
        found.append(np.stack([first[alike], second[alike]], axis=1))
    return np.concatenate(found)


def _middles(ascending: FloatArray) -> FloatArray:
    return np.asarray((ascending[1:] + ascending[:-1]) / 2)


def _normal_scores(values: FloatArray) -> FloatArray:
    """Normal quantiles of the ranks of each column, (M, axes)."""
    return np.asarray(ndtri((rankdata(values, axis=0) - 0.5) / len(values)))


def _integers(n: int, below: int, generator: Generator) -> IntArray:
    return torch.randint(below, (n,), generator=generator).numpy().astype(np.int64)
