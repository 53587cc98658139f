"""The β-VAE score: can one tell which factor two samples share from how their codes differ?"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from interpret_inn.errors import InputError
from interpret_inn.metrics.disentanglement.factor_vae import (
    first_votes,
    held_rows,
    read_batches,
    tested_share,
)
from interpret_inn.metrics.disentanglement.inputs import Groups, read_count, read_groups, read_rows
from interpret_inn.metrics.disentanglement.record import CodeScore, fit_quietly, with_chance
from interpret_inn.types import FloatArray, IntArray


def beta_vae_score(
    codes: Any,
    factors: Any,
    *,
    votes: int = 2400,
    batch: int = 64,
    test_share: float = 1 / 3,
    groups: Groups | None = None,
    resamples: int = 0,
    shuffles: int = 0,
    seed: int = 0,
) -> CodeScore:
    """β-VAE score from rows: pairs are two different rows that share the value of one factor.

    See `beta_vae_score_of_batches`. For each vote a factor is drawn, then `batch` pairs, each of a value of that factor
    (as often as rows have it). Values that a single row has are never shared.

    Args:
        codes: (N, D).
        factors: (N, K), a class per different value.
        votes: How many batches of pairs are drawn.
        batch: Pairs in a batch.
        test_share: Share of the votes to test on.
        groups: As in `beta_vae_score_of_batches`.
        resamples: Likewise. Votes share rows: the interval does not say how it would be for other rows.
        shuffles: As in `factor_vae_score`.
        seed: Of the draws of pairs, of shuffles, and of the interval.

    Returns:
        As `beta_vae_score_of_batches`, but chance is the part `chance`, as in `factor_vae_score`.

    Raises:
        InputError: arrays that do not go together, values that are not finite, a factor of one value or of too many, a
            factor whose values no two rows share, groups that overlap.
    """
    rows = read_rows(codes, factors)
    batch = read_count(batch, "batch", least=1)
    dimensions = read_groups(groups, rows.codes.shape[1])
    array = np.asarray(rows.codes, np.float64)
    generator = np.random.default_rng(read_count(seed, "seed", least=0))
    drawn = held_rows(rows.labels, votes=votes, fewest=2, generator=generator)
    held = np.array([factor for factor, _ in drawn])
    partners = [_Partners.of(column) for column in rows.labels.T]
    pairs = [partners[factor].pairs(batch, generator) for factor in held]

    def scored(array: FloatArray, resamples: int) -> CodeScore:
        points = [_distances(array[first] - array[second], dimensions).mean(0) for first, second in pairs]
        return _told(np.array(points), held, test_share, resamples, seed)

    found = scored(array, resamples)
    return with_chance(found, lambda order: scored(array[order], 0), len(array), shuffles=shuffles, seed=seed)


def beta_vae_score_of_batches(
    first: Any,
    second: Any,
    held: npt.ArrayLike,
    *,
    test_share: float = 1 / 3,
    groups: Groups | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> CodeScore:
    """β-VAE score (Higgins et al. 2017, "beta-VAE: Learning basic visual concepts", section 3).

    The two codes of each pair share one factor, the same for all pairs of a batch. Logistic regression (scikit-learn's
    defaults, as in disentanglement_lib) reads that factor from the batch's mean |difference| of each code; the score is
    its accuracy on the last votes. The penalty depends on the units of the codes: codes on a tiny scale score lower.

    Args:
        first: (V, B, D) codes.
        second: (V, B, D), their partners.
        held: (V,) the number of the shared factor of each batch, from 0.
        test_share: Share of the votes, the last ones, to test on.
        groups: Dimensions that make up one code: its difference is the Euclidean length of its dimensions' differences
            (of one dimension, the absolute value). Dimensions in no group are left out. None: each by itself.
        resamples: For an interval: how often the test votes are drawn anew.
        seed: Of these draws.

    Returns:
        Share of votes in [0, 1]; 1/K is chance if the last votes share no rows with the first, and what constant
        codes have. 1 does not mean disentangled: the classifier
        may combine codes, and it may pass over a code that mixes what the others tell. Parts: `differences` (V, G),
        `weights` (G, K) of the regression (one column less for two factors), `train`, the share on the first votes.

    Raises:
        InputError: shapes that do not go together, values that are not finite, a single held factor, groups that
            overlap.
    """
    one, other = read_batches(first, held), read_batches(second, held)
    if one.shape != other.shape:
        raise InputError(
            f"Expected pairs of codes of one shape (V, B, D), found {one.shape} and {other.shape}."
        )
    dimensions = read_groups(groups, one.shape[2])
    points = _distances(one - other, dimensions).mean(1)
    return _told(points, np.asarray(held, np.int64), test_share, resamples, seed)


def _distances(differences: FloatArray, groups: list[IntArray]) -> FloatArray:
    """Length of each code's difference: (…, G) of (…, D)."""
    lengths = [np.sqrt((differences[..., group] ** 2).sum(-1)) for group in groups]
    return np.stack(lengths, -1)


class _Partners(NamedTuple):
    """Who may be paired with whom: rows sorted by value, in blocks of rows of one value.

    Attributes:
        order: Row at each place, (N,).
        able: Places whose block has several rows.
        start: Place at which the block of each place begins, (N,).
        size: How many rows that block has, (N,).
    """

    order: IntArray
    able: IntArray
    start: IntArray
    size: IntArray

    @classmethod
    def of(cls, column: IntArray) -> _Partners:
        """Of a factor's values (N,)."""
        sizes = np.bincount(column)
        size = np.repeat(sizes, sizes)
        start = np.repeat(np.cumsum(sizes) - sizes, sizes)
        return cls(np.argsort(column, kind="stable"), np.flatnonzero(size > 1), start, size)

    def pairs(self, count: int, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
        """Rows (count,) and for each another row of its value."""
        place = generator.choice(self.able, count)
        start, size = self.start[place], self.size[place]
        other = start + (place - start + generator.integers(1, size)) % size
        return self.order[place], self.order[other]


def _told(points: FloatArray, held: IntArray, test_share: float, resamples: int, seed: int) -> CodeScore:
    """Regression on the first votes, tested on the others."""
    from sklearn.linear_model import LogisticRegression

    count = first_votes(len(points), test_share)
    if len(np.unique(held[:count])) < 2:
        raise InputError(
            "Expected at least two different held factors in the votes to learn from, found one."
        )
    model = LogisticRegression(random_state=seed)
    fit_quietly(model, points[:count], held[:count])
    right = np.asarray(model.predict(points) == held, np.bool_)
    return CodeScore(
        tested_share(right[count:], resamples, seed),
        parts={"differences": points, "weights": model.coef_.T, "train": float(right[:count].mean())},
    )
