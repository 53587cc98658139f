"""Intervals against slow literal versions, and how often they cover the truth."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import r2_score

from interpret_inn import errors
from interpret_inn.metrics import bootstrap
from interpret_inn.metrics.bootstrap import (
    bootstrap_mean,
    bootstrap_r2,
    mean_draws,
    r2_draws,
    resampling_weights,
    unseen_share,
)


def literal_draws(count, groups, statistic, *, seed, resamples):
    """The statistic of every resample, its rows repeated one by one."""
    results = []
    for weights in resampling_weights(count, seed=seed, resamples=resamples).astype(int):
        rows = [
            row
            for g, times in enumerate(weights)
            for _ in range(times)
            for row in np.flatnonzero(groups == g)
        ]
        results.append(statistic(np.array(rows)))
    return results


def expanded(draws, count):
    from scipy.stats import norm, t

    tail = norm.cdf(-math.sqrt(count / (count - 1)) * t.ppf(0.975, count - 1))
    return np.quantile(draws, tail), np.quantile(draws, 1 - tail)


def test_mean_of_groups_equals_the_literal_bootstrap():
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 12, 60)
    values = generator.normal(5, 1, 60) + groups
    score = bootstrap_mean(values, groups, seed=3, resamples=200)
    draws = literal_draws(12, groups, lambda rows: values[rows].mean(), seed=3, resamples=200)
    assert score.value == pytest.approx(values.mean())
    assert (score.low, score.high) == pytest.approx(expanded(draws, 12))
    np.testing.assert_allclose(mean_draws(values, groups, seed=3, resamples=200), draws)


def test_r2_of_groups_equals_sklearn_on_every_resample():
    generator = np.random.default_rng(1)
    groups = generator.integers(0, 15, 80)
    truth = generator.normal(100, 1, (80, 3))
    told = truth + generator.normal(0, [0.3, 1, 2], (80, 3))
    score = bootstrap_r2(truth, told, groups, seed=4, resamples=150)
    draws = literal_draws(15, groups, lambda r: r2_score(truth[r], told[r]), seed=4, resamples=150)
    assert score.value == pytest.approx(r2_score(truth, told))
    assert (score.low, score.high) == pytest.approx(expanded(draws, 15))
    np.testing.assert_allclose(r2_draws(truth, told, groups, seed=4, resamples=150), draws)


def test_a_draw_in_which_nothing_varies_has_no_r2():
    truth = np.array([[0.0], [0.0], [1.0]])
    draws = r2_draws(truth, truth, seed=0, resamples=200)
    assert np.isnan(draws).any()
    assert (draws[~np.isnan(draws)] == 1).all()


def test_what_is_not_seen_may_still_be_a_share_of_this_size():
    score = bootstrap_mean(np.zeros(40), share=True)
    assert unseen_share(40) == pytest.approx(score.high)


def test_every_resample_draws_as_many_groups_as_there_are():
    weights = resampling_weights(9, seed=0, resamples=50)
    assert weights.shape == (50, 9)
    assert (weights.sum(1) == 9).all()
    assert len(np.unique(weights, axis=0)) > 40


@pytest.mark.parametrize("count", [9, 5000])  # few are kept for the next who asks, many are not
def test_resamples_are_those_of_their_seed_and_cannot_be_changed(count):
    first = resampling_weights(count, seed=0, resamples=3)
    assert (resampling_weights(count, seed=1, resamples=3) != first).any()
    assert resampling_weights(count, seed=0, resamples=2).shape == (2, count)
    assert np.array_equal(resampling_weights(count, seed=0, resamples=3), first)
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


@pytest.mark.slow
@pytest.mark.parametrize(("share", "count"), [(0.1, 25), (0.1, 200), (0.97, 40), (0.97, 300), (0.5, 10)])
def test_intervals_of_shares_cover(share, count):
    generator = np.random.default_rng(2)
    scores = [
        bootstrap_mean(generator.random(count) < share, seed=i, share=True, resamples=300) for i in range(500)
    ]
    assert np.mean([s.low <= share <= s.high for s in scores]) >= 0.93
    assert all(0 <= s.low <= s.value <= s.high <= 1 for s in scores)


def test_intervals_of_clustered_shares_cover_because_groups_are_drawn():
    generator = np.random.default_rng(3)
    groups = np.repeat(np.arange(15), 20)
    covered = {"groups": [], "rows": []}
    for i in range(150):
        shares = generator.beta(2.8, 1.2, 15)
        right = (generator.random((15, 20)) < shares[:, None]).ravel()
        for name, drawn in {"groups": groups, "rows": None}.items():
            score = bootstrap_mean(right, drawn, seed=i, share=True, resamples=300)
            covered[name].append(score.low <= 0.7 <= score.high)
    assert np.mean(covered["groups"]) >= 0.9
    assert np.mean(covered["rows"]) <= 0.75


@pytest.mark.parametrize(("count", "noise"), [(20, 0.5), (60, 3.0), (300, 0.5)])
def test_intervals_of_r2_cover(count, noise):
    generator = np.random.default_rng(4)
    truth = 1 - noise**2 / (1 + noise**2)
    scores = []
    for i in range(200):
        told = generator.normal(size=(count, 1))
        values = told + noise * generator.normal(size=(count, 1))
        scores.append(bootstrap_r2(values, told, seed=i, resamples=300))
    assert np.mean([s.low <= truth <= s.high for s in scores]) >= 0.89
    assert np.mean([s.low > truth for s in scores]) <= 0.06  # the side on which one would believe too much


def test_five_right_answers_do_not_prove_all():
    score = bootstrap_mean(np.ones(5), share=True)
    assert (score.value, score.high) == (1.0, 1.0)
    assert score.low == pytest.approx(5 / (5 + 1.96**2), abs=1e-3)  # Wilson's bound


def test_the_same_seed_gives_the_same_interval_and_no_global_draw():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    values = np.random.default_rng(0).normal(size=50)
    assert bootstrap_mean(values, seed=1) == bootstrap_mean(values, seed=1)
    assert bootstrap_mean(values, seed=1) != bootstrap_mean(values, seed=2)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_nothing_to_go_by_gives_nan_without_a_warning():
    assert math.isnan(bootstrap_mean([]).value)
    assert math.isnan(bootstrap_mean([1.0, np.nan]).value)
    assert math.isnan(bootstrap_mean([1.0, 2.0], np.array([7, 7])).low)
    assert bootstrap_mean([1.0, 2.0], np.array([7, 7])).value == 1.5
    assert math.isnan(bootstrap_r2(np.ones((4, 1)), np.zeros((4, 1))).value)
    assert math.isnan(bootstrap_r2(np.empty((0, 1)), np.empty((0, 1))).value)
    truth = np.array([[0.0], [1.0]])
    assert math.isnan(bootstrap_r2(truth, truth, np.array([1, 1])).low)
    assert math.isnan(bootstrap_r2(truth, np.full((2, 1), np.inf)).value)


def test_columns_that_do_not_vary_are_left_out():
    truth = np.stack([np.arange(6.0), np.full(6, 0.1)], 1)
    assert bootstrap_r2(truth, truth).value == 1.0


def test_draws_in_which_nothing_varies_are_left_out():
    truth = np.array([[0.0], [0.0], [0.0], [1.0]])
    score = bootstrap_r2(truth, truth * 0.9)
    assert math.isfinite(score.low)
    assert score.low <= score.value <= score.high


def test_errors_say_what_was_found():
    with pytest.raises(errors.InputError, match=r"one group for each of 3 values, found an array \(2,\)"):
        bootstrap_mean([1.0, 2.0, 3.0], np.array([0, 1]))
    with pytest.raises(errors.InputError, match=r"one shape \(n, k\), found \(3,\) and \(3,\)"):
        bootstrap_r2(np.zeros(3), np.zeros(3))


def test_student_quantile():
    assert bootstrap.student_quantile(1) == pytest.approx(12.706, abs=1e-3)


def test_an_interval_of_what_is_never_negative_begins_at_0():
    values = np.where(np.arange(7) < 1, 0.1, 0.0) + 0.0
    lows = [bootstrap_mean(values * scale, seed=seed).low for seed in range(5) for scale in (1.0, 0.3, 1 / 3)]
    assert min(lows) == 0.0


@pytest.mark.parametrize(
    ("variance", "hits", "count"),
    [
        (0.3 * 0.7 / 50, 15, 50),  # as of 50 values apart
        (0.3 * 0.7 / 5, 6, 20),  # never of fewer than there are
    ],
)
def test_wilsons_interval_is_that_of_the_values_that_count_apart(variance, hits, count):
    wanted = binomtest(hits, count).proportion_ci(method="wilson")
    assert bootstrap._wilson(0.3, variance, 20) == pytest.approx((wanted.low, wanted.high))


def test_no_right_answer_of_twelve_does_not_prove_none():
    score = bootstrap_mean(np.zeros(12), share=True)
    assert (score.value, score.low) == (0, 0)
    assert score.high == pytest.approx(binomtest(0, 12).proportion_ci(method="wilson").high)


def test_two_groups_have_an_interval():
    for score in (
        bootstrap_mean([1.0, 2.0]),
        bootstrap_r2(np.array([[0.0], [1.0]]), np.array([[0.1], [0.7]])),
    ):
        assert math.isfinite(score.value)
        assert score.low <= score.value <= score.high


def test_one_value_that_is_not_finite_spoils_r2_wherever_it_is():
    truth, told = np.array([[0.0], [1.0], [3.0]]), np.array([[0.1], [1.2], [2.0]])
    for spoilt in ((np.where(truth == 1, np.nan, truth), told), (truth, np.where(told == 2, np.nan, told))):
        score = bootstrap_r2(*spoilt)
        assert math.isnan(score.value)
        assert math.isnan(score.low)


def test_weights_count_as_copies_of_values_do():
    values, groups = np.array([0.0, 1.0, 4.0, 9.0, 2.0]), np.array([0, 0, 1, 2, 2])
    weights = np.array([1.0, 2.0, 3.0, 1.0, 2.0])
    copies = np.repeat(np.arange(5), weights.astype(int))
    np.testing.assert_allclose(
        mean_draws(values, groups, weights=weights), mean_draws(values[copies], groups[copies]), rtol=1e-12
    )
    assert bootstrap_mean(values, groups, weights=weights).value == pytest.approx(values[copies].mean())
    even = bootstrap_mean(values, groups, weights=np.ones(5))
    assert even.value == bootstrap_mean(values, groups).value


def test_the_fewer_values_carry_the_weight_the_wider_is_the_interval():
    values = np.array([0.0, 1.0] * 20)
    all_alike = bootstrap_mean(values, share=True)
    few = bootstrap_mean(values, weights=np.where(np.arange(40) < 6, 1.0, 0.01), share=True)
    assert few.high - few.low > 2 * (all_alike.high - all_alike.low)
    right = bootstrap_mean(np.ones(40), weights=np.where(np.arange(40) < 6, 1.0, 0.01), share=True)
    assert right.low < bootstrap_mean(np.ones(40), share=True).low - 0.2
