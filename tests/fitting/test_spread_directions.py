"""Directions of spread: found where a concept sets the variance alone, and nowhere else."""

import numpy as np
import pytest
import torch
from torch import Generator

from interpret_inn.fitting.heads import Head
from interpret_inn.fitting.spread_directions import with_spread as grouped_spread
from interpret_inn.types import Concept

WIDTH = 6


def with_spread(found, rows, made, groups=None):
    return grouped_spread(found, rows, made, np.arange(len(rows)) if groups is None else groups)


def concept(kind, samples):
    """Values of a class of three, a number, an angle or rows of numbers; and which third each sample is of."""
    third = np.arange(samples) * 3 // samples
    order = np.random.default_rng(0).permutation(samples)
    if kind == "categorical":
        values, classes = third.astype(np.int64), ("a", "b", "c")
    else:
        values, classes = np.linspace(0, 6, samples), ()
        values = np.c_[values, values] if kind == "numbers" else values
    found = Concept("c", "numeric" if kind == "numbers" else kind, values[order], classes)
    return found, third[order]


def drawn(kind="categorical", *, samples=900, widths=(0.2, 0.5, 1.6)):
    """White rows (N, 6), turned: the concept sets the mean along one direction, the spread along another; both come."""
    made, third = concept(kind, samples)
    rows = torch.randn(samples, WIDTH, generator=Generator().manual_seed(1), dtype=torch.float64)
    rows[:, 1] *= torch.tensor(widths, dtype=torch.float64)[third]
    rows[:, 0] = torch.from_numpy(third - 1.0) + 0.2 * rows[:, 0]
    rows = (rows - rows.mean(0)) / rows.std(0, correction=0)
    turn = torch.linalg.qr(
        torch.randn(WIDTH, WIDTH, generator=Generator().manual_seed(2), dtype=torch.float64)
    ).Q
    return rows @ turn, made, turn[0], turn[1]


def head(direction, *, clear=1):
    return Head(direction[:, None], torch.tensor([0.9], dtype=torch.float64), clear, 1)


@pytest.mark.parametrize("kind", ["categorical", "numeric", "cyclic"])
def test_the_direction_whose_spread_a_concept_sets_is_clear(kind):
    rows, made, mean, spread = drawn(kind)
    found = with_spread(head(mean), rows, made)
    assert found.clear == 2
    assert found.directions.shape == (WIDTH, WIDTH)
    assert found.lines == 1
    assert float((found.directions[:, 1] @ spread).abs()) > 0.98
    torch.testing.assert_close(found.directions.T @ found.directions, torch.eye(WIDTH).double())
    torch.testing.assert_close(found.directions[:, 0], mean)


def test_its_strength_is_that_of_the_variances():
    """Variances of thirds are those of widths .2, .5 and 1.6 over their mean."""
    rows, made, mean, _ = drawn(samples=30_000)
    variances = np.square([0.2, 0.5, 1.6])
    half = np.square(variances / variances.mean() - 1).mean() / 2
    found = with_spread(head(mean), rows, made)
    assert float(found.strengths[1]) == pytest.approx(half / (1 + half), abs=0.02)
    assert float(found.strengths[0]) == 0.9
    assert float(found.strengths[2:].max()) < 0.01


@pytest.mark.parametrize("samples", [60, 900])
def test_equal_spreads_are_not_clear(samples):
    rows, made, mean, _ = drawn(samples=samples, widths=(1.0, 1.0, 1.0))
    assert with_spread(head(mean), rows, made).clear == 1


def test_a_little_difference_is_not_clear():
    rows, made, mean, _ = drawn(widths=(0.8, 1.0, 1.2))
    assert with_spread(head(mean), rows, made).clear == 1


def test_classes_of_few_samples_tell_nothing_of_spreads():
    rows, made, mean, _ = drawn(samples=15)
    found = with_spread(head(mean), rows, made)
    assert found.clear == 1
    assert float(found.strengths[1:].max()) == 0


def test_weak_canonical_directions_come_before_directions_of_spread():
    rows, made, mean, _ = drawn()
    both = Head(torch.stack((mean, drawn()[3].roll(1)), 1), torch.tensor([0.9, 0.0]).double(), 1, 2)
    assert with_spread(both._replace(directions=torch.linalg.qr(both.directions).Q), rows, made).clear == 1


def test_there_are_two_of_them_for_each_canonical_direction_at_most():
    _, made, _, _ = drawn()
    third = torch.from_numpy(made.values).double()
    rows = torch.randn(900, WIDTH, generator=Generator().manual_seed(3), dtype=torch.float64)
    rows = rows * (0.1 + third**2)[:, None]
    found = head(torch.eye(WIDTH).double()[0])
    assert with_spread(found, rows / rows.std(0), made).clear == 3


def test_rows_of_numbers_have_none():
    rows, made, mean, _ = drawn("numbers")
    found = head(mean)
    assert with_spread(found, rows, made) is found


@pytest.mark.parametrize("kind", ["numeric", "cyclic"])
def test_equal_values_are_of_one_slice_however_rows_are_ordered(kind):
    """Rows lie in the order of something else that sets a spread, as folders do; values take two at random."""
    third = np.arange(900) * 3 // 900
    rows = torch.randn(900, WIDTH, generator=Generator().manual_seed(1), dtype=torch.float64)
    rows[:, 1] *= torch.tensor([0.2, 0.5, 1.6], dtype=torch.float64)[third]
    rows = (rows - rows.mean(0)) / rows.std(0, correction=0)
    made = Concept("v", kind, np.random.default_rng(0).integers(2, size=900) * 1.5)
    found = with_spread(head(torch.eye(WIDTH).double()[0]), rows, made)
    assert found.clear == 1
    assert float(found.strengths[1]) < 0.1


def test_angles_that_differ_by_a_whole_turn_are_of_one_slice():
    rows, made, mean, spread = drawn("cyclic")
    turned = made.values + 2 * np.pi * (np.arange(len(made.values)) % 2)
    found = with_spread(head(mean), rows, Concept("c", "cyclic", turned))
    assert float((found.directions[:, 1] @ spread).abs()) > 0.98


def test_far_rows_do_not_make_a_spread():
    """Three in a thousand rows are fifty times as far: whichever slice has them would be wide."""
    made = drawn("numeric")[1]
    rows = torch.randn(900, WIDTH, generator=Generator().manual_seed(4), dtype=torch.float64)
    rows[:3] *= 50
    found = with_spread(head(torch.eye(WIDTH).double()[0]), rows / rows.std(0), made)
    assert found.clear == 1


def test_variants_of_few_things_do_not_make_a_spread():
    """Forty things in twenty variants each, with a class at random: classes differ by the things that they have."""
    clear = []
    for seed in range(5):
        rows = torch.randn(40, WIDTH, generator=Generator().manual_seed(seed), dtype=torch.float64)
        groups = np.arange(800) // 20
        labels = np.random.default_rng(seed).integers(3, size=40)[groups]
        rows = rows.repeat_interleave(20, 0)
        rows = (rows - rows.mean(0)) / rows.std(0)
        made = Concept("c", "categorical", labels, ("a", "b", "c"))
        clear.append(with_spread(head(torch.eye(WIDTH).double()[0]), rows, made, groups).clear)
    assert sum(clear) <= 6
