"""The parts of simplicity, each against a slow literal version."""

import itertools

import pytest
import torch
from torch import nn

from interpret_inn.errors import ConceptError
from interpret_inn.metrics.traversals import multi_scale_pixels
from interpret_inn.testing.toys import ToyView
from interpret_inn_unsupervised.recognizer import Recognizer, StepRecognizer, shrunk
from interpret_inn_unsupervised.simplicity.metric import lengths, multi_scale, pullback_metric
from interpret_inn_unsupervised.simplicity.simplicity_losses import (
    GRID,
    SoftMasks,
    constriction,
    perceptual_simplicity,
)
from interpret_inn_unsupervised.simplicity.turning import simplest_rotation, simplicity_loss


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(3, 1, 64, 64), (2, 3, 28, 28), (2, 3, 5, 40), (2, 1, 8, 8)])
def test_the_embedding_s_distance_is_that_of_pixels_at_every_scale(shape):
    first, second = drawn(*shape), drawn(*shape, seed=1)
    found = (multi_scale(first) - multi_scale(second)).norm(dim=1)
    torch.testing.assert_close(found, multi_scale_pixels(first, second), atol=1e-6, rtol=1e-6)


def test_the_metric_is_that_of_the_jacobian():
    view = ToyView(6)
    white, rest = view.samples(5, torch.Generator().manual_seed(3))
    found = pullback_metric(view, white, rest, multi_scale, frame=torch.linalg.qr(drawn(6, 6)).Q)
    for point, metric in zip(white.double(), found, strict=True):
        jacobian = torch.autograd.functional.jacobian(
            lambda at: multi_scale(view.outputs(at[None]))[0], point
        )
        torch.testing.assert_close(metric, jacobian.T @ jacobian, rtol=0.02, atol=1e-4)


def test_lengths_are_those_of_small_steps():
    view = ToyView(4)
    white, rest = view.samples(3, torch.Generator().manual_seed(3))
    axes = torch.linalg.qr(drawn(4, 4)).Q
    found = lengths(pullback_metric(view, white, rest, multi_scale), axes)
    for point, axis in itertools.product(range(3), range(4)):
        step = 1e-3 * axes[:, axis].float()
        ends = view.outputs(torch.stack([white[point] - step, white[point] + step]).double())
        literal = multi_scale_pixels(ends[:1], ends[1:]) / 2e-3
        torch.testing.assert_close(found[point, axis], literal[0], rtol=0.02, atol=1e-3)


def test_the_loss_is_length_and_overlap():
    half = drawn(7, 4, 4)
    metric = half @ half.mT
    length, overlap = 0.0, 0.0
    for point in metric:
        length += sum((float(point[k, k]) + 1e-6) ** 0.5 for k in range(4)) / 4 / 7
        off = sum(float(point[k, j]) ** 2 for k in range(4) for j in range(4) if j != k)
        every = sum(float(value) ** 2 for value in point.flatten())
        mean = float(metric.square().sum((1, 2)).mean())
        overlap += off / (every + 1e-4 * mean) / 7
    found = float(simplicity_loss(metric, orthogonality=3.0))
    assert found == pytest.approx(length + 3 * overlap, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_rotation_finds_axes_that_act_at_different_points(seed):
    true = torch.linalg.qr(drawn(5, 5, seed=seed)).Q
    strengths = torch.rand(200, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    metric = true @ torch.diag_embed(strengths.square()) @ true.T
    found = simplest_rotation(metric, orthogonality=1.0, starts=2, steps=150, seed=0)
    torch.testing.assert_close(found.T @ found, torch.eye(5, dtype=torch.float64), atol=1e-9, rtol=0)
    assert (true.T @ found).abs().max(1).values.min() > 0.999
    order = lengths(metric, found).mean(0)
    assert (order.diff() <= 0).all()


def test_with_one_metric_everywhere_the_axes_are_its_eigenvectors():
    half = drawn(6, 6)
    metric = (half @ half.T).expand(20, 6, 6)
    found = simplest_rotation(metric, orthogonality=1.0, starts=1, steps=50, seed=0)
    turned = found.T @ metric[0] @ found
    assert (turned - torch.diag(turned.diagonal())).abs().max() < 1e-3 * turned.abs().max()


def test_where_nothing_changes_nothing_is_turned():
    zeros = torch.zeros(4, 3, 3, dtype=torch.float64)
    assert torch.equal(
        simplest_rotation(zeros, orthogonality=1.0, starts=3, steps=9, seed=0), torch.eye(3).double()
    )


def test_perceptual_simplicity_is_the_published_formula():
    found, after, codes = drawn(6, 4), drawn(6, 4, seed=1), drawn(6, 4, seed=2)
    which = torch.tensor([0, 1, 2, 3, 0, 2])
    stepped = codes.clone()
    stepped[torch.arange(6), which] += 1.5
    literal = []
    for row in range(6):
        total = 0.0
        for i in range(4):
            if i == which[row]:
                total += (found[row, i] - codes[row, i]) ** 2 + (after[row, i] - stepped[row, i]) ** 2
            else:
                total += 2 * ((found[row, i] + after[row, i]) / 2 - codes[row, i]) ** 2
        literal.append(total / 2)
    torch.testing.assert_close(
        perceptual_simplicity(found, after, codes, stepped, which), torch.stack(literal)
    )


def test_masks_begin_over_all_and_can_shrink_to_where_the_change_is():
    masks = SoftMasks(2, 4, torch.Generator().manual_seed(0))
    with torch.no_grad():
        begun = masks()
    assert begun.shape == (2, GRID, GRID)
    assert begun.min() >= 0 and begun.max() <= 1 and begun.mean() > 0.6
    change = torch.zeros(2, 32, 32)
    change[0, :16, :16], change[1, 20:, 8:24] = 1.0, 1.0
    optimizer = torch.optim.Adam(masks.parameters(), lr=2e-3)
    for _ in range(200):
        loss = constriction(change, masks(), area_weight=0.5).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    small = masks().detach()
    share = nn.functional.adaptive_avg_pool2d(change[:, None], GRID)[:, 0]
    inside = (small * share).sum((1, 2)) / share.sum((1, 2))
    assert inside.min() > 0.85
    assert small.mean((1, 2)).max() < 0.4


def test_constriction_is_the_share_outside_and_the_price_of_area():
    change, masks = drawn(3, GRID, GRID).square(), torch.rand(3, GRID, GRID).double()
    literal = [
        float(((1 - m) * c).sum() / c.sum() + 0.3 * m.mean()) for c, m in zip(change, masks, strict=True)
    ]
    assert constriction(change, masks, area_weight=0.3).tolist() == pytest.approx(literal)
    assert constriction(torch.zeros(1, 8, 8), torch.ones(1, GRID, GRID), area_weight=0.3).item() == (
        pytest.approx(0.3)
    )


@pytest.mark.parametrize("side", [(1, 8), (3, 28), (3, 32), (1, 64), (3, 200), (1, 5)])
def test_recognizers_take_images_of_all_sizes_and_leave_the_random_state_alone(side):
    channels, size = side
    images = torch.rand(4, channels, size, size)
    state = torch.get_rng_state()
    one = Recognizer(channels, 6, torch.Generator().manual_seed(0))
    same = Recognizer(channels, 6, torch.Generator().manual_seed(0))
    logits, far = StepRecognizer(channels, 3, torch.Generator().manual_seed(0))(images, images)
    assert torch.equal(torch.get_rng_state(), state)
    assert one(images).shape == (4, 6) and torch.equal(one(images), same(images))
    assert logits.shape == (4, 3) and far.shape == (4,)
    assert max(shrunk(images).shape[2:]) <= 32


class Blank(ToyView):
    def outputs(self, white, rest=None):
        return torch.full((len(white), 1, 8, 8), torch.nan)


class Words(ToyView):
    def outputs(self, white, rest=None):
        return white


@pytest.mark.parametrize(
    ("view", "embed", "text"),
    [
        (Blank(3), multi_scale, "Expected finite images from the model, found NaN or infinity"),
        (Words(3), multi_scale, r"Expected a model that makes images, \(B, C, H, W\), found outputs"),
        (ToyView(3), lambda images: images, r"Expected the function in embed= to give vectors"),
        (ToyView(3), lambda images: "no", "found str. Flatten what it gives"),
    ],
)
def test_what_cannot_be_measured_is_said(view, embed, text):
    with pytest.raises(ConceptError, match=text):
        pullback_metric(view, *view.samples(2, torch.Generator().manual_seed(0)), embed)
