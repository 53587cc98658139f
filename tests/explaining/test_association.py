"""What labels alone imply, against literal counting."""

import math
from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import r2_score

from interpret_inn.explaining.association import predicted_by


def halves(values):
    return values[: len(values) // 2], values[len(values) // 2 :]


def predicted(values, others, *, kind, other_kind):
    (train, test), (train_others, test_others) = halves(values), halves(others)
    return predicted_by(train, train_others, test, test_others, kind=kind, other_kind=other_kind)


def test_categories_by_categories_is_the_majority_of_each_class():
    generator = np.random.default_rng(0)
    other = generator.integers(0, 5, 1000)
    values = np.where(generator.random(1000) < 0.7, other // 2, generator.integers(0, 3, 1000))
    (train, test), (train_others, test_others) = halves(values), halves(other)
    majority = {c: Counter(train[train_others == c]).most_common(1)[0][0] for c in range(5)}
    expected = np.mean([majority[o] == v for v, o in zip(test, test_others, strict=True)])
    assert predicted(values, other, kind="categorical", other_kind="categorical") == pytest.approx(expected)


def test_numbers_by_categories_is_the_mean_of_each_class():
    generator = np.random.default_rng(1)
    other = generator.integers(0, 4, 400)
    values = other + generator.normal(size=400)
    (train, test), (train_others, test_others) = halves(values), halves(other)
    means = [train[train_others == c].mean() for c in range(4)]
    expected = r2_score(test, np.array(means)[test_others])
    assert predicted(values, other, kind="numeric", other_kind="categorical") == pytest.approx(expected)


def test_independent_concepts_tell_nothing_of_each_other():
    generator = np.random.default_rng(2)
    label, number = generator.integers(0, 2, 4000), generator.normal(size=(4000, 3))
    assert predicted(label, number, kind="categorical", other_kind="numeric") == pytest.approx(0.5, abs=0.04)
    assert predicted(number, label, kind="numeric", other_kind="categorical") == pytest.approx(0, abs=0.02)


def test_numbers_and_angles_are_cut_into_cells():
    generator = np.random.default_rng(3)
    number = generator.normal(size=2000)
    assert predicted(number**2, number, kind="numeric", other_kind="numeric") > 0.7
    colour = generator.random((2000, 3))
    assert predicted(colour, colour, kind="numeric", other_kind="numeric") > 0.5
    angle = generator.uniform(-math.pi, math.pi, 2000)
    assert predicted(np.cos(3 * angle), angle, kind="numeric", other_kind="cyclic") > 0.8
    assert predicted(angle, (angle > 0).astype(int), kind="cyclic", other_kind="categorical") > 0.3
    assert predicted(angle, angle, kind="cyclic", other_kind="cyclic") > 0.9


def test_missing_values_cells_never_seen_and_too_few_samples():
    values = np.array([0, 1, 1, 1, 0, -1, 0, 0, 1, 1, 1, 0])
    other = np.array([0, 1, 1, 1, 0, 0, 9, 0, 1, 1, 1, 0])  # 9 is told by the overall majority: 1, wrong
    assert predicted(values, other, kind="categorical", other_kind="categorical") == pytest.approx(5 / 6)
    few = np.array([0, 1, 0, 1])
    assert math.isnan(predicted(few, few, kind="categorical", other_kind="categorical"))
    assert math.isnan(predicted(few.astype(float), np.full(4, np.nan), kind="numeric", other_kind="numeric"))


@pytest.mark.parametrize(("train", "test", "scored"), [(5, 5, True), (4, 6, False), (6, 4, False)])
def test_five_samples_of_each_split_are_needed(train, test, scored):
    first, second = np.arange(train) % 2, np.arange(test) % 2
    found = predicted_by(first, first, second, second, kind="categorical", other_kind="categorical")
    assert found == 1 if scored else math.isnan(found)


def test_samples_that_lack_either_value_do_not_count():
    generator = np.random.default_rng(5)
    other = generator.normal(size=400)
    values = other**2 + 0.1 * generator.normal(size=400)
    gaps = np.full(30, np.nan)
    more = [np.concatenate([part, part[:30], gaps]) for part in halves(values)]
    more_others = [np.concatenate([part, gaps, part[:30]]) for part in halves(other)]
    found = predicted_by(
        more[0], more_others[0], more[1], more_others[1], kind="numeric", other_kind="numeric"
    )
    assert found == pytest.approx(predicted(values, other, kind="numeric", other_kind="numeric"))


def by_cells(train, test, train_cells, test_cells):
    """R² of the mean of each cell, by counting."""
    means = {cell: train[train_cells == cell].mean() for cell in set(train_cells)}
    return r2_score(test, [means.get(cell, train.mean()) for cell in test_cells])


@pytest.mark.parametrize(("samples", "sectors"), [(15, 2), (100, 10), (400, 16)])
def test_angles_are_cut_into_sectors_that_hold_ten_training_samples(samples, sectors):
    generator = np.random.default_rng(6)
    angles = [generator.uniform(-math.pi, math.pi, samples) for _ in range(2)]
    for part in angles:
        part[0] = math.pi
    values = [part + generator.normal(size=samples) for part in angles]
    cuts = np.linspace(-math.pi, math.pi, sectors + 1)[1:-1]
    expected = by_cells(*values, *(np.digitize(part, cuts) for part in angles))
    found = predicted_by(values[0], angles[0], values[1], angles[1], kind="numeric", other_kind="cyclic")
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("samples", "columns", "each"),
    [(15, 1, 2), (100, 1, 10), (400, 1, 16), (400, 2, 4), (400, 3, 3), (400, 6, 2)],
)
def test_numbers_are_cut_at_quantiles_along_their_leading_axes(samples, columns, each):
    generator = np.random.default_rng(7)
    mixing = generator.normal(size=(columns, columns)) * 10.0 ** np.arange(columns)
    train, test = (3 + generator.normal(size=(samples, columns)) @ mixing for _ in range(2))
    mean, scale = train.mean(0), train.std(0)
    values = [
        np.sin(2 * (part - mean) / scale).sum(1) + generator.normal(size=samples) for part in (train, test)
    ]
    axes = np.linalg.eigh(np.corrcoef(train.T).reshape(columns, columns))[1][:, ::-1][:, :4]
    cells = []
    along = [((part - mean) / scale) @ axes for part in (train, test)]
    cuts = np.quantile(along[0], np.arange(1, each) / each, axis=0)
    for part in along:
        numbers = np.stack([np.digitize(part[:, k], cuts[:, k]) for k in range(axes.shape[1])], 1)
        cells.append(numbers @ each ** np.arange(axes.shape[1]))
    expected = by_cells(*values, *cells)
    found = predicted_by(values[0], train, values[1], test, kind="numeric", other_kind="numeric")
    assert found == pytest.approx(expected, abs=1e-6)
