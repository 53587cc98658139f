"""The FactorVAE score: which code keeps still while one factor is held?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from interpret_inn.errors import InputError
from interpret_inn.metrics.bootstrap import bootstrap_mean
from interpret_inn.metrics.disentanglement.inputs import (
    CodeArray,
    Groups,
    read_array,
    read_codes,
    read_count,
    read_groups,
    read_rows,
    varying,
)
from interpret_inn.metrics.disentanglement.record import CodeScore, with_chance
from interpret_inn.types import FloatArray, IntArray, Score
from interpret_inn.types.numbers import BoolArray


def factor_vae_score(
    codes: Any,
    factors: Any,
    *,
    votes: int = 2400,
    batch: int = 64,
    fewest: int = 8,
    test_share: float = 1 / 3,
    groups: Groups | None = None,
    dead: float = 0.0,
    resamples: int = 0,
    shuffles: int = 0,
    seed: int = 0,
) -> CodeScore:
    """FactorVAE score from rows: batches are drawn from the rows that share one value of one factor.

    See `factor_vae_score_of_batches`. For each vote a factor is drawn, then a value of it (as often as rows have it),
    then at most `batch` rows with that value, no row twice. A value that few rows have gives small batches and
    uncertain votes, and a value that fewer than `fewest` rows have is never held.

    Votes that are learnt from and votes that are tested share rows. Codes that tell nothing therefore reach more than
    1/K, the more so the fewer rows there are: `shuffles` measures how much.

    Args:
        codes: (N, D).
        factors: (N, K), a class per different value.
        votes: How many batches are drawn.
        batch: Rows in a batch, at most; 2 at least.
        fewest: Rows that a value must have to be held, at least 2.
        test_share: Share of the votes to test on.
        groups: As in `factor_vae_score_of_batches`.
        dead: Likewise.
        resamples: Likewise. Votes share rows: the interval does not say how it would be for other rows.
        shuffles: How often codes are given to other rows at random, each row by itself, to measure chance.
        seed: Of the draws of batches, of shuffles, and of the interval.

    Returns:
        As `factor_vae_score_of_batches`, but chance is the part `chance`: the mean score of shuffled codes, if
        `shuffles` is above 0.

    Raises:
        InputError: arrays that do not go together, values that are not finite, a factor of one value or of too many, a
            factor that can never be held, groups that overlap.
    """
    rows = read_rows(codes, factors)
    dimensions = read_groups(groups, rows.codes.shape[1])
    batch = read_count(batch, "batch", least=2)
    generator = np.random.default_rng(read_count(seed, "seed", least=0))
    array = np.asarray(rows.codes, np.float64)
    fewest = max(read_count(fewest, "fewest", least=1), 2)
    drawn = held_rows(rows.labels, votes=votes, fewest=fewest, generator=generator)
    held, chosen = np.array([factor for factor, _ in drawn]), []
    for _, members in drawn:
        some = members
        if len(members) > batch:
            some = generator.choice(members, batch, replace=False, shuffle=False)
        chosen.append(some)
    total = np.where(varying(rows.codes), array.var(0, ddof=1), 0.0)

    def scored(local: FloatArray, resamples: int) -> CodeScore:
        still = _stillness(local, total, dimensions, dead)
        return _tested(still, held, rows.labels.shape[1], test_share, resamples, seed)

    found = scored(np.array([array[some].var(0, ddof=1) for some in chosen]), resamples)
    variances = _Variances(array, chosen)
    return with_chance(
        found, lambda order: scored(variances.of_shuffled(order), 0), len(array), shuffles=shuffles, seed=seed
    )


def factor_vae_score_of_batches(
    batches: Any,
    held: npt.ArrayLike,
    *,
    variances: npt.ArrayLike | None = None,
    test_share: float = 1 / 3,
    groups: Groups | None = None,
    dead: float = 0.0,
    resamples: int = 0,
    seed: int = 0,
) -> CodeScore:
    """FactorVAE score (Kim & Mnih 2018, "Disentangling by factorising", section 3).

    In each batch one factor is held and the others vary. The code whose variance, divided by its variance over all
    data, is lowest votes for that factor. On the first votes each code is given the factor that it votes for most;
    the score is how often that is right on the others.

    Args:
        batches: (V, B, D) codes, B at least 2.
        held: (V,) the number of the held factor of each batch, from 0.
        variances: (D,) of each dimension over all data; None: over all batches together.
        test_share: Share of the votes, the last ones, to test on.
        groups: Dimensions that make up one code: the variance of each is divided by its variance over all data, and
            their mean is the code's. Dimensions in no group are left out.
        dead: Dimensions whose standard deviation over all data is no higher have no vote (constant ones never have).
        resamples: For an interval: how often the test votes are drawn anew.
        seed: Of these draws.

    Returns:
        Share of votes in [0, 1]: 1 if each factor has a code that keeps still with it alone; 1/K is chance if the
        batches of the last votes share no rows with those of the first. It does not mind a factor spread over several
        codes. 0 if all codes are constant. Parts: `votes` (G, K) of the first votes, `factor` (G,) that each code
        stands for (0 if it never voted), `voted` (V,) the voting code of each batch, `train`, the share on the first
        votes, `active` (G,).

    Raises:
        InputError: shapes that do not go together, values that are not finite, groups that overlap.
    """
    array = read_batches(batches, held)
    count, size, width = array.shape
    if size < 2:
        raise InputError(f"Expected batches of at least two codes, found {array.shape} (V, B, D).")
    flat = array.reshape(count * size, width)
    if variances is None:
        # as given: float32 codes are constant up to the rounding of float32
        total = np.where(varying(_flat(batches)), flat.var(0, ddof=1), 0.0)
    else:
        total = np.asarray(read_array(variances, "variances"), np.float64)
    if total.shape != (width,) or not (np.isfinite(total) & (total >= 0)).all():
        raise InputError(
            f"Expected a variance, 0 or above, for each of {width} dimensions, found {total!r:.80}."
        )
    factors = np.asarray(held, np.int64)
    still = _stillness(array.var(1, ddof=1), total, read_groups(groups, width), dead)
    return _tested(still, factors, int(factors.max()) + 1, test_share, resamples, seed)


class _Variances:
    """The variances of codes within batches of rows, fast enough to be computed for many orders of the rows.

    Args:
        codes: (N, D).
        batches: The rows of each batch.
    """

    def __init__(self, codes: FloatArray, batches: Sequence[IntArray]) -> None:
        self._codes = codes - codes.mean(0)
        sizes = np.array([len(rows) for rows in batches])
        ends = np.concatenate([[0], np.cumsum(sizes)])
        shape = (len(batches), len(codes))
        self._means = csr_array((np.repeat(1 / sizes, sizes), np.concatenate(batches), ends), shape=shape)
        self._unbiased = (sizes / (sizes - 1))[:, None]

    def of_shuffled(self, order: IntArray) -> FloatArray:
        """Unbiased variances (V, D), if each row has the codes of the row that `order` (N,) names."""
        codes = self._codes[order]
        biased = self._means @ codes**2 - (self._means @ codes) ** 2
        found: FloatArray = biased.clip(0) * self._unbiased
        return found


def read_batches(batches: Any, held: npt.ArrayLike) -> FloatArray:
    """Batches as float64 (V, B, D).

    Raises:
        InputError: another shape, values that are not finite, or no held factor for each.
    """
    shape = read_array(batches, "batches").shape
    array = np.asarray(_flat(batches), np.float64).reshape(shape)
    factors = np.asarray(held)
    if factors.shape != (len(array),) or factors.dtype.kind not in "iu" or factors.min() < 0:
        raise InputError(
            f"Expected the number of the held factor, from 0, for each of {len(array)} batches, "
            f"found an array {factors.shape} of {factors.dtype}."
        )
    return array


def _flat(batches: Any) -> CodeArray:
    """The rows of all batches, (V · B, D)."""
    array = read_array(batches, "batches")
    if array.ndim != 3 or not array.size:
        raise InputError(f"Expected batches of shape (V, B, D), found {array.shape}.")
    return read_codes(array.reshape(-1, array.shape[2]), "batches")


def held_rows(
    labels: IntArray, *, votes: int, fewest: int, generator: np.random.Generator
) -> list[tuple[int, IntArray]]:
    """Factors to hold, all equally often, each with the rows of one value, which is drawn as often as rows have it.

    Raises:
        InputError: a factor without any value that enough rows have, or fewer than two votes.
    """
    votes = read_count(votes, "votes", least=2)
    values, chances = [], []
    for k, column in enumerate(labels.T):
        members = [np.flatnonzero(column == value) for value in range(column.max() + 1)]
        enough = [rows for rows in members if len(rows) >= fewest]
        if not enough:
            raise InputError(
                f"Expected a value of factor {k} that at least {fewest} rows have, found at most "
                f"{max(map(len, members))}. Take more rows, or fewer classes: discretise(factors, bins=5)."
            )
        sizes = np.array([len(rows) for rows in enough], np.float64)
        values.append(enough)
        chances.append(sizes / sizes.sum())
    factors = generator.integers(0, len(values), votes)
    return [(int(k), values[k][generator.choice(len(chances[k]), p=chances[k])]) for k in factors]


def first_votes(count: int, test_share: float) -> int:
    """How many of the votes are learnt from.

    Raises:
        InputError: none, or all.
    """
    first = round(count * (1 - test_share)) if 0 < test_share < 1 else 0
    if not 0 < first < count:
        raise InputError(
            f"Expected a share of {count} votes to test on, between 0 and 1, found test_share={test_share}."
        )
    return first


def tested_share(right: BoolArray, resamples: int, seed: int) -> Score:
    """The share of test votes that are right, with its interval unless `resamples` is 0."""
    if not read_count(resamples, "resamples", least=0):
        return Score(float(right.mean()))
    return bootstrap_mean(right, share=True, seed=seed, resamples=resamples)


def _stillness(local: FloatArray, total: FloatArray, groups: list[IntArray], dead: float) -> FloatArray:
    """Variance within each batch as a share of the variance of all data, (V, G); infinite for codes that are dead."""
    if not np.isfinite(dead):
        raise InputError(f"Expected dead to be a standard deviation, found {dead!r}.")
    alive = (total > 0) & (np.sqrt(total.clip(0)) > dead)
    share = local / np.where(alive, total, 1)
    found = np.full((len(local), len(groups)), np.inf)
    for g, group in enumerate(groups):
        live = group[alive[group]]
        if len(live):
            found[:, g] = share[:, live].mean(1)
    return found


def _tested(
    still: FloatArray, held: IntArray, factors: int, test_share: float, resamples: int, seed: int
) -> CodeScore:
    """Majority votes of the first batches, tested on the others."""
    first = first_votes(len(still), test_share)
    active = np.isfinite(still[0])
    voted = still.argmin(1)
    votes = np.zeros((still.shape[1], factors))
    np.add.at(votes, (voted[:first], held[:first]), 1)
    factor = votes.argmax(1)
    right = (factor[voted] == held) & active.any()
    return CodeScore(
        tested_share(right[first:], resamples, seed),
        parts={
            "votes": votes,
            "factor": factor,
            "voted": voted,
            "train": float(right[:first].mean()),
            "active": active,
        },
    )
