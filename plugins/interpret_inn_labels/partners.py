"""Partner rules: for the first sample of a pair, where on the concept's wheel its partner is looked for.

A partner rule is called with the concepts' numbers, the first samples' places and entries on the wheels,
and the generator, all for the pairs that share one of its concepts. It returns the entries aimed at (of which
only the value counts: the sample is drawn among those of equal value) and each pair's correlation.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.special import ndtri
from torch import Generator, Tensor

from interpret_inn.types import GRADE_SHARES, GRADES, FloatArray, IntArray
from interpret_inn.types.numbers import TINY
from interpret_inn_labels.wheels import Wheel, Wheels, normal, uniform

_LARGEST_TABLE = 6  # axes of a table of numbers in which neighbours are looked for
_NEIGHBOURS = 16  # nodes nearest to the aim, among which the partner is drawn
_COPIES = 4  # of a node of mean weight; some much lighter ones get none and are never aimed at
_DRAWS = 2048  # pairs drawn for each grade to measure what is reached
_DEEP = 3.0  # nodes' copies that are drawn among: as many as a few typical nodes have,
_DEEPEST = 0.02  # and no more than this share of all (or than a few nodes of mean weight)
_END = 1e-9  # rank of the lowest value at least: a normal score is finite
_NARROW = 0.01  # share of the widest axis' variance below which an axis is rounding or a repeated column


class Aim(NamedTuple):
    """Entries that have the wanted values, int64 (n,), and the correlation of each pair, float64 (n,)."""

    target: Tensor
    rho: Tensor


class Partner(Protocol):
    """A partner rule, see the module's text."""

    def __call__(self, concept: Tensor, place: Tensor, entry: Tensor, generator: Generator) -> Aim:
        """Aims for pairs whose concepts, places and entries are (n,)."""


class SameClass:
    """Categories: the partner has the same value."""

    def __init__(self, strength: float) -> None:
        self._strength = strength

    def __call__(self, concept: Tensor, place: Tensor, entry: Tensor, generator: Generator) -> Aim:  # noqa: ARG002
        """Aims at the same value."""
        return Aim(entry, torch.full(entry.shape, self._strength, dtype=torch.float64))


class NearRank:
    """Numbers: with normal scores u of the weighted ranks, the partner's is drawn from N(ρ uᵃ, 1 − ρ²).

    A place on the wheel *is* a weighted rank, uniform by construction, so that uᵃ is normal also where values
    are tied or skewed, and the partner's distribution is the data's own.
    """

    def __init__(self, wheels: Wheels, strength: float) -> None:
        self._wheels = wheels
        self._rho = strength * torch.tensor(GRADES, dtype=torch.float64)

    def __call__(self, concept: Tensor, place: Tensor, entry: Tensor, generator: Generator) -> Aim:  # noqa: ARG002
        """Aims at a similar rank."""
        rho = self._rho[_grade(len(place), generator)]
        noise = normal(len(place), 1, generator)[:, 0]
        score = rho * torch.special.ndtri(place) + (1 - rho.square()).sqrt() * noise
        return Aim(self._wheels.at(concept, torch.special.ndtr(score)), rho)


class NearAngle:
    """Angles: the partner stands a uniform Δ further on the circle of ranks; ρ = strength · cos Δ."""

    def __init__(self, wheels: Wheels, strength: float) -> None:
        self._wheels = wheels
        self._strength = strength

    def __call__(self, concept: Tensor, place: Tensor, entry: Tensor, generator: Generator) -> Aim:  # noqa: ARG002
        """Aims at a place any distance away."""
        turn = uniform(len(place), generator)
        target = self._wheels.at(concept, torch.remainder(place + turn, 1.0))
        return Aim(target, self._strength * torch.cos(2 * math.pi * turn))


class NearPoint:
    """Rows of several numbers (a colour, a position): like `NearRank` in all axes at once.

    The columns' normal scores are turned into uncorrelated axes v (at most the six widest); the partner is
    one of the few samples nearest to a point drawn from N(ρ vᵃ, (1 − ρ²) I). Nearest is not exact: in several
    axes samples lie far apart. So the correlation that is really reached is measured once, and stands in the pairs.

    Args:
        values: float64 (E, d), in the order in which the samples were given to the wheel.
        wheel: The concept's own, its segments being the rows' numbers among the distinct rows.
        wheels: All wheels.
        number: Which of them the concept's is.
        weights: float64 (E,), in the order of `values`.
        strength: The largest correlation.
    """

    def __init__(
        self,
        values: FloatArray,
        *,
        wheel: Wheel,
        wheels: Wheels,
        number: int,
        weights: FloatArray,
        strength: float,
    ) -> None:
        self._wheels = wheels
        self._rho = strength * torch.tensor(GRADES, dtype=torch.float64)
        entries = wheels.start[number] + torch.arange(len(wheel.sample))
        # One node for each distinct row: several samples at one point are drawn from by the wheel.
        _, first, node = np.unique(values, axis=0, return_index=True, return_inverse=True)
        node = node.reshape(-1)
        axes = _uncorrelated_scores(values, weights)
        self._points = axes[first]
        starts = np.flatnonzero(wheel.segment[0] == np.arange(len(wheel.sample)))
        self._entry_of_node = entries[torch.from_numpy(starts)]
        self._node = torch.from_numpy(np.sort(node))
        self._first_entry = int(wheels.start[number])
        self._others = 1 - wheels.own_share(entries).numpy()  # share of a node outside one's own block
        copies = _copies(np.bincount(node, weights).astype(np.float64))
        self._nodes = np.flatnonzero(copies > 0)
        self._tree = cKDTree(self._points[self._nodes])
        width = min(_NEIGHBOURS, len(self._nodes))
        near = self._tree.query(self._points[self._nodes], k=width)[1].reshape(len(self._nodes), width)
        self._near = self._nodes[near]
        self._copies = copies.astype(np.float64)
        typical = float(np.square(self._copies).sum() / self._copies.sum())
        self._depth = min(_DEEP * typical, max(_DEEP * _COPIES, _DEEPEST * self._copies.sum()))
        self.reached = self._measure(number)
        """The correlation reached at each grade."""

    def __call__(self, concept: Tensor, place: Tensor, entry: Tensor, generator: Generator) -> Aim:  # noqa: ARG002
        """Aims at a point nearby."""
        grade = _grade(len(entry), generator)
        return Aim(self._aim(entry, self._rho[grade], generator), self.reached[grade])

    def _aim(self, entry: Tensor, rho: Tensor, generator: Generator) -> Tensor:
        at = entry - self._first_entry
        own = self._node[at].numpy()
        share, spread = rho.numpy()[:, None], np.sqrt(1 - rho.numpy()[:, None] ** 2)
        noise = normal(len(entry), self._points.shape[1], generator).numpy()
        point = share * self._points[own] + spread * noise
        near = self._near[self._tree.query(point)[1]]
        mass = self._copies[near]
        mine = near == own[:, None]
        mass = np.where(mine, mass * self._others[at.numpy()][:, None], mass)
        # A few copies deep, nearest first, and not the nearest alone: which of two close samples is drawn has
        # to follow their weights and not the size of the gaps around them.
        reached = mass.cumsum(1)
        depth = uniform(len(entry), generator).numpy() * np.minimum(self._depth, reached[:, -1])
        chosen = near[np.arange(len(near)), (reached > depth[:, None]).argmax(1)]
        return self._entry_of_node[torch.from_numpy(chosen)]

    def _measure(self, number: int) -> Tensor:
        generator = Generator().manual_seed(0)  # its own: the measurement is a property of the data
        concept = torch.full((_DRAWS,), number)
        entry = self._wheels.at(concept, uniform(_DRAWS, generator))
        first = self._points[self._node[entry - self._first_entry].numpy()]
        reached = []
        for rho in self._rho:
            target = self._aim(entry, rho.expand(_DRAWS), generator)
            second = self._points[self._node[target - self._first_entry].numpy()]
            one, other = first - first.mean(0), second - second.mean(0)
            product = (one * other).sum() / max(math.sqrt((one**2).sum() * (other**2).sum()), TINY)
            reached.append(min(max(float(product), 0.0), float(rho)))
        return torch.tensor(reached, dtype=torch.float64)


def _grade(n: int, generator: Generator) -> Tensor:
    edges = torch.tensor(GRADE_SHARES, dtype=torch.float64).cumsum(0)[:-1]
    return torch.searchsorted(edges, uniform(n, generator), right=True)


def _uncorrelated_scores(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Normal scores of every column's weighted ranks, rotated and scaled to a covariance of 1, (E, r)."""
    share = weights / weights.sum()
    scores = np.empty_like(values)
    for column in range(values.shape[1]):
        _, tie = np.unique(values[:, column], return_inverse=True)
        mass = np.bincount(tie.reshape(-1), share)
        scores[:, column] = ndtri(np.clip(np.cumsum(mass) - mass / 2, _END, 1 - _END))[tie.reshape(-1)]
    scores -= share @ scores
    spread, directions = np.linalg.eigh((scores * share[:, None]).T @ scores)
    spread, directions = spread[::-1], directions[:, ::-1]
    # scaled up, a narrow axis would be all noise
    kept = np.flatnonzero(spread > _NARROW * spread[0])[:_LARGEST_TABLE]
    return np.asarray(scores @ (directions[:, kept] / np.sqrt(spread[kept])))


def _copies(mass: FloatArray) -> IntArray:
    """Systematic resampling: how often each node stands in a population whose density follows the weights."""
    order = np.random.default_rng(0).permutation(len(mass))  # neighbours in the data may be alike
    ends = np.cumsum(mass[order])
    ends *= _COPIES * max(float(len(mass)), ends[-1]) / ends[-1]
    copies = np.empty(len(mass), dtype=np.int64)
    copies[order] = np.diff(np.floor(ends + 0.5), prepend=0.0).astype(np.int64)
    return copies
