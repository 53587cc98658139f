"""Scores of codes equal literal versions of their formulas, and cases that are worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from interpret_inn.metrics import (
    beta_vae_score_of_batches,
    factor_vae_score_of_batches,
    irs,
    mig,
    modularity,
    mutual_information,
    sap,
    total_correlation,
)
from interpret_inn.metrics.disentanglement import completeness_of, disentanglement_of, modularity_of
from interpret_inn.metrics.disentanglement.explicit import area_under_roc

from .mixed_codes import FEW, SEEDS, mixed


def literal_information(first, second):
    """Σ p(a, b) log p(a, b) / p(a) p(b), pair of values by pair of values."""
    total = 0.0
    for a in set(first):
        for b in set(second):
            joint = np.mean((first == a) & (second == b))
            if joint:
                total += joint * math.log(joint / (np.mean(first == a) * np.mean(second == b)))
    return total


def literal_bins(column, bins):
    """Each value's bin of equal width, by comparison with every edge."""
    edges = [column.min() + (column.max() - column.min()) * i / bins for i in range(bins)]
    return np.array([sum(value >= edge for edge in edges) - 1 for value in column])


def literal_entropy_score(values):
    """1 − entropy of the shares to the base of their number."""
    shares = [(value + 1e-11) / (sum(values) + 1e-11 * len(values)) for value in values]
    return 1 + sum(share * math.log(share, len(values)) for share in shares)


@FEW
@given(SEEDS)
def test_gap_and_modularity_equal_the_literal_ones(seed):
    codes, factors = mixed(seed)
    table = [[literal_information(literal_bins(z, 8), y) for y in factors.T] for z in codes.T]
    entropy = [literal_information(y, y) for y in factors.T]
    found = mutual_information(codes, factors, bins=8)
    np.testing.assert_allclose(found.mutual, table, atol=1e-12)
    np.testing.assert_allclose(found.entropy, entropy, atol=1e-12)

    gaps = []
    for column, whole in zip(np.array(table).T, entropy, strict=True):
        best, second = sorted(column, reverse=True)[:2]
        gaps.append((best - second) / whole)
    score = mig(codes, factors, bins=8)
    assert score.score.value == pytest.approx(np.mean(gaps))
    np.testing.assert_allclose(score.parts["gap"], gaps)

    each = []
    for row in table:
        best = max(row)
        each.append(1 - (sum(value**2 for value in row) - best**2) / (best**2 * (len(row) - 1)))
    assert modularity(codes, factors, bins=8).score.value == pytest.approx(np.mean(each))


@FEW
@given(SEEDS, st.integers(2, 6), st.integers(2, 6))
def test_scores_of_importances_equal_the_literal_ones(seed, rows, columns):
    matrix = np.random.default_rng(seed).exponential(size=(rows, columns))
    weights = matrix / matrix.sum()
    by_row = [literal_entropy_score(list(row)) for row in matrix]
    by_column = [literal_entropy_score(list(column)) for column in matrix.T]
    assert disentanglement_of(matrix)[0] == pytest.approx(by_row @ weights.sum(1))
    assert completeness_of(matrix)[0] == pytest.approx(by_column @ weights.sum(0))


def test_importances_of_a_single_code_or_factor():
    assert disentanglement_of([[1.0], [2.0]])[0] == 1
    assert completeness_of([[1.0, 2.0]])[0] == 1
    assert modularity_of([[1.0], [0.0]])[0] == 0.5


@FEW
@given(SEEDS)
def test_continuous_sap_equals_the_squared_correlation(seed):
    codes, factors = mixed(seed)
    table = np.array([[np.corrcoef(z, y)[0, 1] ** 2 for y in factors.T] for z in codes.T])
    found = sap(codes, factors, kind="continuous")
    np.testing.assert_allclose(found.parts["matrix"], table, atol=1e-12)
    ordered = np.sort(table, 0)
    assert found.score.value == pytest.approx((ordered[-1] - ordered[-2]).mean())


@FEW
@given(SEEDS)
def test_areas_equal_those_of_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 5, (40, 2)) / 4
    positive = generator.random((40, 2)) < 0.4
    positive[:2] = [[True, False], [False, True]]
    wanted = [roc_auc_score(truth, score) for truth, score in zip(positive.T, scores.T, strict=True)]
    np.testing.assert_allclose(area_under_roc(scores, positive), wanted)
    assert np.isnan(area_under_roc(scores, np.ones((40, 2), bool))).all()


def test_robustness_by_hand():
    """z₁ is the first factor, ±1; z₂ is ±1 by the first and ±½ by the second.

    z₁: the first factor held, it does not move: 1; the second held, it moves by 1, its farthest: 0.
    z₂: moves by ½ or by 1, of 1½ at most: 2/3 and 1/3. Weighted by farthest: (1 · 1 + 1½ · 2/3) / 2½ = 0.8.
    """
    factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    signs = 2 * factors - 1
    codes = np.stack([signs[:, 0], signs[:, 0] + signs[:, 1] / 2, np.full(4, 0.1)], 1)
    found = irs(codes, factors, quantile=1)
    np.testing.assert_allclose(found.parts["matrix"], [[1, 0], [2 / 3, 1 / 3], [0, 0]], atol=1e-12)
    assert found.score.value == pytest.approx(0.8)
    assert found.parts["factor"][:2].tolist() == [0, 0]
    together = irs(codes, factors, quantile=1, groups=[[0, 1]])
    assert together.score.value == pytest.approx(1 - 0.5 / math.hypot(1, 1.5))


@FEW
@given(SEEDS, st.sampled_from([0.5, 0.9, 1.0]))
def test_robustness_equals_the_literal_one(seed, quantile):
    codes, factors = mixed(seed, count=80)
    table = np.zeros((4, 2))
    for code, factor in np.ndindex(4, 2):
        z, y = codes[:, code], factors[:, factor]
        far = [np.quantile(abs(z[y == v] - z[y == v].mean()), quantile) for v in set(y)]
        table[code, factor] = 1 - np.mean(far) / abs(z - z.mean()).max()
    np.testing.assert_allclose(irs(codes, factors, quantile=quantile).parts["matrix"], table)


def test_shared_factor_by_hand():
    """Whose difference is 0 tells the shared factor, until codes say nothing and the majority is all that is left."""
    held = np.array([0, 1, 0, 1, 0, 0, 1, 0, 1])
    first = np.zeros((9, 4, 2))
    second = np.where(np.arange(2) == held[:, None, None], 0.0, [[2.0], [4.0], [0.0], [2.0]])
    found = beta_vae_score_of_batches(first, second, held)
    np.testing.assert_allclose(found.parts["differences"], 2.0 * (np.arange(2) != held[:, None]))
    assert found.score.value == found.parts["train"] == 1
    blind = beta_vae_score_of_batches(first, first, held)
    assert blind.parts["train"] == pytest.approx(4 / 6)  # the six first votes: 0, 1, 0, 1, 0, 0
    assert blind.score.value == pytest.approx(1 / 3)  # then 1, 0, 1
    lengths = beta_vae_score_of_batches(first, first + np.array([3.0, 4.0]), held, groups=[[0, 1]])
    np.testing.assert_allclose(lengths.parts["differences"], 5.0)


def test_votes_by_hand():
    """Two codes, three batches for each of two factors; the second code is ten times as wide."""
    still, wide = np.array([0.0, 0.1]), np.array([-1.0, 1.0])
    batches = [np.stack([still, 10 * wide], 1), np.stack([wide, 10 * still], 1)] * 3
    found = factor_vae_score_of_batches(batches, [0, 1] * 3, variances=[1, 100])
    assert found.parts["voted"].tolist() == [0, 1] * 3
    assert found.parts["votes"].tolist() == [[2, 0], [0, 2]]
    assert found.score.value == 1
    swapped = factor_vae_score_of_batches(batches, [0, 1, 0, 1, 1, 0], variances=[1, 100])
    assert swapped.score.value == 0
    assert swapped.parts["train"] == 1


@pytest.mark.parametrize("r", [0.0, 0.3, -0.9])
def test_total_correlation_by_hand(r):
    """Two codes of correlation r have −½ log(1 − r²); a third that is neither's business adds nothing."""
    u, v, w = np.linalg.qr(np.c_[np.ones(50), np.random.default_rng(0).normal(size=(50, 3))])[0][:, 1:].T
    codes = np.stack([5 * u + 1, r * u + math.sqrt(1 - r * r) * v, w, np.full(50, 0.1)], 1)
    found = total_correlation(codes)
    assert found.score.value == pytest.approx(-0.5 * math.log(1 - r * r), abs=1e-12)
    np.testing.assert_allclose(found.parts["pairs"][0, 1], found.score.value, atol=1e-12)
    assert total_correlation(codes, groups=[[0, 1], [2]]).score.value == pytest.approx(0, abs=1e-12)


@FEW
@given(SEEDS)
def test_total_correlation_is_the_divergence_of_two_gaussians(seed):
    codes = np.random.default_rng(seed).normal(size=(60, 4)) @ np.random.default_rng(seed + 1).normal(
        size=(4, 4)
    )
    joint, blocks = np.cov(codes.T), np.zeros((4, 4))
    blocks[:2, :2], blocks[2:, 2:] = joint[:2, :2], joint[2:, 2:]
    wanted = 0.5 * (
        np.trace(np.linalg.inv(blocks) @ joint) - 4 + math.log(np.linalg.det(blocks) / np.linalg.det(joint))
    )
    assert total_correlation(codes, groups=[slice(2), slice(2, 4)]).score.value == pytest.approx(wanted)


def test_codes_that_repeat_one_another():
    codes = np.random.default_rng(0).normal(size=(30, 2))
    repeated = np.c_[codes, codes[:, :1]]
    assert total_correlation(repeated).score.value == math.inf
    assert total_correlation(repeated, groups=[[0, 2], [1]]).score.value == pytest.approx(
        total_correlation(codes).score.value
    )
