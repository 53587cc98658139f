"""Scores of codes have intervals that cover them, and the score that chance would reach, when these are asked for."""

import math

import numpy as np
import pytest

from interpret_inn.metrics import (
    beta_vae_score,
    dci,
    explicitness,
    factor_vae_score,
    irs,
    mig,
    modularity,
    sap,
    total_correlation,
)
from interpret_inn.metrics.disentanglement.factor_vae import _Variances

from .mixed_codes import mixed

INTERVALS = {
    "mig": lambda z, y, n: mig(z, y, resamples=n),
    "modularity": lambda z, y, n: modularity(z, y, resamples=n),
    "sap": lambda z, y, n: sap(z, y, resamples=n),
    "sap continuous": lambda z, y, n: sap(z, y, kind="continuous", resamples=n),
    "explicitness": lambda z, y, n: explicitness(z, y, resamples=n),
    "irs": lambda z, y, n: irs(z, y, resamples=n),
    "total_correlation": lambda z, y, n: total_correlation(z, resamples=n),
    "factor_vae_score": lambda z, y, n: factor_vae_score(z, y, votes=90, resamples=n),
    "beta_vae_score": lambda z, y, n: beta_vae_score(z, y, votes=90, resamples=n),
    "dci": lambda z, y, n: dci(z, y, estimator="linear", resamples=n),
}


@pytest.mark.parametrize("name", INTERVALS)
def test_intervals_hold_the_score_and_are_not_there_unasked(name):
    codes, factors = mixed(5)
    without, found = INTERVALS[name](codes, factors, 0), INTERVALS[name](codes, factors, 30)
    assert math.isnan(without.score.low)
    for score in (found.score, *found.further.values()):
        assert 0 <= score.low <= score.value <= score.high
        assert score.high - score.low > 0.001
    assert found.score.value == without.score.value


@pytest.mark.slow
def test_intervals_cover_the_score_of_many_more_samples():
    """The gap of many small samples, each with its interval, against that of a sample 40 times as large."""

    def drawn(seed, count):
        generator = np.random.default_rng(seed)
        factors = generator.integers(0, 2, (count, 2))
        codes = factors * [1.0, 0.8] + 0.7 * generator.normal(size=(count, 2))
        return codes.clip(-0.5, 1.5), factors  # else more samples reach farther, and have wider bins

    truth = mig(*drawn(0, 16_000), bins=4).score.value
    found = [mig(*drawn(seed, 400), bins=4, resamples=60).score for seed in range(1, 41)]
    covered = np.mean([score.low <= truth <= score.high for score in found])
    assert covered > 0.85
    assert np.mean([score.high - score.low for score in found]) < 0.25


@pytest.mark.slow
@pytest.mark.parametrize("score", [factor_vae_score, beta_vae_score])
def test_chance_is_what_codes_reach_that_tell_nothing(score):
    """Votes to learn from and votes to test on share rows: on few of them, noise scores above 1/K."""
    noise, chance = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        codes, factors = rng.normal(size=(120, 4)), rng.integers(0, 3, (120, 2))
        found = score(codes, factors, votes=600, shuffles=4, seed=seed)
        noise.append(found.score.value)
        chance.append(found.parts["chance"])
    assert np.mean(noise) > 0.53
    assert np.mean(chance) == pytest.approx(np.mean(noise), abs=0.08)


@pytest.mark.parametrize("score", [factor_vae_score, beta_vae_score])
def test_measuring_chance_leaves_the_score_as_it_is(score):
    codes, factors = mixed(3)
    plain, measured = (score(codes, factors, votes=200, resamples=20, shuffles=n) for n in (0, 2))
    assert plain.score == measured.score
    assert "chance" not in plain.parts
    assert 0 <= measured.parts["chance"] <= 1
    assert measured.parts["chance"] == score(codes, factors, votes=200, shuffles=2).parts["chance"]


def test_variances_of_shuffled_rows_are_those_of_the_rows():
    rng = np.random.default_rng(0)
    codes, order = 100 + rng.normal(size=(50, 3)), rng.permutation(50)
    batches = [rng.permutation(50)[:size] for size in (2, 8, 31)]
    found = _Variances(codes, batches).of_shuffled(order)
    np.testing.assert_allclose(found, [codes[order][rows].var(0, ddof=1) for rows in batches])
