"""Pictures of a trained generator: samples, a traversal of each latent, and each latent's masks.

python docs/examples/ps_sc/pictures.py work/ps_sc docs/examples/ps_sc/pictures
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from images import drawn
from networks import SIZE, Generator
from PIL import Image
from torch import Tensor
from torch.nn import functional
from train import CHECKPOINT, load

from interpret_inn.datasets import Sprites

SPAN, STEPS = 2.0, 9
_GAP, _SCALE = 2, 2


def sheet(rows: Tensor, path: Path) -> None:
    """Writes images (R, C, 1, H, W) in [0, 1] as one grey PNG of R rows, twice as large, with grey lines between."""
    large = rows[:, :, 0].repeat_interleave(_SCALE, 2).repeat_interleave(_SCALE, 3)
    padded = functional.pad(large, (0, _GAP, 0, _GAP), value=0.5)
    grey = padded.permute(0, 2, 1, 3).flatten(2).flatten(0, 1)
    pixels = (255 * grey).round().clamp(0, 255).to(torch.uint8).numpy()
    Image.fromarray(pixels[:-_GAP, :-_GAP]).save(path, optimize=True)


def draws(count: int, width: int, seed: int) -> Tensor:
    """Latents (count, width)."""
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def samples(generator: Generator, *, rows: int = 6, seed: int = 0) -> Tensor:
    """Eight generated images on the left, eight drawn sprites on the right, (rows, 16, 1, H, W)."""
    made = generator(draws(rows * 8, generator.latents, seed)).unflatten(0, (rows, 8))
    sprites = Sprites()
    real = drawn(sprites, sprites.sample(rows * 8, seed=seed))
    return torch.cat([made, real.unflatten(0, (rows, 8))], 1)


@torch.no_grad()
def traversal(generator: Generator, start: Tensor) -> Tensor:
    """Each latent walked from −2 to 2, all else as in `start` (K,): (K, steps, 1, H, W)."""
    walks = start.repeat(generator.latents, STEPS, 1)
    every = torch.arange(generator.latents)
    walks[every, :, every] = torch.linspace(-SPAN, SPAN, STEPS)
    return generator(walks.flatten(0, 1)).unflatten(0, (generator.latents, STEPS))


@torch.no_grad()
def masks(generator: Generator, *, shown: int = 4, count: int = 256, seed: int = 0) -> Tensor:
    """Each latent's masks, and beside them where its images change: (K, shown + 2, 1, H, W).

    The masks in `shown` images; their mean over `count`; the mean change of the image when the latent goes from −1 to
    1, white where it is largest.
    """
    latents = draws(count, generator.latents, seed)
    rows = []
    for number, mask in enumerate(generator.with_masks(latents)[1]):
        low, high = latents.clone(), latents.clone()
        low[:, number], high[:, number] = -1, 1
        change = (generator(high) - generator(low)).abs().mean(0, keepdim=True)
        large = functional.interpolate(
            torch.cat([mask[:shown], mask.mean(0, keepdim=True)]), size=SIZE, mode="nearest"
        )
        rows.append(torch.cat([large, change / change.max().clamp_min(1e-6)]))
    return torch.stack(rows)


def main() -> None:
    """Draws all of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="the folder that train.py wrote")
    parser.add_argument("out", type=Path, help="folder for the pictures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    generator, _ = load(options.run / CHECKPOINT)
    sheet(samples(generator), options.out / "samples.png")
    first, second = (traversal(generator, start) for start in draws(2, generator.latents, 1))
    sheet(torch.cat([first, second], 1), options.out / "traversal.png")
    sheet(masks(generator), options.out / "masks.png")


if __name__ == "__main__":
    main()
