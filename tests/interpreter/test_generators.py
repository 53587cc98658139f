"""Generators and autoencoders are backbones like any other: inputs → site → output."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn

pytestmark = pytest.mark.usefixtures("hasty_probes")


class Generator(nn.Module):
    """Latents (B, 12) to images (B, 3, 12, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(12, 32)
        self.second = nn.Sequential(nn.Tanh(), nn.Linear(32, 3 * 12 * 12), nn.Sigmoid())

    def forward(self, latent: Tensor) -> Tensor:
        images: Tensor = self.second(self.first(latent)).reshape(-1, 3, 12, 12)
        return images


class Autoencoder(nn.Module):
    """Images (B, 3, 12, 12) to codes (B, 10) and back."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 10))
        self.decoder = nn.Sequential(nn.Linear(10, 3 * 12 * 12), nn.Sigmoid(), nn.Unflatten(1, (3, 12, 12)))

    def forward(self, images: Tensor) -> Tensor:
        again: Tensor = self.decoder(self.encoder(images))
        return again


def seeded(kind: type[nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind().eval()


@pytest.fixture(scope="module")
def latents() -> Tensor:
    return torch.randn(200, 12, generator=torch.Generator().manual_seed(5))


@pytest.fixture(scope="module")
def generator(latents: Tensor, small: dict[str, Any]) -> inn.Interpreter:
    """Explained in its own latent space: the site is the model's input."""
    it = inn.wrap(seeded(Generator), ".:in", preprocess="identity")
    return it.fit("labels", data=latents, labels={"tilt": latents[:, 0].numpy()}, **small | {"axes": 64})


@pytest.fixture(scope="module")
def images() -> Any:
    return np.random.default_rng(3).integers(0, 256, (160, 12, 12, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def autoencoder(images: Any, small: dict[str, Any]) -> inn.Interpreter:
    it = inn.wrap(seeded(Autoencoder), "decoder:in")
    bright = images.reshape(160, -1).mean(1)
    return it.fit("labels", data=images, labels={"bright": bright}, **small | {"axes": 64})


def test_a_generators_latents_are_its_inputs(generator: inn.Interpreter, latents: Tensor) -> None:
    model = generator.backbone.model
    assert torch.equal(generator.run(latents[:4]), model(latents[:4]).detach())
    codes = generator.encode(latents[:4])
    torch.testing.assert_close(generator.invert(codes), latents[:4], atol=1e-4, rtol=1e-4)
    assert generator.backbone.has_tail
    assert generator.run(latents[:4], inn.edits.swap("tilt", latents[9:10])).shape == (4, 3, 12, 12)
    assert generator.traverse(latents[:4], "tilt", 5).shape == (5, 4, 3, 12, 12)


def test_an_autoencoder_is_explained_at_its_code(autoencoder: inn.Interpreter, images: Any) -> None:
    codes = autoencoder.encode(images[:70])
    assert codes.shape == (70, 10)
    z = autoencoder.invert(codes)
    prepared = torch.from_numpy(images[:70]).movedim(-1, 1).float() / 255
    torch.testing.assert_close(z, autoencoder.backbone.model.encoder(prepared).detach(), atol=1e-4, rtol=1e-4)
    assert autoencoder.run(images[:3], inn.edits.add("bright", 1.0)).shape == (3, 3, 12, 12)


@pytest.mark.parametrize("which", ["generator", "autoencoder"])
def test_redraws_of_images_are_distances(which: str, request: Any, latents: Tensor, images: Any) -> None:
    it: inn.Interpreter = request.getfixturevalue(which)
    inputs = latents[:20] if which == "generator" else images[:20]
    explanation = it.explain(inputs, examples=3, resamples=3, localizer=None)
    for redraw in explanation.redraws.values():
        assert redraw.kind == "image"
        assert 0 < redraw.change.value < 1
        assert np.isnan(redraw.flip_rate.value)
        assert np.isnan(redraw.kl.value)
    example = explanation.examples[0]
    assert example.picture is not None  # of latents, what the generator makes of them
    assert set(example.edited) == set(it.factors.names)
    assert example.edited["residual"].shape == (12, 12, 3)
    assert example.edited["residual"].dtype == np.uint8
    assert example.prediction.labels == ()
    traversal = explanation.traversals["residual"][0]
    assert len(traversal.pictures) == len(traversal.positions) == 9
    assert traversal.labels == ("change",)
    assert not any(np.isnan(traversal.curves).ravel())
    page = it.report(inputs, examples=3, resamples=3, localizer=None).to_html()
    assert "data:image" in page


def test_a_callers_score_replaces_the_distance(generator: inn.Interpreter, latents: Tensor) -> None:
    explanation = generator.explain(
        latents[:20], target=lambda out: out.mean((1, 2, 3)), examples=2, resamples=3, localizer=None
    )
    assert 0 < explanation.redraws["residual"].change.value < 1
    assert explanation.examples[0].prediction.labels == ("score",)
    assert explanation.traversals["tilt"][0].labels == ("score",)


def test_an_index_is_no_target_of_an_image(generator: inn.Interpreter, latents: Tensor) -> None:
    with pytest.raises(inn.InputError, match=r"Expected a function as target.*found 3"):
        generator.explain(latents[:20], target=3, examples=2, resamples=3)


def test_latents_without_preprocess_are_refused_with_the_way_out(
    latents: Tensor, small: dict[str, Any]
) -> None:
    it = inn.wrap(seeded(Generator), ".:in")
    with pytest.raises(inn.InputError, match=r"preprocess='identity'"):
        it.fit("labels", data=latents, labels=latents[:, 0].numpy(), **small)


class Regressor(nn.Module):
    """One number for each image."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 10))
        self.head = nn.Linear(10, 1)

    def forward(self, images: Tensor) -> Tensor:
        number: Tensor = self.head(self.body(images))
        return number


def test_a_single_number_is_a_scalar(images: Any, small: dict[str, Any]) -> None:
    it = inn.wrap(seeded(Regressor), "head:in")
    it.fit("labels", data=images, labels=images.reshape(160, -1).mean(1), **small)
    explanation = it.explain(images[:20], examples=2, resamples=3, localizer=None)
    assert explanation.redraws["label"].kind == "scalar"
    assert explanation.redraws["residual"].change.value > 0
    assert explanation.examples[0].prediction.labels == ("output",)
    assert "redraw" in it.report(images[:20], examples=2, resamples=3, localizer=None).to_dict()
    with pytest.raises(inn.InputError, match=r"Expected a target from 0 to 0, found 4"):
        it.explain(images[:20], target=4)


class FlatRegressor(Regressor):
    """The same numbers without an axis of their own."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)[:, 0]


@pytest.mark.slow
def test_numbers_need_no_axis_of_their_own(images: Any, small: dict[str, Any]) -> None:
    labels = images.reshape(160, -1).mean(1)
    column, flat = (
        inn.wrap(seeded(kind), "head:in").fit("labels", data=images, labels=labels, **small)
        for kind in (Regressor, FlatRegressor)
    )
    assert flat.check(images[:20]).agreement == 1
    options: dict[str, Any] = {"examples": 2, "resamples": 3, "localizer": None}
    found, expected = (it.explain(images[:20], **options).redraws["label"] for it in (flat, column))
    assert found.change.value == pytest.approx(expected.change.value, rel=1e-3)
