"""Conditional transforms: exactly invertible, and each group depends on those alone that its step names."""

import dataclasses
import json

import pytest
import torch
from torch import Generator

from interpret_inn.flows import Conditional, ConditionalShape, StepShape

from .conditionals import SHAPE, drawn

GROUPS = (slice(0, 2), slice(2, 3), slice(3, 6))


def seeded(seed):
    return Generator().manual_seed(seed)


@pytest.fixture
def conditional():
    return drawn(Conditional(SHAPE)).double()


@pytest.fixture
def rows():
    return torch.randn(7, 6, generator=seeded(0), dtype=torch.float64)


def jacobians(direction, rows):
    """Of each row, (B, d, d)."""
    return torch.stack(
        [torch.autograd.functional.jacobian(lambda x: direction(x[None])[0][0], row) for row in rows]
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-12)])
def test_the_inverse_undoes_it_both_ways(conditional, rows, dtype, tolerance):
    conditional, rows = conditional.to(dtype), rows.to(dtype)
    codes, there = conditional(rows)
    assert float((codes - rows).abs().max()) > 0.5
    back, again = conditional.inverse(codes)
    torch.testing.assert_close(back, rows, atol=tolerance, rtol=0)
    torch.testing.assert_close(there, -again, atol=tolerance, rtol=0)
    back, again = conditional.inverse(rows)
    codes, there = conditional(back)
    torch.testing.assert_close(codes, rows, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(there, -again, atol=tolerance, rtol=tolerance)


def test_the_log_determinant_is_that_of_the_jacobian(conditional, rows):
    for direction in (conditional.forward, conditional.inverse):
        expected = torch.linalg.slogdet(jacobians(direction, rows))
        torch.testing.assert_close(direction(rows)[1], expected.logabsdet)
        assert bool((expected.sign > 0).all())


def test_groups_depend_on_those_before_them_alone(conditional, rows):
    for direction in (conditional.forward, conditional.inverse):
        moved = jacobians(direction, rows).abs().amax(0)
        depends = [[bool(moved[out, into].any()) for into in GROUPS] for out in GROUPS]
        assert depends == [[True, True, False], [False, True, False], [True, True, True]]
        assert torch.equal(moved[GROUPS[1], GROUPS[1]], torch.ones(1, 1).double())


def test_a_step_is_its_mean_and_then_its_scales(conditional, rows):
    codes, _ = conditional(rows)
    one, last = conditional.steps
    first, second = (rows[:, part] for part in GROUPS[:2])
    expected = one.scales[0](first - one.mean(second), second)[0]
    torch.testing.assert_close(codes[:, GROUPS[0]], expected)
    moved = rows[:, GROUPS[2]] - last.mean(torch.cat((second, expected), 1))
    moved = last.scales[1](last.scales[0](moved, second)[0], expected)[0]
    torch.testing.assert_close(codes[:, GROUPS[2]], moved)


def test_editing_one_groups_code_keeps_the_codes_of_others(conditional, rows):
    codes, _ = conditional(rows)
    for part in GROUPS:
        edited = codes.clone()
        edited[:, part] += 1.0
        torch.testing.assert_close(conditional(conditional.inverse(edited)[0])[0], edited)


def test_rows_do_not_depend_on_their_neighbours(conditional, rows):
    alone = torch.cat([conditional(row[None])[0] for row in rows])
    torch.testing.assert_close(alone, conditional(rows)[0])


def test_a_group_without_mean_or_scales_stays():
    shape = ConditionalShape((2, 3), (StepShape(1, (0,), 0, ()),))
    rows = torch.randn(4, 5, generator=seeded(0))
    codes, log_det = Conditional(shape)(rows)
    assert torch.equal(codes, rows)
    assert not log_det.any()


@pytest.mark.parametrize("shape", [SHAPE, ConditionalShape((3, 2), ())])
def test_shapes_come_back_from_what_is_stored(shape):
    assert ConditionalShape.of(dataclasses.asdict(shape)) == shape
    assert ConditionalShape.of(json.loads(json.dumps(dataclasses.asdict(shape)))) == shape
    assert hash(shape) == hash(ConditionalShape.of(dataclasses.asdict(shape)))
