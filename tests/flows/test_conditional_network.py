"""The invertible network of a conditional flow, with and without a mean of its outer axes."""

import dataclasses
import json

import pytest
import torch
from torch import Generator

from interpret_inn.flows import FlowShape, InvertibleNetwork, fit_whitening

from .conditionals import SHAPE, drawn

WIDTH, LEADING, NAMED = 9, 6, 3


def seeded(seed):
    return Generator().manual_seed(seed)


def rows_of(samples, seed=0):
    turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=seeded(0))).Q
    return (
        torch.randn(samples, WIDTH, generator=seeded(seed)) * torch.logspace(0.5, -0.5, WIDTH)
    ) @ turn + 2.0


def empty(outer):
    whitening = fit_whitening(rows_of(200), explained=1.0, most=LEADING)
    return InvertibleNetwork(
        whitening, FlowShape(WIDTH, LEADING, 0, conditional=SHAPE, outer=outer), seeded(0)
    )


@pytest.fixture(params=[0, 4], ids=["outer axes stay", "outer axes move"])
def network(request):
    made = drawn(empty(request.param))
    exact = next(iter(made.blocks._transforms))
    exact.set(made.whitening(rows_of(200))[0][:, :LEADING])
    made.align(torch.linalg.qr(torch.randn(LEADING, LEADING, generator=seeded(4))).Q)
    return made


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-4), (torch.float64, 1e-5)])
def test_the_inverse_undoes_it_both_ways(network, dtype, tolerance):
    network, rows = network.to(dtype), rows_of(8, seed=1).to(dtype)
    codes, there = network(rows)
    back, again = network.inverse(codes)
    torch.testing.assert_close(back, rows, atol=tolerance, rtol=0)
    torch.testing.assert_close(there + again, torch.zeros_like(there), atol=tolerance, rtol=0)


def test_the_log_determinant_is_that_of_the_jacobian(network):
    network, rows = network.double(), rows_of(5, seed=1).double()
    for direction in (network.forward, network.inverse):
        outputs, log_det = direction(rows)
        for row, found in zip(rows, log_det, strict=True):
            jacobian = torch.autograd.functional.jacobian(lambda x, f=direction: f(x[None])[0][0], row)
            assert float(found) == pytest.approx(float(torch.linalg.slogdet(jacobian).logabsdet), abs=1e-6)
        rows = outputs


@pytest.mark.parametrize("kept", [LEADING, LEADING + 1, WIDTH])
def test_fewer_columns_have_the_same_codes(network, kept):
    rows = rows_of(8, seed=1)
    white, scaled = network.whitening(rows)
    codes, log_det = network(rows)
    found, moved = network.coded(white[:, :kept])
    torch.testing.assert_close(found, codes[:, :kept])
    torch.testing.assert_close(scaled + moved, log_det)


def test_outer_axes_are_moved_by_the_named_codes_alone():
    network = drawn(empty(4))
    rows = rows_of(8, seed=1)
    white, codes = network.whitening(rows)[0], network(rows)[0]
    expected = white[:, LEADING:] - network.outer(codes[:, :NAMED])
    torch.testing.assert_close(codes[:, LEADING:], expected)
    edited = codes.clone()
    edited[:, NAMED:LEADING] += 1.0  # the residual's code within the leading axes
    again = network.whitening(network.inverse(edited)[0])[0]
    torch.testing.assert_close(again[:, LEADING:], white[:, LEADING:], atol=1e-4, rtol=0)


def test_stored_numbers_give_the_same_network(network):
    shape = FlowShape.of(json.loads(json.dumps(dataclasses.asdict(network.shape))))
    assert shape == network.shape
    other = InvertibleNetwork.empty(shape)
    other.load_state_dict(network.state_dict())
    rows = rows_of(8, seed=1)
    for direction in ("forward", "inverse"):
        for found, expected in zip(
            getattr(other, direction)(rows), getattr(network, direction)(rows), strict=True
        ):
            assert torch.equal(found, expected)


def test_aligning_makes_axes_the_axes_of_a_fresh_networks_code():
    fresh, rows = empty(0), rows_of(8, seed=1)
    axes = torch.linalg.qr(torch.randn(LEADING, LEADING, generator=seeded(2))).Q
    fresh.align(axes)
    white = fresh.whitening(rows)[0]
    torch.testing.assert_close(fresh(rows)[0], torch.cat((white[:, :LEADING] @ axes, white[:, LEADING:]), 1))


def test_autocast_does_not_cost_the_inverse_its_precision(network):
    rows = rows_of(8, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        codes, _ = network(rows)
        back, _ = network.inverse(codes)
    assert codes.dtype == torch.float32
    torch.testing.assert_close(back, rows, atol=1e-3, rtol=0)
