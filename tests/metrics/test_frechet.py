import builtins

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import nn

from interpret_inn.errors import InnWarning, InputError
from interpret_inn.metrics.frechet import frechet_distance


def literal(a: np.ndarray, b: np.ndarray) -> float:
    """The formula word for word, by scipy's matrix root."""
    mean = a.mean(0) - b.mean(0)
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(first @ second).real
    return float(mean @ mean + np.trace(first + second - 2 * root))


@pytest.fixture(scope="module")
def images() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    real = torch.rand(300, 1, 4, 4, generator=generator)
    return real, real.flip(0)[:250] ** 1.5


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.Tanh(), nn.Dropout(0.5))


@pytest.mark.slow
def test_agrees_with_the_formula(images, network) -> None:
    real, generated = images
    found = frechet_distance(real, generated, features=network, batch_size=37)
    with torch.no_grad():
        expected = literal(*(network[:3](x).double().numpy() for x in images))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert found > 1e-3


def test_the_same_images_are_at_no_distance_and_the_order_of_the_sets_does_not_count(images, network) -> None:
    real, _generated = images
    assert frechet_distance(real, real, features=network) == pytest.approx(0, abs=1e-6)
    there, back = (frechet_distance(*sets, features=network) for sets in (images, images[::-1]))
    assert there == pytest.approx(back, rel=1e-6)


def test_bytes_and_arrays_are_the_same_as_floats(images, network) -> None:
    real, generated = ((x * 255).byte() for x in images)
    as_bytes = frechet_distance(real.numpy(), generated.numpy(), features=network)
    as_floats = frechet_distance(real.float() / 255, generated.double() / 255, features=network)
    assert as_bytes == pytest.approx(as_floats, rel=1e-5)


def test_any_function_may_give_the_features(images) -> None:
    assert frechet_distance(*images, features=lambda x: x.mean((2, 3)).repeat(1, 2)) > 0


def test_the_network_is_given_back_as_found(images, network) -> None:
    network.train()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    frechet_distance(*images, features=network)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert torch.equal(before, torch.get_rng_state())


def test_few_images_are_said(images, network) -> None:
    with pytest.warns(InnWarning, match="5 images tell too little of the spread of 6 features"):
        frechet_distance(images[0][:5], images[1], features=network)


WRONG = [
    ({"features": "inception"}, "Expected features to be a network or a function of images, found str"),
    ({"batch_size": 0}, "Expected a batch_size of at least 1, found 0"),
    ({"real": "cats"}, "Expected real images as a tensor or an array"),
    ({"batch_size": True}, "Expected a batch_size of at least 1, found True"),
    ({"batch_size": 2.5}, "Expected a batch_size of at least 1, found 2.5"),
    ({"real": torch.rand(1, 1, 4, 4)}, "Expected at least 2 real images"),
    ({"real": torch.rand(9)}, r"Expected at least 2 real images .*found shape \(9,\)"),
    (
        {"generated": torch.zeros(9, 1, 4, 4, dtype=torch.int64)},
        "floats in .0, 1. or uint8, found torch.int64",
    ),
    ({"generated": torch.rand(9, 1, 4, 4) * 2 - 1}, "Expected generated images in .0, 1., found -"),
    ({"real": torch.full((9, 1, 4, 4), torch.nan)}, "Expected real images in .0, 1., found nan"),
    ({"generated": torch.rand(9, 1, 5, 5)}, "of one shape, found .1, 4, 4. and .1, 5, 5."),
    ({"features": lambda x: x}, "Maps need pooling"),
    ({"features": lambda x: [x]}, "found list"),
    ({"features": lambda x: x.flatten(1)[:1]}, r"Expected features \(64, F\) of 64 images, found \(1, 16\)"),
    ({"features": lambda x: x.flatten(1) / 0}, "Expected finite features"),
]


@pytest.mark.parametrize(("changes", "text"), WRONG, ids=[text[:40] for _, text in WRONG])
def test_what_cannot_be_compared_is_refused(images, network, changes, text) -> None:
    options = {"real": images[0], "generated": images[1], "features": network} | changes
    with pytest.raises(InputError, match=text):
        frechet_distance(options.pop("real"), options.pop("generated"), **options)


def test_without_torchmetrics_it_says_what_to_type(images, network, monkeypatch) -> None:
    original = builtins.__import__

    def missing(name, *arguments, **options):
        if name.startswith("torchmetrics"):
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r"pip install 'interpret-inn\[fid\]'"):
        frechet_distance(*images, features=network)


def test_as_many_images_as_features_are_too_few_and_one_more_is_enough(images) -> None:
    with pytest.warns(InnWarning, match="Give more than 16 images"):
        frechet_distance(images[0], images[1][:16], features=nn.Flatten())
    assert frechet_distance(images[0], images[1][:17], features=nn.Flatten(), batch_size=1) > 0


def test_rounding_may_leave_the_range_a_little(images) -> None:
    real, generated = images
    for wrong in (5e-5, -5e-5):
        assert frechet_distance(real, generated.clamp(0.1, 0.9) + wrong, features=nn.Flatten()) > 0
        edge = generated.clone()
        edge[0, 0, 0, 0] = wrong if wrong < 0 else 1 + wrong
        assert frechet_distance(real, edge, features=nn.Flatten()) > 0
        edge[0, 0, 0, 0] = 4 * wrong if wrong < 0 else 1 + 4 * wrong
        with pytest.raises(InputError, match=r"generated images in \[0, 1\], found"):
            frechet_distance(real, edge, features=nn.Flatten())


def test_two_flat_images_are_enough() -> None:
    found = frechet_distance(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [1.0]]), features=lambda x: x)
    # means 1/2 and 3/4, variances 1/2 and 1/8: 1/16 + (√½ − √⅛)²
    assert found == pytest.approx(1 / 16 + 1 / 8, rel=1e-6)
