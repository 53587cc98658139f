"""A variational autoencoder of drawn scenes (`interpret_inn.datasets.Scenes`), trained here.

Images of 64 × 64 pixels. The loss is the usual one: the negative log-likelihood of a normal with standard deviation
0.1, summed over pixels, and the code's divergence from a standard normal with weight 1. The decoder mixes a few colours
in shares that differ from pixel to pixel, and convolutions are normalised over the batch, so that some minutes on one
thread are enough. 30,000 images are drawn once and kept in memory; weights are kept in work/, and a training that was
stopped goes on where it was.

    python tests/benchmarks/scene_networks.py [--seed 0] [--latents 10]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from common import WORK
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn

from interpret_inn.datasets import Scenes

LATENTS = 10
IMAGES = 30_000
BATCH = 32
STEPS = 3_600
HIGHEST = 2e-3
EVERY = 500
SPREAD = 0.1  # of pixels about what the code says
_CHANNELS, _HIDDEN, _COLOURS = 32, 256, 5


def _normed(layer: nn.Module, channels: int) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(channels), nn.ReLU()]


class SceneVAE(nn.Module):
    """Images (B, 3, 64, 64) in [0, 1] → normal of the code (B, latents) → images.

    Args:
        latents: Dimensions of the code.
    """

    def __init__(self, latents: int = LATENTS) -> None:
        super().__init__()
        c, wide, flat = _CHANNELS, 2 * _CHANNELS, 2 * _CHANNELS * 4 * 4
        self.encoder = nn.Sequential(
            *_normed(nn.Conv2d(3, c, 8, 4, 2, bias=False), c),
            *_normed(nn.Conv2d(c, wide, 4, 2, 1, bias=False), wide),
            *_normed(nn.Conv2d(wide, wide, 4, 2, 1, bias=False), wide),
            nn.Flatten(), nn.Linear(flat, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 2 * latents),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latents, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU()
        )
        self.colours = nn.Sequential(
            nn.Linear(_HIDDEN, 3 * _COLOURS), nn.Sigmoid(), nn.Unflatten(1, (_COLOURS, 3))
        )
        self.shares = nn.Sequential(
            nn.Linear(_HIDDEN, flat), nn.ReLU(), nn.Unflatten(1, (wide, 4, 4)),
            *_normed(nn.ConvTranspose2d(wide, wide, 4, 2, 1, bias=False), wide),
            *_normed(nn.ConvTranspose2d(wide, c, 4, 2, 1, bias=False), c),
            nn.ConvTranspose2d(c, 4 * _COLOURS, 4, 2, 1), nn.PixelShuffle(2), nn.Softmax(1),
        )  # fmt: skip

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log-variances of the code, (B, latents) each, of images (B, 3, 64, 64)."""
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        return mean, logvar

    def decode(self, z: Tensor) -> Tensor:
        """Images (B, 3, 64, 64) in [0, 1] of codes (B, latents)."""
        hidden = self.decoder(z)
        mixed = self.shares(hidden).flatten(2).mT @ self.colours(hidden)  # (B, pixels, RGB)
        images: Tensor = mixed.mT.unflatten(2, (64, 64))
        return images

    def forward(self, x: Tensor) -> Tensor:
        """Reconstructions (B, 3, 64, 64) from the means."""
        return self.decode(self.encode(x)[0])


def weights_file(seed: int, latents: int = LATENTS) -> Path:
    """Where the weights of a network are kept."""
    return WORK / f"scene_vae_{latents}_seed{seed}.safetensors"


def trained_scene_vae(seed: int = 0, *, latents: int = LATENTS) -> SceneVAE:
    """The network, frozen and in eval mode; trained here (some minutes) unless its weights lie in work/."""
    model, path = _begun(seed, latents), weights_file(seed, latents)
    if path.exists():
        model.load_state_dict(load_file(path))
    else:
        _train(model, seed=seed, state=path.with_suffix(".training.pt"))
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)
        path.with_suffix(".training.pt").unlink(missing_ok=True)
    return model.eval().requires_grad_(False)


def as_inputs(images: npt.NDArray[np.uint8]) -> Tensor:
    """Drawn images, uint8 (B, 64, 64, 3), as the network takes them: float (B, 3, 64, 64) in [0, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().float() / 255


def _begun(seed: int, latents: int) -> SceneVAE:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SceneVAE(latents)


def _loss(model: SceneVAE, images: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Summed squared error in units of its likelihood, and divergence from the prior, nats for an image."""
    mean, logvar = model.encode(images)
    code = mean + (logvar / 2).exp() * torch.randn(mean.shape, generator=generator)
    error = nn.functional.mse_loss(model.decode(code), images, reduction="sum") / (2 * SPREAD**2)
    divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum()
    return error / len(images), divergence / len(images)


def _train(model: SceneVAE, *, seed: int, state: Path) -> None:
    scenes = Scenes()
    began = time.perf_counter()
    images = scenes.drawn(scenes.sample(IMAGES, seed=1000 + seed))
    print(f"{IMAGES} scenes drawn in {time.perf_counter() - began:.0f} s", flush=True)
    optimizer = torch.optim.Adam(model.parameters(), HIGHEST)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, HIGHEST, total_steps=STEPS, pct_start=0.1)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    first = 0
    if state.exists():
        stored = torch.load(state, weights_only=True)
        first = stored.pop("step")
        for name, part in parts.items():
            part.load_state_dict(stored[name])  # type: ignore[attr-defined]
    for step in range(first, STEPS):
        # of this step alone, so that a training that goes on draws what it would have drawn
        generator = Generator().manual_seed(1_000_000 * (seed + 1) + step)
        chosen = torch.randint(IMAGES, (BATCH,), generator=generator).numpy()
        batch = as_inputs(images[chosen])
        error, divergence = _loss(model, batch, generator)
        optimizer.zero_grad()
        (error + divergence).backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % EVERY == 0:
            seconds = time.perf_counter() - began
            print(
                f"step {step + 1} of {STEPS}: error {float(error.detach()):.1f}, "
                f"divergence {float(divergence.detach()):.2f}, {seconds:.0f} s", flush=True,
            )  # fmt: skip
            state.parent.mkdir(parents=True, exist_ok=True)
            torch.save({"step": step + 1} | {name: part.state_dict() for name, part in parts.items()}, state)  # type: ignore[attr-defined]


@torch.no_grad()
def picture(model: SceneVAE, path: Path, *, count: int = 16) -> None:
    """Saves scenes that were not trained on above their reconstructions."""
    scenes = Scenes()
    images = scenes.drawn(scenes.sample(count, seed=5))
    again = (model(as_inputs(images)) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    halves = (slice(0, count // 2), slice(count // 2, count))
    rows = [np.concatenate(list(whole[half]), 1) for half in halves for whole in (images, again)]
    Image.fromarray(np.concatenate(rows)).save(path)


@torch.no_grad()
def describe(model: SceneVAE, *, count: int = 2000) -> str:
    """Error of reconstruction, and the spread and divergence of each latent, on scenes that were not trained on."""
    scenes = Scenes()
    inputs = as_inputs(scenes.drawn(scenes.sample(count, seed=6)))
    mean, logvar = (torch.cat(part) for part in zip(*map(model.encode, inputs.split(500)), strict=True))
    error = torch.cat([(model(part) - part).square().mean((1, 2, 3)) for part in inputs.split(500)])
    nats = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean(0)
    lines = [f"root mean squared error {float(error.mean()) ** 0.5:.4f}; divergence of each latent, nats:"]
    return "\n".join([*lines, " ".join(f"{value:.2f}" for value in nats.tolist())])


def main() -> None:
    """Trains where needed, and shows what it makes of scenes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latents", type=int, default=LATENTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = trained_scene_vae(options.seed, latents=options.latents)
    print(describe(model))
    path = weights_file(options.seed, options.latents).with_suffix(".png")
    picture(model, path)
    print(f"scenes and reconstructions: {path}")


if __name__ == "__main__":
    main()
