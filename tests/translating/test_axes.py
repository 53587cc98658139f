"""Directions that factors are traversed along."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import linalg

from interpret_inn.translating.axes import FactorAxis, as_rows, concept_filters, main_direction
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


def test_percentiles_are_counted_in_hundredths(axis: FactorAxis) -> None:
    places = torch.tensor([-0.98, 0.02, 2.94])  # the data reach from −1 to 3, so that 0.04 is one percent
    assert axis.percentile((places - axis.mean) / axis.std).tolist() == [1, 26, 99]


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
    narrow = FactorAxis.along(torch.tensor([1.0]), torch.tensor([[-0.01], [0.01]]))
    assert narrow.std == pytest.approx(0.01)


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


def orthonormal(rows: int, columns: int) -> Any:
    """Columns of mean 0 and length 1 that are not correlated at all."""
    drawn = np.random.default_rng(1).standard_normal((rows, columns))
    return np.linalg.qr(drawn - drawn.mean(0))[0]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("sign", [-1, 1])
def test_main_directions_do_not_depend_on_the_scale_of_codes(scale: float, sign: int) -> None:
    codes = orthonormal(60, 3) * [1, 1, 3] * scale
    concept = Concept("size", "numeric", sign * codes[:, 0])
    assert main_direction(codes, concept) == pytest.approx([sign, 0, 0], abs=1e-6)
    thirds = (sign * codes[:, 0]).argsort().argsort() // 20
    by_class = main_direction(codes, Concept("size", "categorical", thirds, classes=("s", "m", "l")))
    assert sign * by_class[0] > 0.8


def test_the_columns_of_a_number_count_alike_and_the_first_gives_the_sign() -> None:
    codes = orthonormal(100, 3)
    values = np.stack([codes[:, 0], 1000 * codes[:, 1], -codes[:, 0]], 1)
    assert main_direction(codes, Concept("size", "numeric", values)) == pytest.approx([1, 0, 0], abs=1e-6)


def test_the_leading_axis_is_that_of_the_spread_and_not_of_the_mean() -> None:
    codes = orthonormal(100, 3) * [1, 1, 3] + [100, 0, 0]
    assert main_direction(codes, None) == pytest.approx([0, 0, 1], abs=1e-6)


@pytest.mark.parametrize("scale", [1e-4, 1.0])
def test_filters_of_classes_are_fishers_discriminants(scale: float) -> None:
    classes = np.repeat([0, 1, 2], [600, 60, 40])
    means = np.array([[0, 0, 0, 0], [2, 0, 1, 0], [0, 1, -1, 2]])
    noise = np.random.default_rng(2).standard_normal((700, 4)) * [3, 1, 0.5, 1]
    codes = scale * (noise + means[classes])
    found = concept_filters(codes, Concept("kind", "categorical", classes, classes=("a", "b", "c")))
    assert found is not None
    off = codes - codes.mean(0)
    between = np.stack([off[classes == k].mean(0) for k in classes]).T @ off
    expected = linalg.eigh(between, off.T @ off)[1][:, :-3:-1]
    for filter_, other in zip(found.filters.T, expected.T, strict=True):
        assert abs(filter_ @ other) / np.linalg.norm(filter_) / np.linalg.norm(other) > 0.999


def test_axes_almost_without_variance_are_kept_out_of_filters() -> None:
    value, noise = np.random.default_rng(3).standard_normal((2, 400))
    codes = np.stack([value + noise / 2, 1e-5 * value], 1)  # the second tells the value exactly
    found = concept_filters(codes, Concept("size", "numeric", value))
    assert found is not None
    assert abs(found.filters[1, 0]) < 0.1 * abs(found.filters[0, 0])


def test_filters_are_as_many_as_there_are_directions_to_find() -> None:
    codes = np.random.default_rng(4).standard_normal((60, 3))
    twice = concept_filters(codes, Concept("size", "numeric", codes[:, [0, 0]] * [1, 2]))
    assert twice is not None and twice.filters.shape == (3, 1)
    kinds = Concept("kind", "categorical", np.arange(60) % 3, classes=("a", "b", "c"))
    dead = concept_filters(np.zeros((60, 3)), kinds)
    assert dead is not None and dead.filters.shape == (3, 1)


def test_filters_need_five_known_values() -> None:
    codes = np.random.default_rng(5).standard_normal((20, 3))
    for known in (4, 5):
        values = np.where(np.arange(20) < known, codes[:, 0], np.nan)
        found = concept_filters(codes, Concept("size", "numeric", values))
        assert (found is None) == (known == 4)


def test_codes_at_positions_are_rows_by_their_means() -> None:
    codes = torch.arange(24.0).reshape(2, 3, 4)
    for given in (codes, codes.numpy()):
        assert as_rows(given).tolist() == [[4, 5, 6, 7], [16, 17, 18, 19]]
    assert as_rows(codes[:, 0]).tolist() == [[0, 1, 2, 3], [12, 13, 14, 15]]
