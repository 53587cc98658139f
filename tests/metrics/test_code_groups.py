"""Groups of dimensions as one code: single dimensions as before, turned inside a group as before, joint information."""

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
    mutual_information,
    sap,
    total_correlation,
)
from interpret_inn.metrics.disentanglement import information

SCORES = {
    "mig": mig,
    "modularity": modularity,
    "sap": sap,
    "sap continuous": lambda z, y, **more: sap(z, y, kind="continuous", **more),
    "explicitness": explicitness,
    "factor_vae_score": lambda z, y, **more: factor_vae_score(z, y, votes=300, **more),
    "beta_vae_score": lambda z, y, **more: beta_vae_score(z, y, votes=300, **more),
    "irs": irs,
    "total_correlation": lambda z, y, **more: total_correlation(z, **more),
    "dci": lambda z, y, **more: dci(z, y, estimator="linear", **more),
    "completeness": lambda z, y, **more: CodeScore(
        dci(z, y, estimator="linear", **more).further["completeness"]
    ),
}
TURNED = ("mig", "sap continuous", "explicitness", "beta_vae_score", "irs", "total_correlation")
PAIRS = [slice(0, 2), [2, 3]]


def spread(seed=0, *, count=400):
    """Two factors; each decides two dimensions together, neither of which tells all of it."""
    generator = np.random.default_rng(seed)
    factors = generator.integers(0, 4, (count, 2))
    first, second = factors // 2, factors % 2
    codes = np.stack([first[:, 0], second[:, 0], first[:, 1], second[:, 1]], 1)
    return codes + 0.05 * generator.normal(size=(count, 4)), factors


@pytest.mark.parametrize("name", SCORES)
def test_groups_of_one_are_the_dimensions(name):
    codes, factors = spread()
    alone = SCORES[name](codes, factors, groups=[[2], [0], slice(3, 4), [1]]).score.value
    assert alone == pytest.approx(SCORES[name](codes, factors).score.value, abs=1e-6)


@pytest.mark.parametrize("name", SCORES)
def test_dimensions_in_no_group_do_not_count(name, monkeypatch):
    monkeypatch.setattr(information, "_TREES", 5)  # equal figures are asked for, not good ones
    codes, factors = spread()
    changed = codes.copy()
    changed[:, 3] = factors[:, 0]
    first, second = (SCORES[name](z, factors, groups=[[0, 1], [2]]).score.value for z in (codes, changed))
    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize("name", SCORES)
def test_groups_that_belong_together_score_higher(name):
    codes, factors = spread()
    apart, together, crossed = (
        SCORES[name](codes, factors, groups=groups).score.value for groups in (None, PAIRS, [[0, 2], [1, 3]])
    )
    if name == "total_correlation":
        assert together < 0.02
    elif name in ("explicitness", "factor_vae_score", "beta_vae_score", "modularity", "dci", "irs"):
        assert together >= apart - 0.02  # spread factors are no fault of theirs
    else:
        assert together > apart + 0.05
    if name not in ("explicitness", "total_correlation"):
        assert together > crossed + 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", TURNED)
def test_turning_inside_a_group_changes_little(name):
    codes, factors = spread()
    turned = codes.copy()
    for pair, angle in (((0, 1), 0.4), ((2, 3), -1.0)):
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        turned[:, pair] = codes[:, pair] @ turn
    first, second = (SCORES[name](z, factors, groups=PAIRS).score.value for z in (codes, turned))
    assert first == pytest.approx(second, abs=0.06 if name == "mig" else 0.02)


@pytest.mark.slow
def test_information_of_a_group_that_no_dimension_has():
    """The factor is whether two coins agree: each alone tells nothing, both all of it."""
    generator = np.random.default_rng(0)
    coins = generator.integers(0, 2, (600, 3))
    factors = np.stack([coins[:, 0] ^ coins[:, 1], coins[:, 2]], 1)
    found = mutual_information(coins.astype(float), factors, groups=[[0, 1], [2]])
    np.testing.assert_allclose(found.mutual, np.diag(found.entropy), atol=0.03)
    np.testing.assert_allclose(mutual_information(coins, factors, bins=None).mutual[:2], 0, atol=0.01)


@pytest.mark.parametrize("distance", [0.5, 1.5, 4.0])
def test_information_of_a_group_is_near_the_true_one_and_below(distance):
    """Two normal clouds around ±distance/2: the information is an integral over the line between them."""
    generator = np.random.default_rng(1)
    factor = generator.integers(0, 2, (1500, 1))
    codes = generator.normal(size=(1500, 3)) + distance * (factor - 0.5) * np.array([0.6, 0.8, 0])
    line = np.linspace(-9, 9, 20_001)
    densities = [
        np.exp(-((line - side * distance / 2) ** 2) / 2) / math.sqrt(2 * math.pi) for side in (-1, 1)
    ]
    mean = sum(densities) / 2
    true = sum((p * np.log(p / mean)).sum() for p in densities) / 2 * (line[1] - line[0])
    found = mutual_information(codes, factor, groups=[slice(0, 3)]).mutual[0, 0]
    assert true - 0.06 < found < true + 0.02


@pytest.mark.slow
def test_information_of_a_group_of_noise_is_nothing():
    generator = np.random.default_rng(2)
    found = mutual_information(
        generator.normal(size=(400, 5)), generator.integers(0, 5, (400, 2)), groups=[[0, 1, 2], [3, 4]]
    )
    assert (found.mutual >= 0).all()
    assert found.mutual.max() < 0.02


def test_explained_variance_of_a_wide_group_of_noise_is_nothing():
    """Without the adjustment, 40 useless dimensions would explain a fifth of 200 values."""
    generator = np.random.default_rng(0)
    codes, factors = generator.normal(size=(200, 41)), generator.normal(size=(200, 3))
    found = sap(codes, factors, kind="continuous", groups=[slice(0, 40), [40]])
    assert found.parts["matrix"].max() < 0.1


@pytest.mark.slow
def test_importance_of_a_group_is_the_sum_of_its_dimensions():
    codes, factors = spread(count=150)
    single = dci(codes, factors, estimator="forest").parts["importance"]
    paired = dci(codes, factors, estimator="forest", groups=PAIRS).parts["importance"]
    np.testing.assert_allclose(paired, [single[:2].sum(0), single[2:].sum(0)])


def test_explicitness_says_how_explicit_each_group_is():
    codes, factors = spread()
    assert "groups" not in explicitness(codes, factors).parts
    parts = explicitness(codes, factors, groups=PAIRS).parts["groups"]
    assert parts.shape == (2, 2)
    assert np.diag(parts).min() > 0.95
    assert abs(parts[0, 1] - 0.5) < 0.12
