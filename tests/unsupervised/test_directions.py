"""Baselines as concept sources: raw latents, GANSpace, SeFa, LatentDiscovery, and directions of one's own."""

import pytest
import torch

import interpret_inn as inn
from interpret_inn.errors import ConceptError
from interpret_inn.testing import check_concept_source
from interpret_inn.testing.toys import ToyView
from interpret_inn_unsupervised.directions.direction_methods import (
    completed,
    orthonormal,
    principal_directions,
    weight_directions,
)
from interpret_inn_unsupervised.directions.discovery import discovered_directions, drawn_steps
from interpret_inn_unsupervised.seeing import own_axes

from .conftest import AXES, aligned
from .test_simplicity_source import found_axes

QUICK = {"cache": None, "checkpoint": None}


class Deep(torch.nn.Module):
    """Latents (B, 5) through a linear layer of unequal strengths to images."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first = torch.nn.Linear(AXES, 12)
        self.first.weight = torch.nn.Parameter(torch.randn(12, AXES, generator=generator))
        self.last = torch.nn.Linear(12, 64)
        self.last.weight = torch.nn.Parameter(torch.randn(64, 12, generator=generator) / 4)
        for layer in (self.first, self.last):  # else drawn from the global generator
            torch.nn.init.zeros_(layer.bias)

    def forward(self, latents):
        return torch.sigmoid(self.last(torch.relu(self.first(latents)))).reshape(-1, 1, 8, 8)


@pytest.fixture
def deep():
    model = Deep().eval().requires_grad_(False)
    return inn.wrap(model, backbone="generator", latent_shape=AXES, value_range=(0, 1))


def test_raw_latents_are_the_coordinates(deep):
    deep.fit("directions", **QUICK)
    assert min(aligned(found_axes(deep), torch.eye(AXES))) > 0.999
    # each axis is one coordinate, up to sign
    assert (found_axes(deep).abs().argmax(0).sort().values == torch.arange(AXES)).all()


def test_sefa_is_the_eigenvectors_of_the_first_weights(deep):
    deep.fit("directions", method="sefa", **QUICK)
    weight = deep.backbone.model.first.weight
    expected = torch.linalg.eigh(weight.T @ weight).eigenvectors
    # whitening by samples stretches axes by a percent or two
    assert min(aligned(found_axes(deep), expected)) > 0.99


@pytest.mark.slow
def test_ganspace_of_the_first_layer_is_sefa(deep):
    deep.fit("directions", method="ganspace", layer="first", **QUICK)
    weight = deep.backbone.model.first.weight
    expected = torch.linalg.eigh(weight.T @ weight).eigenvectors
    assert min(aligned(found_axes(deep), expected)) > 0.98


def test_directions_of_ones_own_come_in_order_and_orthonormal(deep):
    mine = torch.tensor([[1.0, 1, 0, 0, 0], [0, 0, 1, 0, 0]])
    deep.fit("directions", method=mine, **QUICK)
    assert len(deep.factors.named) == 2
    found = aligned(found_axes(deep)[:, :2], mine.T)
    assert min(found) > 0.999


def test_discovery_trains_orthonormal_directions_by_its_seed_alone():
    view, state = ToyView(6), torch.get_rng_state()
    one, same = (discovered_directions(view, factors=3, steps=4, pairs=4, seed=5) for _ in range(2))
    assert torch.equal(one, same)
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(one.T @ one, torch.eye(3, dtype=torch.float64))
    assert not torch.equal(one, discovered_directions(view, factors=3, steps=4, pairs=4, seed=6))


@pytest.mark.slow
def test_discovery_learns_to_tell_its_directions_apart(wrapped):
    """A latent that does nothing is told by no change at all: one direction takes it, and all others leave it out."""
    interpreter, true = wrapped()
    interpreter.fit("directions", method="discovery", factors=4, training_steps=400, image_pairs=32, **QUICK)
    dead = true[:, 4]
    named = found_axes(interpreter)[:, :4]
    assert (named.T @ dead).abs().sort().values[:-1].max() < 0.35


def test_steps_are_never_too_short():
    which, far = drawn_steps(500, 10, 4, most=3.0, generator=torch.Generator().manual_seed(0))
    assert which.unique().tolist() == [0, 1, 2, 3]
    assert far.abs().min() >= 0.5 and far.abs().max() <= 3


def test_own_axes_undo_the_turn_of_whitening():
    class Turned(ToyView):
        def seen(self, directions):
            scale = torch.tensor([1.1, 1.0, 0.9])
            return (
                directions @ torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2))).Q
            ) * scale

    view = Turned(3)
    found = own_axes(view)
    torch.testing.assert_close(found.T @ found, torch.eye(3, dtype=torch.float64))
    turn = view.seen(torch.eye(3)).double()
    left, _, right = torch.linalg.svd(turn.T)
    torch.testing.assert_close(found, left @ right)


def test_completed_directions_keep_the_first_and_fill_up():
    given = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = completed(orthonormal(given))
    torch.testing.assert_close(found.T @ found, torch.eye(5, dtype=torch.float64))
    torch.testing.assert_close(found[:, 0], given[:, 0] / given[:, 0].norm())
    torch.testing.assert_close(found[:, :2] @ (found[:, :2].T @ given), given)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"method": "sepha"}, "Expected a method out of latents, ganspace, sefa, discovery"),
        ({"method": "ganspace"}, "Expected the path of a layer for method='ganspace', found none"),
        ({"method": [[1.0, float("nan")]]}, r"Expected directions as finite numbers \(m, D\)"),
        ({"method": torch.ones(3)}, r"Expected directions as finite numbers \(m, D\), found \(3,\)"),
        ({"method": object()}, "or directions .m, D., found object"),
        ({"factors": 0}, "Expected factors to be a whole number, at least 1, found 0"),
        ({"training_steps": 1.5}, "Expected training_steps to be a whole number, at least 1, found 1.5"),
    ],
)
def test_options_that_cannot_be_used_are_said(options, text):
    with pytest.raises(ConceptError, match=text):
        inn.concept_source("directions", data=torch.randn(20, 4), **options)


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (torch.eye(7), r"Expected directions \(m, 5\) in the representation, found \(7, 7\)"),
        (torch.ones(2, 5), "Expected 2 directions that are independent"),
    ],
)
def test_directions_that_do_not_fit_are_said(deep, method, text):
    with pytest.raises(ConceptError, match=text):
        deep.fit("directions", method=method, factors=2, **QUICK)


def test_layers_that_will_not_do_are_said(deep):
    with pytest.raises(ConceptError, match="Expected a layer behind the site that is an affine function"):
        deep.fit("directions", method="sefa", layer="last", **QUICK)
    with pytest.raises(inn.SiteError):
        deep.fit("directions", method="ganspace", layer="middle", **QUICK)


class Dead(ToyView):
    def layer(self, site, white, rest=None):
        return torch.zeros(len(white), 64)

    def layers(self):
        return ["dead"]


def test_layers_that_tell_nothing_are_said():
    with pytest.raises(ConceptError, match="Expected a layer that differs between samples, found 'dead'"):
        principal_directions(Dead(3), "dead", samples=9, seed=0)
    with pytest.raises(ConceptError, match="found that the first layers are none"):
        weight_directions(Dead(3), None)


def test_wide_representations_are_said():
    view = ToyView(2)
    view.width = 5000
    with pytest.raises(ConceptError, match="Expected a representation of at most 4096 coordinates"):
        own_axes(view)


def test_more_directions_than_axes_are_said():
    with pytest.raises(ConceptError, match="Expected at most 3 directions"):
        orthonormal(torch.eye(3, 4, dtype=torch.float64))


@pytest.mark.parametrize("method", ["latents", "sefa", "discovery"])
def test_it_keeps_the_contract_of_sources(method):
    made = inn.concept_source(
        "directions", data=torch.randn(30, 12), method=method, training_steps=2, image_pairs=3, factors=4
    )
    check_concept_source(made)


def test_more_factors_than_directions_are_said(deep):
    with pytest.raises(ConceptError, match="Expected 4 directions, as many as factors, found 1"):
        deep.fit("directions", method=torch.eye(AXES)[:1], factors=4, **QUICK)


def test_a_whole_basis_of_ones_own_leaves_the_last_to_the_residual(deep):
    deep.fit("directions", method=torch.eye(AXES), **QUICK)
    assert len(deep.factors.named) == AXES - 1


def test_layers_without_weights_are_no_first_layer(deep):
    class Reshaped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.flat, self.deep = torch.nn.Flatten(), Deep()

        def forward(self, latents):
            return self.deep(self.flat(latents))

    model = Reshaped().eval().requires_grad_(False)
    other = inn.wrap(model, backbone="generator", latent_shape=AXES, value_range=(0, 1))
    deep.fit("directions", method="sefa", **QUICK), other.fit("directions", method="sefa", **QUICK)
    assert min(aligned(found_axes(deep), found_axes(other))) > 0.9999


def test_autoencoders_have_as_many_factors_as_their_code_allows():
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(64, 4, generator=generator)).Q

    class Coder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.into, self.out = torch.nn.Linear(64, 4, bias=False), torch.nn.Linear(4, 64, bias=False)
            self.into.weight, self.out.weight = torch.nn.Parameter(basis.T), torch.nn.Parameter(basis)

        def encode(self, images):
            return self.into(images.flatten(1))

        def decode(self, codes):
            return self.out(codes).reshape(-1, 1, 8, 8)

        def forward(self, images):
            return self.decode(self.encode(images))

    images = (torch.randn(200, 4, generator=generator) @ basis.T).reshape(-1, 1, 8, 8)
    interpreter = inn.wrap(Coder(), backbone="autoencoder", preprocess="identity", value_range=(-2, 2))
    interpreter.fit("directions", data=images, **QUICK)
    assert len(interpreter.factors.named) == 3


def test_no_option_is_a_setting_of_the_fit():
    """It would never reach the source: `fit` takes its own settings out first."""
    import inspect

    from interpret_inn.plugin import get_manager
    from interpret_inn.translating.settings import FitSettings

    for name in ("simplicity", "directions", "unsupervised", "labels", "sketches", "transforms", "pairs"):
        options = inspect.signature(get_manager().find("concept_source", name).build).parameters
        assert not set(options) & set(FitSettings.names()), name


def test_sefa_finds_layers_whose_weights_are_computed(deep):
    weight = deep.backbone.model.first.weight.clone()
    torch.nn.utils.parametrizations.weight_norm(deep.backbone.model.first)
    interpreter = inn.wrap(deep.backbone.model, backbone="generator", latent_shape=AXES, value_range=(0, 1))
    interpreter.fit("directions", method="sefa", **QUICK)
    expected = torch.linalg.eigh(weight.T @ weight).eigenvectors
    assert min(aligned(found_axes(interpreter), expected)) > 0.99
