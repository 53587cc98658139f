"""Generators: latents of any shape and distribution, ranges, noise, and what is refused."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.testing import check_backbone


def wrap(model: Any, **options: Any) -> Any:
    return inn.wrap(model, backbone="generator", **options).backbone


def seed(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


class Deconvolution(nn.Module):
    """Latents (B, 5, 1, 1), or (B, 5) where it makes maps of them itself."""

    def __init__(self, *, vectors: bool) -> None:
        super().__init__()
        self.up, self.vectors = nn.ConvTranspose2d(5, 1, 4), vectors

    def forward(self, latent: Tensor) -> Tensor:
        return self.up(latent[:, :, None, None] if self.vectors else latent)


class Plain(nn.Module):
    """No layer tells what it takes: images (B, 3, side, side) of latents of any width."""

    def __init__(self, shape: tuple[int, ...] = (3, 4, 4)) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, latent: Tensor) -> Tensor:
        return latent.flatten(1).sum(1).reshape(-1, *(1 for _ in self.shape)).expand(-1, *self.shape)


def test_a_generator_keeps_the_contract(latent: nn.Module) -> None:
    for site in (None, "first", "body.1"):
        backbone = wrap(latent, site=site)
        check_backbone(backbone, backbone.sample_inputs(4, seed()))
        assert backbone.kind == "generator"
        assert backbone.input_shape == (12,)
        assert backbone.value_range == (0.0, 1.0)
    assert str(wrap(latent).address) == ".:in"
    assert latent.training  # as it was


def test_nothing_else_is_taken_for_a_generator(latent: nn.Module) -> None:
    assert inn.wrap(latent, "first").backbone.kind == "module"


@pytest.mark.parametrize("vectors", [True, False])
def test_the_shape_of_latents_is_found_out(vectors: bool) -> None:
    backbone = wrap(Deconvolution(vectors=vectors))
    assert backbone.input_shape == ((5,) if vectors else (5, 1, 1))
    z = backbone.represent(backbone.prepare(backbone.sample_inputs(3, seed())))
    assert (backbone.width, backbone.layout.name, z.ndim) == (
        5,
        "vector" if vectors else "flat",
        2 + 2 * (not vectors),
    )
    assert backbone.has_tail


def test_latents_are_drawn_as_named(latent: nn.Module) -> None:
    normal = wrap(latent).sample_inputs(500, seed())
    uniform = wrap(latent, latents="uniform").sample_inputs(500, seed())
    assert 0.9 < float(normal.std()) < 1.1
    assert -1 <= float(uniform.min()) < -0.99
    assert 0.99 < float(uniform.max()) <= 1

    def own(n: int, generator: torch.Generator) -> Tensor:
        return 3 + torch.rand(n, 12, generator=generator)

    backbone = wrap(latent, latents=own)
    assert torch.equal(backbone.sample_inputs(5, seed(1)), own(5, seed(1)))
    assert backbone.input_shape == (12,)


@pytest.mark.parametrize(
    ("last", "value_range"),
    [
        (torch.sigmoid, (0, 1)),
        (torch.tanh, (-1, 1)),
        (lambda x: 300 * x, None),
        (lambda x: x.sigmoid() - 0.01, None),
    ],
)
def test_the_range_of_images_is_seen_where_it_is_plain(
    make_latent: Callable[..., nn.Module], last: Any, value_range: Any
) -> None:
    assert wrap(make_latent(last)).value_range == value_range


def test_values_outside_the_given_range_are_told(make_latent: Callable[..., nn.Module]) -> None:
    backbone = wrap(make_latent(torch.tanh), value_range=(0, 1))
    assert backbone.value_range == (0, 1)
    (note,) = backbone.examine(backbone.sample_inputs(8, seed()), None)
    assert re.search(r"\d\d% of the values of 64 samples lie outside value_range=\(0, 1\)", note)


@pytest.mark.slow
def test_a_generator_with_noise_of_its_own_works_and_is_told(
    make_latent: Callable[..., nn.Module], small: dict[str, Any]
) -> None:
    it = inn.wrap(make_latent(noise=0.3), backbone="generator")
    latents = it.sample_inputs(120)
    with pytest.warns(inn.InnWarning, match="draws random numbers of its own"):
        it.fit("labels", data=latents, labels={"tilt": latents[:, 0].numpy()}, **small | {"axes": 64})
    assert any("draws random numbers of its own" in note for note in it.fitted.notes)
    explanation = it.explain(latents[:20], examples=2, resamples=3, localizer=None)
    assert explanation.checks.passed
    check_backbone(it.backbone, latents[:4])


def test_latents_of_another_distribution_are_told(latent: nn.Module) -> None:
    wide = 3 * torch.randn(50, 12, generator=seed())
    assert "standard deviation of 3" in wrap(latent).examine(wide, None)[0]
    assert "lie outside −1 to 1" in wrap(latent, latents="uniform").examine(wide, None)[0]
    assert wrap(latent).examine(wide / 3, None) == []
    assert wrap(latent, latents="uniform").examine(wide.tanh(), None) == []


def test_latents_of_the_wrong_size_or_not_finite_are_refused(latent: nn.Module) -> None:
    backbone = wrap(latent)
    with pytest.raises(inn.InputError, match=r"Expected inputs of shape \(12,\).*found \(13,\)"):
        backbone.prepare(torch.zeros(2, 13))
    with pytest.raises(inn.InputError, match="found NaN or infinity in 1 of 2"):
        backbone.prepare(torch.tensor([[0.0] * 12, [float("nan")] * 12]))


@pytest.mark.slow
def test_a_fit_needs_no_data_and_comes_back_from_disk(
    latent: nn.Module, tmp_path: Path, small: dict[str, Any]
) -> None:
    it = inn.wrap(latent, backbone="generator", latents="uniform")
    latents = it.sample_inputs(200, seed=4)
    tone = it.label(latents, lambda images: images.mean((1, 2, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        it.fit("labels", data=latents, labels={"tone": tone}, **small | {"axes": 64})
    it.save(tmp_path / "kept")
    again = inn.load(tmp_path / "kept", latent)
    assert torch.equal(again.encode(latents[:5]), it.encode(latents[:5]))
    assert torch.equal(again.sample_inputs(5), it.sample_inputs(5))
    assert again.backbone.kind == "generator"
    # naming the kind again does not lose the options of then
    named = inn.load(tmp_path / "kept", latent, backbone="generator")
    assert torch.equal(named.sample_inputs(5), it.sample_inputs(5))


NOT_TENSORS = lambda n, generator: [0] * n  # noqa: E731


@pytest.mark.parametrize(
    ("model", "options", "text"),
    [
        (Plain(), {}, "cannot be told from Plain.*latent_shape="),
        (Plain(), {"latents": "gauss"}, "one of 'normal', 'uniform' or a function.*found 'gauss'"),
        (Plain(), {"latents": NOT_TENSORS}, r"to give 2 finite latents as a tensor \(2, \.\.\.\).*found list"),
        (Plain(), {"latents": lambda n: torch.ones(n, 4)}, r"to take a number and a torch.Generator, found .*Type lat"),
        (Plain(), {"latents": lambda n, g: torch.rand(n, 4)}, "the same latents from a generator of the same seed"),
        (Plain(), {"latents": lambda n, g: torch.full((n, 3), float("inf"))}, r"float32 \(2, 3\), some not"),
        (Plain(), {"latents": lambda n, g: torch.ones(n, 3), "latent_shape": 4}, r"shape \(4,\).*found \(3,\).*Leave"),
        (Plain(), {"latent_shape": "five"}, r"Expected latent_shape.*found 'five'"),
        (Plain(), {"latent_shape": 0}, r"Expected latent_shape.*found 0"),
        (Plain((48,)), {"latent_shape": 4}, r"images \(B, 1 or 3, height, width\).*found \(2, 48\)\. Wrap it"),
        (Plain(), {"latent_shape": 4, "value_range": (1, 0)}, r"value_range as the lowest.*found \(1, 0\)"),
        (Plain(), {"latent_shape": 4, "value_range": "wide"}, r"value_range as the lowest.*found 'wide'"),
        (nn.Conv2d(3, 3, 3), {}, r"run on latents of shape \(3,\) or \(3, 1, 1\).*wrap it in a module whose forward"),
        (nn.Linear(3, 3), {"latent_shape": 7}, r"run on latents of shape \(7,\).*raised on inputs.*Check latent_shape"),
        (Plain, {}, "Expected a torch.nn.Module that makes images of latents, found type"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_generator_is_refused(model: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(inn.BackboneError, match=text):
        wrap(model, **options)


def test_images_that_are_not_finite_are_refused(make_latent: Callable[..., nn.Module]) -> None:
    with pytest.raises(inn.BackboneError, match="Expected finite images from Latent, found NaN"):
        wrap(make_latent(lambda x: x / 0))


def test_an_autoencoder_is_told_to_be_one(vae: nn.Module) -> None:
    with pytest.raises(inn.BackboneError, match=r"which has encode and decode\. Type backbone='autoencoder'"):
        wrap(vae)
