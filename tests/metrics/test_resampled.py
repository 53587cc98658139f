"""The corrected resampled interval, against its formula and where it must not shrink to nothing."""

import math

import numpy as np
import pytest
from scipy import stats

from interpret_inn.metrics.bootstrap import wilson_interval
from interpret_inn.metrics.resampled import resampled_score

SCORES = [0.62, 0.71, 0.55, 0.68, 0.66]


@pytest.mark.parametrize("scores", [SCORES, SCORES * 2, SCORES[:2]])
def test_it_is_the_formula_of_nadeau_and_bengio(scores: list[float]) -> None:
    count, ratio = len(scores), 0.3
    deviation = math.sqrt((1 / count + ratio) * np.var(scores, ddof=1))
    low, high = stats.t.interval(0.95, count - 1, loc=np.mean(scores), scale=deviation)
    found = resampled_score(scores, [7.0] * count, ratio=ratio)
    np.testing.assert_allclose([found.value, found.low, found.high], [np.mean(scores), low, min(high, 1)])
    assert list(found.parts.values()) == scores


def test_scores_count_by_their_weights() -> None:
    found = resampled_score([0.2, 0.8, 0.8], [2.0, 1.0, 1.0], ratio=0.3)
    even = resampled_score([0.2, 0.2, 0.8, 0.8], [1.0] * 4, ratio=0.3)
    assert found.value == pytest.approx(even.value)
    assert resampled_score([0.2, 0.8, 0.5], [0.0, 1.0, 0.0], ratio=0.3).value == 0.8


def test_shares_that_are_all_one_are_not_certain() -> None:
    found = resampled_score([1.0] * 5, [12.0] * 5, ratio=0.3, share_of=60)
    np.testing.assert_allclose([found.low, found.high], wilson_interval(1.0, 60))
    assert found.low < 0.95


def test_ends_stay_where_scores_can_be() -> None:
    assert resampled_score([1.0, 0.6, 0.9], [1.0] * 3, ratio=0.3).high == 1
    share = resampled_score([0.0, 0.4, 0.1], [1.0] * 3, ratio=0.3, share_of=30)
    assert share.low == 0
    assert resampled_score([0.0, -2.0, 0.5], [1.0] * 3, ratio=0.3).low < -3


@pytest.mark.parametrize("scores", [[], [0.5, math.nan, 0.6]])
def test_a_score_that_is_missing_leaves_none(scores: list[float]) -> None:
    found = resampled_score(scores, [1.0] * len(scores), ratio=0.3)
    assert math.isnan(found.value)
    assert math.isnan(found.low)


def test_one_score_has_no_interval() -> None:
    found = resampled_score([0.5], [3.0], ratio=0.3)
    assert found.value == 0.5
    assert math.isnan(found.low)


def test_it_holds_the_mean_of_all_fits_where_training_samples_overlap() -> None:
    """Scores of folds of one data set: noise of its own for each test split, and some that all have in common."""
    random = np.random.default_rng(0)
    inside = []
    for _ in range(400):
        scores = 0.7 + 0.05 * random.normal(size=5) + 0.02 * random.normal()
        found = resampled_score(list(scores), [1.0] * 5, ratio=0.2 / 0.7)
        inside.append(found.low <= 0.7 <= found.high)
    assert 0.93 < np.mean(inside) < 1
