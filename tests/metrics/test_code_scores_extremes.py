"""Perfect codes have the highest scores, codes independent of the factors the lowest, turned ones less than clean."""

import itertools
import math

import numpy as np
import pytest

from interpret_inn.metrics import (
    CodeScore,
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


def grid(repeats=6):
    """Every combination of three factors with 2, 3 and 4 values, some times each."""
    every = np.array(list(itertools.product(range(2), range(3), range(4))))
    return np.repeat(every, repeats, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "score",
    [
        mig,
        modularity,
        irs,
        lambda z, y: sap(z, y, kind="continuous"),
        lambda z, y: dci(z, y, estimator="forest"),
        lambda z, y: CodeScore(dci(z, y, estimator="forest").further["completeness"]),
        lambda z, y: CodeScore(dci(z, y, estimator="forest").further["informativeness"]),
        lambda z, y: factor_vae_score(z, y, votes=300),
        lambda z, y: beta_vae_score(z, y, votes=300),
        explicitness,
    ],
)
def test_perfect_codes_have_one(score):
    factors = grid()
    assert score(factors * 2.0, factors).score.value == pytest.approx(1, abs=0.01)


@pytest.mark.slow
def test_independent_codes_have_nothing():
    generator = np.random.default_rng(0)
    factors = generator.integers(0, 3, (1500, 3))
    codes = generator.normal(size=(1500, 4))
    assert mig(codes, factors).score.value < 0.01
    for kind in ("discrete", "continuous"):
        assert sap(codes, factors, kind=kind).score.value < 0.04
    found = dci(codes, factors, estimator="forest")
    assert found.score.value < 0.01
    assert found.further["completeness"].value < 0.01
    assert found.further["informativeness"].value == pytest.approx(1 / 3, abs=0.06)
    assert explicitness(codes, factors).score.value == pytest.approx(0.5, abs=0.04)
    assert factor_vae_score(codes, factors, votes=900).score.value == pytest.approx(1 / 3, abs=0.12)
    assert beta_vae_score(codes, factors, votes=900).score.value == pytest.approx(1 / 3, abs=0.12)
    assert irs(codes, factors, quantile=1).score.value < 0.15
    assert total_correlation(codes).score.value < 0.01


@pytest.mark.slow
def test_every_estimator_tells_clean_from_rotated():
    generator = np.random.default_rng(0)
    factors = generator.integers(0, 2, (240, 2))
    clean = factors + 0.05 * generator.normal(size=(240, 2))
    rotated = clean @ np.array([[1.0, 1.0], [-1.0, 1.0]]) / math.sqrt(2)
    for estimator in ("boosting", "forest", "linear"):
        first, second = (dci(z, factors, estimator=estimator) for z in (clean, rotated))
        assert first.score.value > 0.8
        assert first.score.value > second.score.value + 0.3
        np.testing.assert_allclose(first.parts["importance"].sum(0), 1)
