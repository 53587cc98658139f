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
