import math

import numpy as np
import pytest
from scipy.stats import chi2_contingency, spearmanr

from interpret_inn.errors import ConceptError
from interpret_inn.types import Concept
from interpret_inn_labels import association
from interpret_inn_labels.balance import LARGEST, bins_of, effective_size, rake
from interpret_inn_labels.columns import read_column
from interpret_inn_labels.kinds import pairing_kind


def categorical(name, values):
    return Concept(name, "categorical", np.asarray(values))


def numeric(name, values):
    return Concept(name, "numeric", np.asarray(values, dtype=float))


def between(one, other, weights=None):
    table = association([one, other], weights=weights)
    np.testing.assert_equal(table[one.name][other.name], table[other.name][one.name])
    return table[one.name][other.name]


def test_two_categories_are_cramers_v(random):
    one = random.integers(0, 4, 300)
    other = np.where(random.random(300) < 0.5, one % 3, random.integers(0, 3, 300))
    chi2 = chi2_contingency(np.histogram2d(one, other, (4, 3))[0], correction=False).statistic
    assert between(categorical("a", one), categorical("b", other)) == pytest.approx(np.sqrt(chi2 / 300 / 2))


def test_a_category_and_a_number_are_the_correlation_ratio_of_ranks(random):
    classes, numbers = random.integers(0, 3, 200), random.random(200)
    numbers += classes
    ranks = numbers.argsort().argsort()
    explained = sum((classes == c).sum() * (ranks[classes == c].mean() - ranks.mean()) ** 2 for c in range(3))
    expected = np.sqrt(explained / ((ranks - ranks.mean()) ** 2).sum())
    assert between(categorical("a", classes), numeric("b", numbers)) == pytest.approx(expected)
    assert between(numeric("b", numbers), categorical("a", classes)) == pytest.approx(expected)


def test_two_numbers_are_spearman(random):
    one = random.random(200)
    other = -(one**3) + 0.2 * random.random(200)
    expected = abs(spearmanr(one, other).statistic)
    assert between(numeric("a", one), numeric("b", other)) == pytest.approx(expected)


def test_tables_of_numbers_and_angles(random):
    colours = random.random((500, 3))
    assert between(numeric("a", colours), numeric("b", colours)) == pytest.approx(1.0)
    assert between(numeric("a", colours), numeric("b", colours[:, 0])) == pytest.approx(1.0)
    assert between(numeric("a", colours), numeric("b", random.random(500))) < 0.15
    angles = random.random(500) * 2 * np.pi
    turned = Concept("b", "cyclic", np.mod(angles + 1.0, 2 * np.pi))
    assert between(Concept("a", "cyclic", angles), turned) == pytest.approx(1.0)
    assert between(Concept("a", "cyclic", angles), categorical("c", (angles // 1.6).astype(int))) > 0.8


def test_missing_values_and_too_few(random):
    values = random.integers(0, 2, 50)
    gaps = np.where(np.arange(50) < 25, -1, values)
    assert between(categorical("a", values), categorical("b", gaps)) == pytest.approx(1.0)
    assert np.isnan(
        between(categorical("a", gaps), categorical("b", np.where(np.arange(50) < 25, values, -1)))
    )
    assert association([categorical("a", values), Concept("u", "unlabelled")]) == {"a": {}}
    constant = numeric("n", np.where(np.arange(50) < 25, np.arange(50.0), 3.0))
    assert between(categorical("b", gaps), constant) == 0.0  # it does not vary where both are known


def test_weights_count(random):
    values = random.integers(0, 2, 400)
    other = np.where(random.random(400) < 0.8, values, 1 - values)
    weights = rake([[values], [other]], 400)
    assert between(categorical("a", values), categorical("b", other)) > 0.5
    assert between(categorical("a", values), categorical("b", other), weights) < 0.01


def test_one_table_is_balanced_exactly(random):
    one = random.integers(0, 3, 600)
    other = np.where(random.random(600) < 0.7, one, random.integers(0, 3, 600))
    weights = rake([[one], [other]], 600)
    joint = np.zeros((3, 3))
    np.add.at(joint, (one, other), weights / 600)
    np.testing.assert_allclose(
        joint, np.outer(np.bincount(one), np.bincount(other)) / 600**2, rtol=0, atol=2e-3
    )
    assert weights.mean() == pytest.approx(1.0)


def test_several_concepts_at_once(random):
    hidden = random.random(3000)
    concepts = [
        categorical("a", (hidden + random.random(3000) > 1.0).astype(int)),
        numeric("b", hidden + 1.5 * random.random(3000)),
        numeric("c", np.stack([hidden + random.random(3000), *random.random((2, 3000))], axis=1)),
        Concept("d", "cyclic", np.mod(4 * hidden + random.random(3000) * 4, 2 * np.pi)),
    ]
    weights = rake([bins_of(concept, np.arange(3000)) for concept in concepts], 3000)
    before, after = association(concepts), association(concepts, weights=weights)
    for one in before:
        for other in before[one]:
            assert before[one][other] > 0.2, (one, other)
            assert after[one][other] < 0.08, (one, other)
    assert weights.max() <= LARGEST
    assert effective_size(weights) < 3000


def test_what_never_occurs_limits_what_weights_can_do(random):
    hidden = random.random(3000)
    young = categorical("young", (hidden > 0.5).astype(int))
    age = numeric("age", hidden + 0.4 * random.random(3000))  # nobody at either end differs
    weights = rake([bins_of(young, np.arange(3000)), bins_of(age, np.arange(3000))], 3000)
    assert 0.1 < between(young, age, weights) < between(young, age) - 0.2


def test_independent_concepts_keep_their_weights(random):
    weights = rake([[random.integers(0, 2, 5000)], [random.integers(0, 2, 5000)]], 5000)
    assert effective_size(weights) > 4900


def test_empty_cells_stay_empty_and_missing_keep_their_weight():
    one = np.array([0] * 40 + [1] * 40 + [-1] * 20)
    other = np.array([0] * 40 + [1] * 40 + [0] * 20)  # never apart: nothing can be done
    np.testing.assert_allclose(rake([[one], [other]], 100), 1.0)
    apart = np.array([-1] * 80 + [0] * 20)
    np.testing.assert_array_equal(rake([[one], [apart]], 100), 1.0)  # never both known
    np.testing.assert_array_equal(rake([[one]], 100), 1.0)


def test_no_weight_grows_without_end():
    one = np.array([0] * 5000 + [1] * 5000)
    other = one.copy()
    other[0] = 1
    weights = rake([[one], [other]], 10_000)
    assert weights[0] == pytest.approx(LARGEST, rel=0.02)


def test_bins():
    everything = np.arange(1000)
    (bins,) = bins_of(numeric("x", np.arange(1000.0)), everything)
    assert set(np.bincount(bins)) == {125}
    (few,) = bins_of(numeric("x", np.arange(1000.0)), np.arange(40))
    assert set(np.bincount(few)) == {20}
    ties = np.repeat([0.0, 1.0], 500)
    (tied,) = bins_of(numeric("x", ties), everything)
    assert len(set(zip(ties, tied, strict=True))) == len(set(tied)) == 2
    gaps = np.where(everything < 100, np.nan, everything)
    assert (bins_of(numeric("x", gaps), everything)[0][:100] == -1).all()
    colours = np.random.default_rng(0).random((1000, 3))
    *axes, cells = bins_of(numeric("x", colours), everything)
    assert len(axes) == 3
    assert set(np.bincount(axes[1])) == {125}
    assert set(np.bincount(cells)) == {125}
    wide = np.random.default_rng(0).random((1000, 9))
    assert len(bins_of(numeric("x", wide), everything)) == 4
    assert len(np.unique(bins_of(numeric("x", np.repeat(colours[:2], 500, axis=0)), everything)[-1])) <= 4


@pytest.mark.parametrize("shape", [(0,), (0, 1), (0, 3)])
def test_no_samples_have_no_bins_and_no_features(shape):
    values = np.zeros(shape)
    kind = pairing_kind(Concept("size", "numeric", values))
    assert [len(bins) for bins in kind.bins(values)] == [0]
    assert kind.features(values).shape == (0, math.prod(shape[1:]))


@pytest.mark.parametrize(
    "raw", [np.zeros(0), np.zeros((0, 2)), np.zeros((0, 2), object), np.zeros(0, str), np.ma.zeros((0, 2))]
)
def test_no_labels_at_all_are_refused_in_words(raw):
    with pytest.raises(ConceptError, match="labels of 'size'"):
        read_column("size", raw)


@pytest.mark.parametrize("raw", [np.array([1e300, 0]), [[0.0, -1e101], [2.0, 1.0]]])
def test_labels_that_are_too_large_are_refused_in_words(raw):
    with pytest.raises(ConceptError, match=r"labels of 'size' up to 1e\+100, found up to 1e\+"):
        read_column("size", raw)
