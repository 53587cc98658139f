"""Every transform is asked the same questions: is it inverted, is its log-determinant that of its Jacobian,
do gradients reach all of it, and is it the same after its weights were stored and loaded."""

import io

import pytest
import torch
from nflows.transforms import Transform
from torch import Generator

from interpret_inn.flows import (
    CouplingBlock,
    FlowShape,
    InvertibleNetwork,
    Rotation,
    Whitening,
    fit_whitening,
)


def seeded(seed):
    return Generator().manual_seed(seed)


def mixed(samples, width, seed=0):
    """Correlated rows (samples, width) whose axes differ in scale and mean."""
    scales = torch.logspace(0.5, -1, width)
    mixing = torch.linalg.qr(torch.randn(width, width, generator=seeded(seed))).Q
    return (torch.randn(samples, width, generator=seeded(seed + 1)) * scales) @ mixing + 2.0


def lively(transform, seed=5):
    """All weights drawn anew: fresh couplings are the identity, which would answer every question."""
    with torch.no_grad():
        for parameter in transform.parameters():
            parameter.normal_(0, 0.3, generator=seeded(seed))
    return transform


def block(width, seed=0):
    order = torch.randperm(width, generator=seeded(seed))
    return lively(CouplingBlock(width, hidden=8, depth=2, generator=seeded(seed), order=order))


def network(width, leading, *, blocks=3):
    whitening = fit_whitening(mixed(200, width), explained=1.0, most=leading)
    return lively(InvertibleNetwork(whitening, FlowShape(width, leading, blocks, 8, 2), seeded(0)))


def rotation(width):
    turned = Rotation(width)
    turned.set(torch.linalg.qr(torch.randn(width, width, generator=seeded(4), dtype=torch.float64)).Q)
    return turned


def aligned():
    flow = network(7, 4)
    flow.align(rotation(4).matrix)
    return flow


TRANSFORMS = {
    "rotation": lambda: rotation(6),
    "whitening": lambda: fit_whitening(mixed(200, 6)),
    "whitening, some axes lead": lambda: fit_whitening(mixed(200, 6), most=3),
    "whitening, fewer samples than axes": lambda: fit_whitening(mixed(4, 6)),
    "block": lambda: block(6),
    "block, odd width": lambda: block(7),
    "block, two axes": lambda: block(2),
    "network": lambda: network(6, 6),
    "network, some axes lead": lambda: network(7, 4),
    "network, aligned": aligned,
    "network, empty": lambda: lively(InvertibleNetwork.empty(FlowShape(6, 4, 2, 8, 1))),
}


@pytest.fixture(params=TRANSFORMS)
def transform(request):
    return TRANSFORMS[request.param]()


@pytest.fixture
def rows(transform):
    width = next(
        len(getattr(part, name))
        for part in transform.modules()
        for name in ("mean", "order", "matrix")
        if hasattr(part, name)
    )
    return mixed(16, width, seed=9)


def test_it_is_a_transform_of_nflows(transform, rows):
    assert isinstance(transform, Transform)
    outputs, log_det = transform(rows, context=None)
    assert (outputs.shape, log_det.shape) == (rows.shape, (len(rows),))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-6)])
def test_the_inverse_undoes_it_both_ways(transform, rows, dtype, tolerance):
    transform, rows = transform.to(dtype), rows.to(dtype)
    codes, there = transform(rows)
    back, again = transform.inverse(codes)
    torch.testing.assert_close(back, rows, atol=tolerance, rtol=0)
    torch.testing.assert_close(there + again, torch.zeros(len(rows), dtype=dtype), atol=tolerance, rtol=0)

    codes = torch.randn(rows.shape, generator=seeded(3), dtype=dtype)
    forth, _ = transform(transform.inverse(codes)[0])
    torch.testing.assert_close(forth, codes, atol=tolerance, rtol=0)


def test_the_log_determinant_is_that_of_the_jacobian(transform, rows):
    transform, rows = transform.double(), rows.double()
    for direction in (transform.forward, transform.inverse):
        outputs, log_det = direction(rows)
        # each row's outputs depend on that row alone, so the sum's Jacobian holds that of every row
        jacobian = torch.autograd.functional.jacobian(lambda x, f=direction: f(x)[0].sum(0), rows).movedim(
            1, 0
        )
        torch.testing.assert_close(log_det, torch.linalg.slogdet(jacobian).logabsdet, atol=1e-6, rtol=0)
        rows = outputs.detach()


def test_rows_do_not_depend_on_their_neighbours(transform, rows):
    transform, rows = transform.double(), rows.double()
    alone = torch.cat([transform(row[None])[0] for row in rows])
    torch.testing.assert_close(alone, transform(rows)[0], atol=1e-9, rtol=1e-9)


def test_gradients_reach_every_parameter_and_the_inputs(transform, rows):
    for direction in (transform.forward, transform.inverse):
        rows = rows.detach().clone().requires_grad_()
        outputs, log_det = direction(rows)
        (outputs.square().sum() + log_det.sum()).backward()
        for name, parameter in transform.named_parameters():
            assert parameter.grad is not None, name
            assert bool((parameter.grad != 0).any()), name
        assert bool((rows.grad != 0).all(1).all())
        transform.zero_grad()


def test_stored_weights_give_the_same_transform(transform, rows):
    if isinstance(transform, InvertibleNetwork):
        other = InvertibleNetwork.empty(transform.shape)
    elif isinstance(transform, Whitening):
        other = Whitening.empty(len(transform.mean), transform.leading)
    elif isinstance(transform, Rotation):
        other = Rotation(len(transform.matrix))
    else:
        first, last = transform.first.layers, transform.first.layers[-1]
        other = CouplingBlock(
            len(transform.order), hidden=last.in_features, depth=len(first) - 1, generator=seeded(99)
        )
    file = io.BytesIO()
    torch.save(transform.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    for direction in ("forward", "inverse"):
        for found, expected in zip(
            getattr(other, direction)(rows), getattr(transform, direction)(rows), strict=True
        ):
            assert torch.equal(found, expected)


def test_a_fresh_network_only_whitens_and_reorders():
    rows = mixed(300, 6)
    fresh = InvertibleNetwork(fit_whitening(rows), FlowShape(6, 6), seeded(0))
    codes, _ = fresh(rows)
    white, _ = fresh.whitening(rows)
    distances = torch.cdist(codes.T, white.T)  # every axis of the one is an axis of the other
    assert sorted(distances.argmin(1).tolist()) == list(range(6))
    torch.testing.assert_close(distances.min(1).values, torch.zeros(6), atol=1e-4, rtol=0)


def test_axes_that_do_not_lead_pass_through_whitened():
    flow = network(7, 4)
    rows = mixed(16, 7, seed=9)
    assert torch.equal(flow(rows)[0][:, 4:], flow.whitening(rows)[0][:, 4:])


def test_weights_come_from_the_generator_alone():
    before = torch.get_rng_state()
    shape, whitening = FlowShape(6, 6, 2, 8, 2), fit_whitening(mixed(200, 6))
    flows = [InvertibleNetwork(whitening, shape, seeded(seed)) for seed in (1, 1, 2)]
    InvertibleNetwork.empty(shape)
    assert torch.equal(before, torch.get_rng_state())
    one, same, other = (
        torch.cat([p.detach().flatten() for p in (*flow.parameters(), *flow.blocks.buffers())])
        for flow in flows
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    for layer in flows[0].modules():
        if isinstance(layer, torch.nn.Linear):
            assert float(layer.bias.detach().abs().max()) == 0


def test_aligning_makes_axes_the_axes_of_a_fresh_networks_code():
    rows = mixed(300, 7)
    fresh = InvertibleNetwork(fit_whitening(rows, most=5), FlowShape(7, 5, 3, 8, 1), seeded(0))
    axes = rotation(5).matrix
    fresh.align(axes)
    white, _ = fresh.whitening(rows)
    torch.testing.assert_close(fresh(rows)[0][:, :5], white[:, :5] @ axes, atol=1e-5, rtol=0)
