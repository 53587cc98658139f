"""Scores of codes: literal versions of the formulas, cases worked out by hand, what must not change them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from interpret_inn.metrics import (
    CodeScore,
    beta_vae_score,
    beta_vae_score_of_batches,
    dci,
    discretise,
    explicitness,
    factor_vae_score,
    factor_vae_score_of_batches,
    irs,
    mig,
    modularity,
    mutual_information,
    sap,
    total_correlation,
)
from interpret_inn.metrics.disentanglement import (
    completeness_of,
    disentanglement_of,
    information,
    modularity_of,
)
from interpret_inn.metrics.disentanglement.explicit import area_under_roc
from interpret_inn.metrics.disentanglement.factor_vae import _Variances

SEEDS = st.integers(0, 10_000)
FEW = settings(deadline=None, max_examples=15)


def grid(repeats=6):
    """Every combination of three factors with 2, 3 and 4 values, some times each."""
    every = np.array(list(itertools.product(range(2), range(3), range(4))))
    return np.repeat(every, repeats, 0)


def mixed(seed, *, count=160, width=4):
    """Codes that are noisy mixtures of two factors, and the factors."""
    generator = np.random.default_rng(seed)
    factors = np.stack([generator.integers(0, 3, count), generator.integers(0, 4, count)], 1)
    return factors @ generator.normal(size=(2, width)) + generator.normal(size=(count, width)), factors


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


UNCHANGED = {
    "mig": lambda z, y: mig(z, y, bins=6),
    "modularity": lambda z, y: modularity(z, y, bins=6),
    "sap": lambda z, y: sap(z, y, kind="continuous"),
    "irs": irs,
    "total_correlation": lambda z, y: total_correlation(z),
}


@pytest.mark.parametrize("name", UNCHANGED)
@FEW
@given(seed=SEEDS)
def test_order_and_sign_change_nothing(name, seed):
    codes, factors = mixed(seed)
    generator = np.random.default_rng(seed)
    value = UNCHANGED[name](codes, factors).score.value
    rows, columns = generator.permutation(len(codes)), generator.permutation(codes.shape[1])
    signs = generator.choice([-1.0, 1.0], codes.shape[1])
    changed = UNCHANGED[name]((codes * signs)[rows][:, columns], factors[rows][:, ::-1]).score.value
    assert changed == pytest.approx(value, abs=1e-9)


@FEW
@given(seed=SEEDS)
def test_order_and_sign_of_dimensions_change_no_draws(seed):
    codes, factors = mixed(seed)
    generator = np.random.default_rng(seed)
    changed = (codes * generator.choice([-1.0, 1.0], 4))[:, generator.permutation(4)]
    for score in (factor_vae_score, beta_vae_score):
        first, second = (score(z, factors, votes=60, batch=16).score.value for z in (codes, changed))
        assert first == pytest.approx(second, abs=0.051 if score is beta_vae_score else 1e-9)


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


def test_discretised_codes_are_taken_as_they_are():
    codes, factors = mixed(3)
    bins = discretise(codes, 7)
    assert mig(bins, factors, bins=None).score.value == mig(codes, factors, bins=7).score.value
    assert set(bins.ravel()) == set(range(7))


def test_bins_of_equal_counts():
    values = np.random.default_rng(0).normal(size=(100, 2)) ** 3
    found = discretise(values, 5, method="quantile")
    assert [np.bincount(column).tolist() for column in found.T] == [[20] * 5] * 2
    assert len(np.unique(discretise(np.full((30, 1), 0.1)))) == 1
    assert len(np.unique(discretise(np.full((30, 1), 0.1), method="quantile"))) == 1


def test_float32_codes_are_binned_as_float32():
    codes = np.random.default_rng(0).normal(size=(200, 1)).astype(np.float32)
    edges = np.histogram(codes, 20)[1][:-1]
    np.testing.assert_array_equal(discretise(codes)[:, 0], np.digitize(codes[:, 0], edges) - 1)


def test_the_same_call_gives_the_same_and_leaves_the_global_state(monkeypatch):
    monkeypatch.setattr(information, "_TREES", 5)
    codes, factors = mixed(1)
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    calls = [
        lambda: dci(codes, factors, estimator="forest"),
        lambda: sap(codes, factors),
        lambda: mig(codes, factors, groups=[[0, 1], [2]]),
        lambda: factor_vae_score(codes, factors, votes=50),
        lambda: beta_vae_score(codes, factors, votes=50),
    ]
    for call in calls:
        assert call().score == call().score
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


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
