"""Redraws summed up, and the distance from the data."""

import math

import numpy as np
import pytest
import torch

from interpret_inn import errors
from interpret_inn.effects.changes import measure
from interpret_inn.explaining import redraws
from interpret_inn.explaining.redraws import distance_to_data, redraw_of


def test_a_redraw_holds_the_scores_of_the_changes_and_how_often_they_left_the_data():
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(12, 5, generator=generator)
    effects = measure(base, base + torch.randn(7, 12, 5, generator=generator), kind="classes")
    found = redraw_of(effects, "classes", left_data=0.2, seed=3)
    assert (found.kind, found.left_data) == ("classes", 0.2)
    for name, score in effects.scores("classes", seed=3)._asdict().items():
        assert getattr(found, name) == score


def test_distances_are_between_codes_of_one_width():
    with pytest.raises(errors.InputError, match="one width, found 3 and 4"):
        distance_to_data(np.zeros((2, 3)), np.zeros((5, 4)))


def test_distance_equals_a_literal_search():
    generator = np.random.default_rng(0)
    reference, codes = generator.normal(size=(80, 3)), 1.5 * generator.normal(size=(50, 3))
    apart = [
        min(np.linalg.norm(a - b) for j, b in enumerate(reference) if j != i) for i, a in enumerate(reference)
    ]
    border = np.quantile(apart, 0.99)
    expected = np.mean([min(np.linalg.norm(code - b) for b in reference) > border for code in codes])
    assert distance_to_data(codes, torch.tensor(reference)) == pytest.approx(expected)


def test_fresh_data_are_at_home_and_far_codes_are_not():
    generator = np.random.default_rng(1)
    reference, fresh = generator.normal(size=(1500, 8)), generator.normal(size=(1000, 8))
    assert distance_to_data(fresh, reference) == pytest.approx(0.01, abs=0.015)
    assert distance_to_data(fresh + 5, reference) == 1.0
    fresh[:500] = np.inf
    assert distance_to_data(fresh, reference) == pytest.approx(0.5, abs=0.03)
    assert math.isnan(distance_to_data(fresh, reference[:2]))
    assert math.isnan(distance_to_data(fresh[:0], reference))
    assert distance_to_data(reference.reshape(300, 5, 8), reference) == 0.0


def test_the_border_of_the_data_is_not_outside():
    line = np.arange(10.0)[:, None]  # each one is 1 away from the next
    assert distance_to_data(line[-1:] + 1, line) == 0
    assert distance_to_data(line[-1:] + 1.01, line) == 1
    assert distance_to_data(line[:1], line[:3]) == 0  # three rows are enough


@pytest.mark.parametrize(("width", "rows", "used"), [(4, 90, 50), (4, 30, 30), (1000, 90, 5)])
def test_the_wider_codes_are_the_fewer_distances_are_measured(monkeypatch, width, rows, used):
    seen = []
    real = torch.cdist
    monkeypatch.setattr(redraws, "_DISTANCE_WORK", 50 * 50 * 4)
    monkeypatch.setattr(redraws, "_FEWEST_DISTANCES", 5)
    monkeypatch.setattr(
        torch, "cdist", lambda one, other: seen.append((len(one), len(other))) or real(one, other)
    )
    codes = np.random.default_rng(0).normal(size=(100, width))
    distance_to_data(codes, codes, rows=rows)
    assert seen == [(used, used), (used, used)]
