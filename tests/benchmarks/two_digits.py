"""Canvases with two real digits, whose places are known, with a classifier and an autoencoder of them.

A canvas has 40 × 72 pixels, a dark ground of weak noise, and two MNIST digits at random places, one in its left half
and one in its right half, each in a hue of its own. Where the reader learns, each digit is missing from one canvas in
five, so that a canvas with one digit hidden is nothing unheard of. The 10,000 MNIST test
images come from the folder that `INTERPRET_INN_REAL` names and are split once: 6,500 for the networks, 2,000 to fit
interpreters, 1,500 for the test.

* `Reader`, a classifier, says what both digits and both hues are: `outputs[:, :10]` are the left digit's logits,
  `outputs[:, 10:20]` the right one's, and four more are cosine and sine of both hues. Its map has 10 × 18 places.
  What a place carries is looked at in 33 × 33 pixels; what stands in the columns to its left and right only opens
  and shuts it (`gated`). It is trained with random rectangles hidden, by a blur or the mean colour.
* `Autoencoder` makes a code of 96 of a canvas, and the canvas of it. It learns from digits in any places, apart.

Networks are trained at the first call, a few minutes each on one thread, and kept in the working folder.

    INTERPRET_INN_REAL=… python tests/benchmarks/two_digits.py [--only reader|autoencoder]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

import torch
from common import WORK
from painted_digits import warped
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torch.nn import functional
from two_digit_canvases import CONCEPTS, HEIGHT, MISSING, WIDTH, Canvases, canvases, composed, grey

__all__ = [
    "CONCEPTS", "PREPROCESS", "SIDES", "Canvases", "canvases", "draw", "trained_autoencoder", "trained_reader",
]  # fmt: skip

CODE = 96
SIDES = ("left", "right")
PREPROCESS = {"mean": (0.5,) * 3, "std": (0.5,) * 3}  # of the reader; the autoencoder takes [0, 1]

Network = TypeVar("Network", bound=nn.Module)
_BATCH = 64


class Reader(nn.Module):
    """Canvases (B, 3, 40, 72) in [−1, 1] → (B, 24): left logits, right logits, cosines and sines of both hues.

    Attributes:
        gated: Its output is the last map, (B, 96, 10, 18).
    """

    def __init__(self, channels: int = 96) -> None:
        super().__init__()
        self.local = nn.Sequential(
            *_layer(3, 24, 5, 2), *_layer(24, 48, 3, 2), *_layer(48, 64, 3, 1), *_layer(64, 64, 3, 1),
            *_layer(64, channels, 3, 1),
        )  # fmt: skip
        self.gated = Gated(channels)
        self.head = nn.Linear(channels, 24)

    def forward(self, images: Tensor) -> Tensor:
        """What both digits and both hues are."""
        outputs: Tensor = self.head(self.gated(self.local(images)).mean((2, 3)) * 10)
        return outputs


class Gated(nn.Module):
    """What each place carries, let through by what stands in the columns to its left and right."""

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__()
        self.values = nn.Conv2d(channels, channels, 1)
        self.own = nn.Conv2d(channels, channels, 1)
        self.reduced = nn.Conv1d(channels, width, 1)
        self.wide = nn.Conv1d(width, width, 35, padding=17)
        self.context = nn.Conv1d(width, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, H, W) of any size; columns further than 17 places apart do not see each other."""
        columns = functional.relu(self.wide(functional.relu(self.reduced(maps.mean(2)))))
        gates = torch.sigmoid(self.own(maps) + self.context(columns)[:, :, None])
        return functional.relu(self.values(maps)) * gates


def _layer(inputs: int, outputs: int, size: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]


class Autoencoder(nn.Module):
    """Canvases (B, 3, 40, 72) in [0, 1] → code (B, 96) → canvases."""

    def __init__(self, channels: int = 24) -> None:
        super().__init__()

        def down(inputs: int, outputs: int) -> list[nn.Module]:
            conv = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)
            return [conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]

        def up(inputs: int, outputs: int) -> list[nn.Module]:
            conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
            return [conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]

        c, flat = channels, 5 * 9 * 4 * channels
        self.encoder = nn.Sequential(
            *down(3, c), *down(c, 2 * c), *down(2 * c, 4 * c), nn.Flatten(), nn.Linear(flat, CODE)
        )
        self.decoder = nn.Sequential(
            nn.Linear(CODE, flat), nn.LeakyReLU(0.2), nn.Unflatten(1, (4 * c, 5, 9)),
            *up(4 * c, 2 * c), *up(2 * c, c), nn.ConvTranspose2d(c, 3, 4, 2, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructions (B, 3, 40, 72)."""
        reconstructions: Tensor = self.decoder(self.encoder(images))
        return reconstructions


def trained_reader(steps: int = 1_600) -> Reader:
    """The classifier, frozen, in eval mode; trained where it is not in the working folder."""

    def loss(model: nn.Module, made: Canvases) -> Tensor:
        outputs = model(_hidden_in_part(made.images, generator) * 2 - 1)
        wrong = 2 * functional.mse_loss(outputs[:, 20:], directions(made.hues))
        for side in range(2):
            there = functional.one_hot(made.digits[:, side].clamp_min(0), 10).float()
            wanted = torch.where(made.digits[:, side, None] < 0, 0.1, there)
            wrong = wrong + functional.cross_entropy(outputs[:, 10 * side : 10 * side + 10], wanted)
        return wrong

    generator = Generator().manual_seed(1)
    return _kept("reader", Reader, loss, rate=4e-3, steps=steps, missing=MISSING, halves=True)


def _hidden_in_part(images: Tensor, generator: Generator) -> Tensor:
    """Images, half of them with a rectangle blurred or of the mean colour (Zhong et al. 2020, "Random erasing")."""
    top, left, height, width, what = torch.rand(5, len(images), 1, 1, 1, generator=generator)
    rows, columns = torch.arange(HEIGHT)[:, None] / HEIGHT, torch.arange(WIDTH) / WIDTH
    inside = (rows > top) & (rows < top + 0.6 * height) & (columns > left) & (columns < left + 0.6 * width)
    mean = images.mean((2, 3), keepdim=True)
    blurred = functional.avg_pool2d(images, 17, 1, 8, count_include_pad=False)
    fill = torch.where(what < 0.25, mean, blurred)
    return torch.where(inside & (what < 0.5), fill, images)


def directions(hues: Tensor) -> Tensor:
    """Hues (N, 2) as (N, 4): cosine and sine of the left one, then of the right one; 0 where there is none."""
    return torch.stack((hues.cos(), hues.sin()), 2).flatten(1).nan_to_num()


def trained_autoencoder(steps: int = 3_000) -> Autoencoder:
    """The autoencoder, frozen, in eval mode; trained where it is not in the working folder."""

    def loss(model: nn.Module, made: Canvases) -> Tensor:
        return functional.mse_loss(model(made.images), made.images)

    return _kept("autoencoder", Autoencoder, loss, rate=3e-3, steps=steps, missing=0, halves=False)


def _kept(
    name: str, build: Callable[[], Network], loss: Callable[[nn.Module, Canvases], Tensor], *,
    rate: float, steps: int, missing: float, halves: bool,
) -> Network:  # fmt: skip
    path = WORK / "two_digits" / f"{name}.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build()
    if path.exists():
        model.load_state_dict(load_file(path))
    else:
        print(f"training {name}, {steps} steps …", flush=True)
        _train(model, loss, rate=rate, steps=steps, missing=missing, halves=halves)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(model.state_dict(), path)
    return model.eval().requires_grad_(False)


def _train(
    model: nn.Module, loss: Callable[[nn.Module, Canvases], Tensor], *,
    rate: float, steps: int, missing: float, halves: bool,
) -> None:  # fmt: skip
    """Every step on new canvases of digits that are bent a little."""
    images, labels = grey("network")
    generator, began = Generator().manual_seed(0), time.perf_counter()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for step in range(steps):
        chosen = torch.randint(len(images), (2 * _BATCH,), generator=generator)
        shapes = warped(images[chosen], generator, 0.4).clamp(0, 1).unflatten(0, (_BATCH, 2))
        pairs, groups = labels[chosen].view(-1, 2), chosen[:_BATCH]
        found = loss(model, composed(shapes, pairs, groups, generator, missing=missing, halves=halves))
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 0:
            print(f"  {step}: {found.item():.4f}, {time.perf_counter() - began:.0f} s", flush=True)


@torch.no_grad()
def reader_scores(model: Reader, made: Canvases) -> dict[str, float]:
    """Accuracy of both digits and mean error of both hues, in degrees."""
    outputs = torch.cat([model(part * 2 - 1) for part in made.images.split(256)])
    found = {}
    for side, name in enumerate(SIDES):
        right = outputs[:, 10 * side : 10 * side + 10].argmax(1) == made.digits[:, side]
        told = torch.atan2(outputs[:, 21 + 2 * side], outputs[:, 20 + 2 * side]) - made.hues[:, side]
        found[f"{name} digit"] = float(right.double().mean())
        found[f"{name} colour, error in °"] = float(
            torch.atan2(told.sin(), told.cos()).abs().mean().rad2deg()
        )
    return found


def draw(rows: list[Tensor], name: str) -> None:
    """Rows of images (N, 3, 40, 72) as one picture in the working folder."""
    sheet = torch.cat([torch.cat(list(row), 2) for row in rows], 1).clamp(0, 1)
    picture = Image.fromarray((sheet * 255).byte().permute(1, 2, 0).numpy())
    picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.NEAREST).save(
        WORK / "two_digits" / f"{name}.png"
    )


def main() -> None:
    """Trains what is not there, and says how good it is on digits that no network saw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("reader", "autoencoder"))
    only = parser.parse_args().only
    torch.set_num_threads(1)
    made = canvases("test", 2_000, seed=9)
    if only != "autoencoder":
        print(reader_scores(trained_reader(), made))
    if only != "reader":
        shown = trained_autoencoder()(made.images)
        around = made.strokes.any(0)
        error = (shown - made.images).square().mean(1, keepdim=True)
        print({"mean squared error": float(error.mean()), "of strokes": float(error[around].mean())})
        draw([made.images[:8], shown[:8]], "autoencoder")


if __name__ == "__main__":
    main()
