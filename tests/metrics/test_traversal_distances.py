"""Distances of images."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from interpret_inn.errors import InputError
from interpret_inn.metrics.traversals import (
    FeatureDistance,
    ms_ssim_distance,
    multi_scale_pixels,
    pixel_distance,
)

SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@pytest.fixture(scope="module")
def theirs() -> ModuleType:
    """Imported here, as it takes a second, and all who collect tests would wait for it."""
    from torchmetrics.functional import image

    return image


def images(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm, self.second = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Conv2d(5, 4, 3, 2)
        self.head = nn.Linear(4, 2)

    def forward(self, given: Tensor) -> Tensor:
        seen = self.second(torch.relu(self.norm(self.first(given))))
        return self.head(seen.mean((2, 3)))


@pytest.fixture
def network() -> nn.Module:
    with torch.random.fork_rng():
        return Network().double()


DISTANCES: list[Any] = [pixel_distance, multi_scale_pixels, ms_ssim_distance]


@pytest.mark.parametrize("distance", DISTANCES)
def test_it_is_nothing_for_equal_images_and_the_same_both_ways(distance: Any) -> None:
    one, other = images(0, 3, 3, 24, 30), images(1, 3, 3, 24, 30)
    assert torch.allclose(distance(one, one), torch.zeros(3, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(distance(one, other), distance(other, one))
    assert (distance(one, other) > 0).all()
    assert torch.allclose(distance(one, other)[1:2], distance(one[1:2], other[1:2]))


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_follows_precision_and_lets_finite_gradients_through(distance: Any, dtype: torch.dtype) -> None:
    one = images(0, 2, 1, 24, 24, dtype=dtype)
    other = one + 0.3 * images(1, 2, 1, 24, 24, dtype=dtype)
    other[1] = one[1]  # the slope of a root at 0 is infinite
    other.requires_grad_()
    found = distance(one, other)
    (slope,) = torch.autograd.grad(found.sum(), other)
    assert found.dtype == dtype and torch.isfinite(slope).all() and slope[0].any()


def test_pixels_are_the_literal_ones() -> None:
    one, other = images(0, 2, 3, 5, 6), images(1, 2, 3, 5, 6)
    literal = [np.sqrt(((a - b).numpy() ** 2).mean()) for a, b in zip(one, other, strict=True)]
    assert pixel_distance(one, other).tolist() == pytest.approx(literal, abs=2e-6)


def test_scales_are_the_literal_ones() -> None:
    one, other = images(0, 2, 1, 16, 24), images(1, 2, 1, 16, 24)
    difference = (one - other)[:, 0].numpy()
    squares = []
    for factor in (1, 2, 4):
        small = difference.reshape(2, 16 // factor, factor, 24 // factor, factor).mean((2, 4))
        squares.append((small**2).mean((1, 2)))
    assert multi_scale_pixels(one, other).tolist() == pytest.approx(np.sqrt(np.mean(squares, 0)), abs=2e-6)


def test_coarse_scales_see_how_far_a_thing_went() -> None:
    scene = torch.zeros(3, 1, 32, 32)
    for number, place in enumerate((4, 12, 24)):
        scene[number, :, 14:18, place : place + 4] = 1
    near, far = scene[:1], scene[:1]
    assert torch.allclose(pixel_distance(near, scene[1:2]), pixel_distance(far, scene[2:]))
    assert multi_scale_pixels(near, scene[1:2]) <= multi_scale_pixels(far, scene[2:])


@pytest.mark.slow
@pytest.mark.parametrize(("size", "count"), [(16, 1), (28, 2), (32, 2), (64, 3), (176, 5)])
def test_structure_is_what_torchmetrics_says(theirs: ModuleType, size: int, count: int) -> None:
    one = images(0, 2, 3, size, size)
    other = (one + 0.3 * images(1, 2, 3, size, size)).clamp(0, 1)
    weights = tuple(weight / sum(SCALES[:count]) for weight in SCALES[:count])
    wanted = theirs.multiscale_structural_similarity_index_measure(
        one, other, data_range=1.0, betas=weights, reduction="none", normalize="relu", kernel_size=11
    )
    assert isinstance(wanted, Tensor)
    # torchmetrics also takes the mean over a margin, where it has reflected the image; the authors do not
    assert (1 - ms_ssim_distance(one, other)).tolist() == pytest.approx(wanted.tolist(), abs=0.006)


def test_one_scale_is_exactly_what_torchmetrics_says_of_the_inside(theirs: ModuleType) -> None:
    one = images(0, 1, 2, 16, 20)
    other = (one + 0.3 * images(1, 1, 2, 16, 20)).clamp(0, 1)
    _, full = theirs.structural_similarity_index_measure(one, other, data_range=1.0, return_full_image=True)
    assert 1 - float(ms_ssim_distance(one, other)) == pytest.approx(
        float(full[..., 5:-5, 5:-5].mean()), abs=1e-9
    )


def test_features_are_the_literal_ones(network: nn.Module) -> None:
    network.eval()
    one, other = images(0, 2, 3, 9, 9), images(1, 2, 3, 9, 9)
    weight = torch.tensor([0.5, 1.0, 2.0, 0.0], dtype=torch.float64)
    found = FeatureDistance(network, ["first", "second"], weights={"second": weight})(one, other)
    seen = []
    for batch in (one, other):
        first = network.get_submodule("first")(batch)
        seen.append(
            (first, network.get_submodule("second")(torch.relu(network.get_submodule("norm")(first))))
        )
    literal = torch.zeros(2, dtype=torch.float64)
    for layer, channels in ((0, torch.ones(5, dtype=torch.float64)), (1, weight)):
        a, b = (features[layer] / features[layer].norm(dim=1, keepdim=True) for features in seen)
        literal += ((a - b) ** 2 * channels[:, None, None]).sum(1).mean((1, 2))
    assert torch.allclose(found, literal)


def test_what_is_overwritten_later_is_seen_as_it_was() -> None:
    first = nn.Conv2d(3, 5, 3).double()
    one, other = images(0, 2, 3, 9, 9), images(1, 2, 3, 9, 9)
    found = [
        FeatureDistance(nn.Sequential(first, nn.ReLU(inplace=inplace)), ["0"])(one, other)
        for inplace in (False, True)
    ]
    assert torch.equal(*found)


def test_the_network_is_left_as_it_was(network: nn.Module) -> None:
    network.train()
    network.get_submodule("first").eval()
    flags = [module.training for module in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    distance = FeatureDistance(network, ["first"], prepare=lambda batch: batch - 0.5)
    distance(images(0, 2, 3, 9, 9), images(1, 2, 3, 9, 9))
    with pytest.raises(RuntimeError):
        distance(images(0, 2, 1, 9, 9), images(1, 2, 1, 9, 9))
    assert flags == [module.training for module in network.modules()]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda n: multi_scale_pixels(images(0, 1, 1, 8, 8), images(0, 1, 1, 8, 9)), "of one shape .B, C, H, W."),
        (lambda n: ms_ssim_distance(images(0, 1, 8, 8), images(0, 1, 8, 8)), "of one shape"),
        (lambda n: ms_ssim_distance(images(0, 1, 1, 8, 30), images(0, 1, 1, 8, 30)), r"at least 11 .*\(8, 30\)"),
        (lambda n: FeatureDistance(n, []), "paths of one layer or several, found"),
        (lambda n: FeatureDistance(n, "first"), "paths of one layer or several, found 'first'"),
        (lambda n: FeatureDistance(n, ["first"], weights={"second": images(0, 4)}), "weights of the layers"),
        (lambda n: FeatureDistance(n, ["firts"]), "no layer 'firts'. Did you mean 'first'"),
        (
            lambda n: FeatureDistance(n, ["head"])(images(0, 1, 3, 9, 9), images(0, 1, 3, 9, 9)),
            r"'head' to give maps .* found \(2, 2\)",
        ),
    ],
)  # fmt: skip
def test_what_has_no_distance_is_named(network: nn.Module, call: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        call(network)
