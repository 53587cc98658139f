"""Exploring real generators: fast enough to play with, and near enough to believe."""

from __future__ import annotations

import time
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn import explore

pytestmark = [pytest.mark.real, pytest.mark.slow]


class Decoder(nn.Module):
    """The second half of a VAE, by itself."""

    def __init__(self, vae: nn.Module) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.vae.decode(latents)
        return images


@pytest.fixture(scope="module")
def celeba(zoo: Any) -> inn.Interpreter:
    it = inn.wrap(Decoder(zoo.vae("btcvae_celeba")), backbone="generator", latents="normal")
    latents = it.sample_inputs(600, seed=1)
    bright = it.run(latents).mean((1, 2, 3)).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        return it.fit(
            "labels", data=latents, labels={"bright": bright}, steps=150, cache=None, checkpoint=None
        )


def test_a_swap_grid_takes_less_than_two_seconds(celeba: inn.Interpreter) -> None:
    latents = celeba.sample_inputs(16, seed=2)
    explore.swap_grid(celeba, "bright", rows=latents[:2], columns=latents[8:])
    began = time.perf_counter()
    grid = explore.swap_grid(celeba, "bright", rows=latents[:8], columns=latents[8:])
    assert time.perf_counter() - began < 2
    assert grid.shape == (8, 8, 3, 64, 64)
    level = grid.mean((2, 3, 4))
    donors = celeba.run(latents[:8]).mean((1, 2, 3))
    # a row is as bright as its donor, whatever the column
    assert torch.corrcoef(torch.stack([level.mean(1), donors]))[0, 1] > 0.9
    assert level.std(1).mean() < 0.6 * level.std(0).mean()


def test_brightness_walks_up(celeba: inn.Interpreter) -> None:
    levels = explore.traverse(celeba, celeba.sample_inputs(8, seed=3), "bright").mean((2, 3, 4)).mean(1)
    steps = levels.diff()
    assert bool((steps > 0).all() or (steps < 0).all())
    samples = explore.sample(celeba, 64)
    assert samples.mean() == pytest.approx(
        float(celeba.run(celeba.sample_inputs(64, seed=4)).mean()), abs=0.05
    )


def test_the_gans_own_images_are_found_again(zoo: Any) -> None:
    it = inn.wrap(zoo.faces_dcgan(), backbone="generator", latents="uniform")
    wanted = it.run(it.sample_inputs(2, seed=99))
    found = explore.project(it, wanted, steps=100, starts=1)
    assert found.error.max() < 0.1
    assert found.latents.abs().max() <= 1


def test_real_digits_come_near(zoo: Any) -> None:
    it = inn.wrap(zoo.mnist_wgan(), backbone="generator", latents="normal", value_range=(-1, 1))
    found = explore.project(it, zoo.images("mnist")[0][:2], steps=150, starts=2)
    assert found.outputs.shape == (2, 1, 28, 28)
    assert found.error.max() < 0.5
