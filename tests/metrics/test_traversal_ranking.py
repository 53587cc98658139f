"""Ranking of codes by the lengths of their axes, and how sure it is."""

from typing import Any

import numpy as np
import pytest

from interpret_inn.errors import InputError
from interpret_inn.metrics.bootstrap import percentile_interval, resampling_weights, student_quantile
from interpret_inn.metrics.traversals import rank


def drawn(seed: int, *means: Any, starts: int = 10, noise: float = 1.0) -> list[Any]:
    generator = np.random.default_rng(seed)
    return [np.abs(np.array(mean) + noise * generator.normal(size=(starts, len(mean)))) for mean in means]


def totals(each: list[Any], threshold: float) -> list[float]:
    """By the definition: one threshold for all, the rest summed."""
    means = [one.mean(0) for one in each]
    pool = np.concatenate(means)
    least = max(threshold * np.median(pool), 0.01 * pool.max())
    return [sum(length for length in mean if length >= least and length > 0) for mean in means]


def test_it_is_the_literal_bootstrap() -> None:
    each = drawn(0, [10, 5, 1.2], [9, 6.5], [8, 8, 8, 0.8], starts=6)
    found = rank(each, threshold=0.2, resamples=300, seed=4)
    value = totals(each, 0.2)
    assert [score.value for score in found.scores] == pytest.approx(value)
    samples = []
    for weights in resampling_weights(6, seed=4, resamples=300).astype(int):
        again = np.repeat(np.arange(6), weights)
        samples.append(totals([one[again] for one in each], 0.2))
    best = int(np.argmin(value))
    assert found.order[0] == best
    wider = np.sqrt(6 / 5) * student_quantile(5) / 1.959964
    wins = np.zeros(3)
    for sample in samples:
        wins[np.argmin([v + wider * (s - v) for v, s in zip(value, sample, strict=True)])] += 1
    assert found.first == pytest.approx(wins / 300)
    for place in range(3):
        column = np.array([sample[place] for sample in samples])
        low, high = percentile_interval(column, 6)
        assert (found.scores[place].low, found.scores[place].high) == pytest.approx((low, high))
        gaps = column - np.array([sample[best] for sample in samples])
        gap = value[place] - value[best]
        low, high = np.quantile(gap + wider * (gaps - gap), [0.025, 0.975])
        assert (found.behind[place].low, found.behind[place].high) == pytest.approx((low, high))
        assert found.behind[place].value == pytest.approx(value[place] - value[best])


def test_differences_are_paired() -> None:
    """Starting points that differ widely, for all codes alike: what remains is a small difference, and sure."""
    common = np.random.default_rng(0).uniform(1, 20, (10, 1))
    found = rank([common + np.array([0.2, 0.3]), common + np.array([0.3, 0.4])])
    assert found.order == (0, 1)
    assert found.first.tolist() == [1.0, 0.0]
    assert found.scores[0].high > found.scores[1].low  # by themselves they could not be told apart
    assert found.behind[1].value == pytest.approx(0.2)
    assert found.behind[1].low == pytest.approx(0.2)


def test_the_same_code_twice_is_not_told_apart() -> None:
    (code,) = drawn(1, [3, 4, 5])
    found = rank([code, code, code * (1 + 1e-9)])
    assert found.first == pytest.approx([1 / 3] * 3)
    assert found.order == (0, 1, 2)
    assert (found.behind[1].value, found.behind[1].low, found.behind[1].high) == (0, 0, 0)


def test_equal_codes_are_as_sure_as_chance_allows() -> None:
    """Of codes that are equal in truth, a sureness above 95 % is as rare as two tails of 5 % are."""
    sure = np.array(
        [rank(drawn(seed, [5, 5], [5, 5]), seed=seed, resamples=400).first.max() for seed in range(250)]
    )
    assert 0.03 <= (sure > 0.95).mean() <= 0.16
    assert 0.7 <= sure.mean() <= 0.8  # evenly from 0.5 to 1


def test_two_starting_points_are_never_sure() -> None:
    found = rank([np.array([[1.0], [1.2]]), np.array([[1.3], [1.25]])])  # longer by 0.3 and by 0.05
    assert found.order == (0, 1)
    assert found.first[0] == pytest.approx(0.75, abs=0.04)  # all draws but those of the second point alone


def test_the_threshold_is_one_for_all() -> None:
    """By a median of its own a code of many short axes would have them count, and one of few would not."""
    many, few = np.array([[8.0] + [0.5] * 9] * 3), np.array([[9.0, 9.0, 9.0, 0.5]] * 3)
    found = rank([many, np.tile(few, (1, 5))])
    assert found.threshold == pytest.approx(0.85)  # of 30 axes 14 are shorter than 8, and 15 longer
    assert found.active[0].tolist() == [True] + [False] * 9
    assert [score.value for score in found.scores] == [8, 15 * 9]
    alone = rank([many])
    assert alone.threshold == pytest.approx(0.08)  # a hundredth of the longest, above a tenth of the median
    assert alone.scores[0].value == 12.5
    assert rank([many, few], threshold=0.6, relative=False).threshold == 0.6


def test_what_moves_nothing_comes_last() -> None:
    dead, short, long = np.zeros((4, 3)), np.full((4, 2), 1.0), np.full((4, 2), 2.0)
    found = rank([dead, long, short])
    assert found.order == (2, 1, 0)
    assert found.first.tolist() == [0, 0, 1]
    assert found.scores[0].value == 0
    assert np.isnan(found.behind[0].value)
    nothing = rank([dead, dead])
    assert nothing.order == (0, 1)
    assert nothing.first.tolist() == [0.5, 0.5]
    assert (nothing.scores[1].value, nothing.behind[1].value) == (0, 0)


def test_one_code_is_the_first() -> None:
    found = rank(drawn(3, [1, 2]))
    assert (found.order, found.first.tolist(), found.behind[0].value) == ((0,), [1.0], 0)


def test_bad_lengths_are_refused() -> None:
    with pytest.raises(InputError, match=r"Expected lengths \(S, K\) of one code or several"):
        rank([])
    with pytest.raises(InputError, match=r"each with an axis, found \[\(3, 0\)\]"):
        rank([np.zeros((3, 0))])
    with pytest.raises(InputError, match=r"same starting points for all codes, two at least"):
        rank([np.ones((3, 1)), np.ones((4, 1))])
    with pytest.raises(InputError, match=r"two at least, found \[\(1, 2\)\]"):
        rank([np.ones((1, 2))])


def test_intervals_of_differences_hold_the_truth_from_few_starting_points() -> None:
    """Two codes of one expected length: the interval of their difference is to hold 0, of which one is looked at."""
    for starts, least in ((3, 0.88), (10, 0.88)):
        held = []
        for seed in range(200):
            found = rank(
                drawn(seed, [10, 8], [10, 8], starts=starts), threshold=0.0, relative=False, resamples=300
            )
            held.append(found.behind[found.order[1]].low <= 0)
        assert np.mean(held) > least


def test_what_spans_are_not_sure_of_is_in_the_ranking() -> None:
    each = [np.full((50, 4), 1.0), np.full((50, 4), 1.01)]
    assert rank(each).first.tolist() == [1.0, 0.0]
    found = rank(each, errors=[0.011, 0.011])
    assert 0.6 < found.first[0] < 0.99
    assert found.behind[1].low < 0 < found.behind[1].high
    assert rank(each, errors=[0.0, 0.0]).first.tolist() == [1.0, 0.0]
