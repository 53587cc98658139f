"""Stylizers: what they match, and that the network is given back as found."""

import numpy as np
import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn.errors import ConceptError
from interpret_inn.testing import toy_classifier, toy_images
from interpret_inn_sketches import FeatureStylizer, FilterStylizer
from interpret_inn_sketches.features import _distance, first_layers
from interpret_inn_sketches.filters import analyse, from_opponent, matched, quantiles, synthesise, to_opponent
from interpret_inn_sketches.stylizers import STYLIZERS, make_stylizer


def planes(images) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return planes(toy_images(6, seed=3)[0])


@pytest.fixture(scope="module")
def examples(draw) -> dict[str, torch.Tensor]:
    return {kind: planes([draw(kind, 24, seed) for seed in range(6)]) for kind in ("outlines", "filled")}


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 33, 47), (1, 15, 20)])
@pytest.mark.parametrize("scales", [1, 2, 3])
def test_sub_bands_sum_to_the_image(shape, scales) -> None:
    images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    bands = analyse(images, scales)
    assert len(bands) == scales * (1 if shape[0] == 1 else 2) + 1
    torch.testing.assert_close(synthesise(bands, scales, colours=shape[0]), images)


def test_opponent_colours_go_back() -> None:
    images = torch.rand(2, 3, 5, 5)
    torch.testing.assert_close(from_opponent(to_opponent(images)), images)


def test_orientations_answer_to_stripes_of_their_own() -> None:
    stripes = ((torch.arange(32) % 4) < 2).float().expand(1, 1, 32, 32)
    energy = [analyse(image, 2)[0].square().mean((0, 2, 3)) for image in (stripes, stripes.transpose(2, 3))]
    assert energy[0].argmax() == 0 and energy[1].argmax() == 2
    assert energy[0][0] > 5 * energy[0][2]


def test_matching_gives_the_distribution_and_keeps_the_order() -> None:
    generator = torch.Generator().manual_seed(1)
    band, wanted = (
        torch.randn(2, 1, 40, 40, generator=generator),
        torch.rand(2, 1, 30, 30, generator=generator) ** 3,
    )
    moved = matched(band, quantiles(wanted))
    torch.testing.assert_close(quantiles(moved), quantiles(wanted), atol=0.02, rtol=0)
    order = band.flatten(2).argsort(-1)
    assert (moved.flatten(2).gather(2, order).diff(dim=-1) >= -1e-6).all()


def test_a_flat_band_takes_a_value_of_the_target() -> None:
    moved = matched(torch.zeros(1, 1, 8, 8), quantiles(torch.rand(1, 1, 8, 8)))
    assert moved.isfinite().all() and moved.min() >= 0 and moved.max() <= 1


@pytest.mark.parametrize("name", ["filters", "gram", "moments"])
def test_styles_are_taken_on_and_images_stay_apart(name, images, examples) -> None:
    network = None if name == "filters" else toy_classifier()
    stylizer, identity = make_stylizer(name, network=network, layers=None, rounds=None)
    assert identity is not None
    found = {kind: stylizer(images, tiles) for kind, tiles in examples.items()}
    for made in found.values():
        assert made.shape == images.shape and made.min() >= 0 and made.max() <= 1
        # image i in batch or alone: the same
        torch.testing.assert_close(
            stylizer(images[2:3], examples["filled"][2:3])[0], found["filled"][2], atol=0.02, rtol=0
        )

    def detail(pictures: torch.Tensor) -> torch.Tensor:
        """Energy at the finest scale, as a share of all."""
        return analyse(to_opponent(pictures), 1)[0].sum(1).square().mean() / to_opponent(pictures)[:, 0].var()

    # outlines have more fine detail than filled shapes of the same spread
    assert detail(examples["outlines"]) > 1.5 * detail(examples["filled"])
    assert detail(found["outlines"]) > 1.2 * detail(found["filled"])
    # what an image shows stays: it is nearer to its own edges than to another's
    flat = found["outlines"].mean(1).flatten(1)
    own = torch.corrcoef(torch.cat((flat, images.mean(1).flatten(1))))[:6, 6:]
    assert own.diagonal().mean() > own.mean() + 0.1


def test_one_example_counts_for_all_images(images, examples) -> None:
    one = examples["filled"][:1]
    torch.testing.assert_close(
        FilterStylizer()(images, one), FilterStylizer()(images, one.expand(6, -1, -1, -1))
    )


@pytest.mark.parametrize("gram", [True, False])
def test_gradient_steps_come_nearer_to_the_statistics(images, examples, gram) -> None:
    network = toy_classifier()
    far, near = (FeatureStylizer(network, gram=gram, steps=steps) for steps in (1, 15))

    def distance(stylizer: FeatureStylizer) -> float:
        made = stylizer(images, examples["outlines"])
        with torch.no_grad():
            pairs = zip(far._maps(made), far._maps(examples["outlines"]), strict=True)
            return sum(float(_distance(far._statistics(a), far._statistics(b)).sum()) for a, b in pairs)

    assert distance(near) < 0.95 * distance(far)


def test_the_network_is_given_back_as_found(images, examples) -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(), nn.Conv2d(4, 4, 3)
    )
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random_state = torch.get_rng_state()
    with torch.inference_mode():
        FeatureStylizer(network, steps=2)(images, examples["filled"])
    assert network.training and all(torch.equal(before[n], v) for n, v in network.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert torch.equal(torch.get_rng_state(), random_state)


def test_layers_and_preprocessing_come_from_the_interpreter(images, examples) -> None:
    model = toy_classifier()
    interpreter = inn.wrap(model, preprocess={"mean": (0.5,) * 3, "std": (0.2,) * 3})
    stylizer = FeatureStylizer(interpreter, steps=1)
    assert stylizer.layers == first_layers(model)
    assert FeatureStylizer(interpreter.backbone).fingerprint() != FeatureStylizer(model).fingerprint()
    assert float(stylizer._prepared(images).min()) < -1
    plain = FeatureStylizer(inn.wrap(model, preprocess=lambda batch: batch), steps=1)
    torch.testing.assert_close(plain._prepared(images), images)


def test_grey_images_go_through_a_network_of_colours_and_back() -> None:
    grey = torch.rand(2, 1, 20, 20)
    assert FeatureStylizer(toy_classifier(), steps=1)(grey, grey).shape == grey.shape
    colour = torch.rand(2, 3, 20, 20)
    assert FeatureStylizer(nn.Conv2d(1, 4, 3), layers=[""], steps=1)._prepared(colour).shape == (2, 1, 20, 20)


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.mean((2, 3)))


def test_bad_stylizers_are_refused(images) -> None:
    with pytest.raises(ConceptError, match=r"There is no stylizer 'gramm'. Did you mean 'gram'"):
        make_stylizer("gramm", network=None, layers=None, rounds=None)
    with pytest.raises(ConceptError, match=r"'gram' needs a network, found none. Type network=interpreter"):
        make_stylizer("gram", network=None, layers=None, rounds=None)
    with pytest.raises(ConceptError, match='"filters" needs no network, but network= or layers= was given'):
        make_stylizer("filters", network=toy_classifier(), layers=None, rounds=None)
    with pytest.raises(ConceptError, match="go with a stylizer's name, not with a callable"):
        make_stylizer(lambda images, examples: images, network=None, layers=None, rounds=3)
    with pytest.raises(ConceptError, match="The network has no layer 'conv9'"):
        make_stylizer("gram", network=toy_classifier(), layers=["conv9"], rounds=None)
    with pytest.raises(ConceptError, match="Expected at least one layer, found none"):
        make_stylizer("moments", network=toy_classifier(), layers=[], rounds=None)
    with pytest.raises(ConceptError, match=r"Expected a network \(torch.nn.Module, .*found int"):
        make_stylizer("gram", network=3, layers=None, rounds=None)
    with pytest.raises(ConceptError, match="The network has no convolutions whose maps could tell a style"):
        make_stylizer("gram", network=Odd(), layers=None, rounds=None)
    stylizer = FeatureStylizer(Odd(), layers=["linear"])
    with pytest.raises(
        ConceptError, match=r"layers that carry maps \(B, C, H, W\), found \(6, 3\) at 'linear'"
    ):
        stylizer(images, images)


def test_a_maker_can_be_added(monkeypatch) -> None:
    monkeypatch.setitem(STYLIZERS, "none", lambda *, network, layers, rounds: lambda images, examples: images)
    made, identity = make_stylizer("none", network=None, layers=None, rounds=None)
    assert identity is None and made(1, 2) == 1
    assert FilterStylizer(steps=2).steps == 2
