"""Directions that factors are traversed along."""

from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.translating.axes import FactorAxis, concept_filters
from interpret_inn.types import Concept


@pytest.fixture
def axis() -> FactorAxis:
    codes = torch.stack([torch.linspace(-1, 3, 401), torch.zeros(401)], 1)
    return FactorAxis.along(torch.tensor([1.0, 0.0]), codes)


def test_positions_are_in_standard_deviations_from_the_mean(axis: FactorAxis) -> None:
    assert axis.mean == pytest.approx(1)
    assert axis.std == pytest.approx(np.linspace(-1, 3, 401).std(), rel=1e-4)
    positions = axis.position(torch.tensor([[1.0, 5.0], [1.0 + axis.std, -5.0]]))
    torch.testing.assert_close(positions, torch.tensor([0.0, 1.0]), atol=1e-5, rtol=1e-5)


def test_percentiles_are_shares_of_the_data_below(axis: FactorAxis) -> None:
    assert axis.percentile(torch.tensor([0.0])).item() == pytest.approx(50, abs=1)
    assert axis.percentile(torch.tensor([-99.0, 99.0])).tolist() == [0, 100]


def test_moving_puts_codes_where_asked_and_keeps_what_stands_across(axis: FactorAxis) -> None:
    codes = torch.tensor([[0.3, 7.0], [2.0, -7.0]])
    moved = axis.moved(codes, torch.tensor([-1.0, 0.0, 2.0]))
    assert moved.shape == (3, 2, 2)
    torch.testing.assert_close(axis.position(moved), torch.tensor([[-1.0] * 2, [0.0] * 2, [2.0] * 2]))
    torch.testing.assert_close(moved[..., 1], codes[:, 1].expand(3, 2))
    at_positions = axis.moved(codes[:, None].expand(2, 4, 2), torch.tensor([1.5]))
    assert at_positions.shape == (1, 2, 4, 2)


def test_a_factor_without_spread_has_an_axis_all_the_same() -> None:
    axis = FactorAxis.along(torch.tensor([1.0]), torch.zeros(10, 1))
    assert axis.std > 0
    assert bool(axis.moved(torch.zeros(2, 1), torch.tensor([1.0])).isfinite().all())


def test_every_factor_of_a_fit_has_a_unit_direction(toy: Any) -> None:
    axes = toy.interpreter.translator.axes
    assert set(axes) == set(toy.interpreter.factors.names)
    for factor in toy.interpreter.factors:
        assert axes[factor.name].direction.shape == (factor.size,)
        torch.testing.assert_close(axes[factor.name].direction.norm(), torch.tensor(1.0))
    codes = toy.interpreter.fitted.reference_codes[:, toy.interpreter.factors["shape"].slice]
    positions = axes["shape"].position(codes)
    assert abs(float(positions.mean())) < 1e-3
    assert float(positions.std()) == pytest.approx(1, abs=1e-2)


def test_a_concept_of_four_classes_has_two_filters_and_a_number_has_one() -> None:
    generator = np.random.default_rng(0)
    classes = np.arange(400) % 4
    codes = np.eye(5)[classes] * 6 + generator.standard_normal((400, 5))
    kinds = Concept("kind", "categorical", classes, classes=("a", "b", "c", "d"))
    found = concept_filters(codes, kinds)
    assert found is not None and found.filters.shape == (5, 2)
    number = concept_filters(codes, Concept("size", "numeric", codes[:, 0]))
    assert number is not None and number.filters.shape == (5, 1)


def test_a_concept_that_never_varies_has_no_filters() -> None:
    codes = np.random.default_rng(0).standard_normal((40, 3))
    assert concept_filters(codes, Concept("size", "numeric", np.full(40, 2.5))) is None
    assert (
        concept_filters(codes, Concept("kind", "categorical", np.zeros(40, int), classes=("a", "b"))) is None
    )
