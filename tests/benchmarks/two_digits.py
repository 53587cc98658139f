"""Canvases with two real digits, whose places are known, with a classifier and an autoencoder of them.

A canvas has 40 × 72 pixels, a dark ground of weak noise, and two MNIST digits at random places that never overlap.
Which is *left* and which is *right* is told by x alone: the left digit may well stand in the right half. Each has
a hue of its own. The 10,000 MNIST test images come from the folder that `INTERPRET_INN_REAL` names and are split
once: 6,500 for the networks, 2,000 to fit interpreters, 1,500 to judge with.

* `Reader`, a classifier, says what both digits and both hues are: `outputs[:, :10]` are the left digit's logits,
  `outputs[:, 10:20]` the right one's, and four more are cosine and sine of both hues. Its map has 10 × 18 places.
  What a place carries is looked at in 33 × 33 pixels; what stands beside it, anywhere to its left or right, only
  opens and shuts it (`gated`).
* `Autoencoder` makes a code of 96 of a canvas, and the canvas of it.

Networks are trained at the first call, a few minutes each on one thread, and kept in the working folder.

    INTERPRET_INN_REAL=… python tests/benchmarks/two_digits.py [--only reader|autoencoder]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import torch
from coloured_mnist import digits
from common import WORK
from painted_digits import warped
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torch.nn import functional

HEIGHT, WIDTH = 40, 72
CODE = 96
SIDES = ("left", "right")
CONCEPTS = ("left digit", "right digit", "left colour", "right colour")
PREPROCESS = {"mean": (0.5,) * 3, "std": (0.5,) * 3}  # of the reader; the autoencoder takes [0, 1]

Part = Literal["network", "fit", "judge"]
Network = TypeVar("Network", bound=nn.Module)
_BOUNDS = {"network": (0, 6_500), "fit": (6_500, 8_500), "judge": (8_500, 10_000)}
_GROUP = 10  # digits of `fit` and `judge` that are combined with each other only
_INK, _GROUND = 0.25, 0.12
_BATCH = 64


class Canvases(NamedTuple):
    """`N` canvases with all that is known of them.

    Attributes:
        images: float32 (N, 3, 40, 72) in [0, 1].
        digits: int64 (N, 2), left and right.
        hues: float32 (N, 2) in [0, 2π).
        boxes: bool (2, N, 1, 40, 72): the digits' tight bounding boxes.
        strokes: bool (2, N, 1, 40, 72): the digits' own pixels.
        groups: int64 (N,): canvases of different groups share no digit.
    """

    images: Tensor
    digits: Tensor
    hues: Tensor
    boxes: Tensor
    strokes: Tensor
    groups: Tensor

    @property
    def pictures(self) -> np.ndarray:
        """The canvases as the reader's interpreter takes them, uint8 (N, 40, 72, 3)."""
        return (self.images * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """The four concepts for `fit("labels", labels=…)`."""
        columns = (*self.digits.T, *self.hues.T)
        return {name: column.numpy() for name, column in zip(CONCEPTS, columns, strict=True)}

    @property
    def kinds(self) -> dict[str, str]:
        """Their kinds."""
        return {name: "cyclic" if "colour" in name else "categorical" for name in CONCEPTS}


@cache
def grey(part: Part) -> tuple[Tensor, Tensor]:
    """Grey digits of a part in [0, 1], (N, 32, 32), and which digits they are, int64 (N,)."""
    images, labels = digits()
    first, last = _BOUNDS[part]
    chosen = torch.randperm(len(images), generator=Generator().manual_seed(2))[first:last]
    return functional.pad(images[chosen], (2, 2, 2, 2)), labels[chosen]


def canvases(part: Part, count: int, *, seed: int) -> Canvases:
    """Canvases of a part's digits, in random pairs, at random places, in random hues.

    Args:
        part: Whose digits.
        count: How many.
        seed: Of pairs, places, hues and noise.
    """
    images, labels = grey(part)
    generator = Generator().manual_seed(seed)
    groups = torch.randint(len(images) // _GROUP, (count,), generator=generator)
    chosen = torch.rand(count, _GROUP, generator=generator).argsort(1)[:, :2] + groups[:, None] * _GROUP
    return _composed(images[chosen], labels[chosen], groups, generator)


def _composed(shapes: Tensor, labels: Tensor, groups: Tensor, generator: Generator) -> Canvases:
    """Grey digits (N, 2, 32, 32) placed and painted."""
    count = len(shapes)
    ink = _placed(shapes.numpy(), torch.rand(count, 4, generator=generator).numpy())
    hues = torch.rand(count, 2, generator=generator) * 2 * math.pi
    ground = torch.rand(count, 3, HEIGHT, WIDTH, generator=generator) * _GROUND
    painted = (ink[:, :, None] * hue_to_rgb(hues)[..., None, None]).sum(1)
    images = ground * (1 - ink.sum(1, keepdim=True)) + painted
    strokes = (ink > _INK).transpose(0, 1)[:, :, None]
    boxes = strokes.any(-1, keepdim=True) & strokes.any(-2, keepdim=True)
    return Canvases(images, labels, hues, _filled(boxes), strokes, groups)


def _placed(shapes: np.ndarray, places: np.ndarray) -> Tensor:
    """The digits' ink, (N, 2, 40, 72): each cut out and put where `places`, (N, 4) in [0, 1), say."""
    ink = np.zeros((len(shapes), 2, HEIGHT, WIDTH), np.float32)
    for canvas, pair, (first, second, *down) in zip(ink, shapes, places, strict=True):
        cut = [_cut(shape) for shape in pair]
        free = WIDTH - sum(shape.shape[1] for shape in cut) - 4  # one pixel at the borders, two between
        before, between = sorted((int(first * (free + 1)), int(second * (free + 1))))
        lefts = (1 + before, 3 + between + cut[0].shape[1])
        for layer, shape, left, share in zip(canvas, cut, lefts, down, strict=True):
            top = 1 + int(share * (HEIGHT - shape.shape[0] - 1))
            layer[top : top + shape.shape[0], left : left + shape.shape[1]] = shape
    return torch.from_numpy(ink)


def _cut(shape: np.ndarray) -> np.ndarray:
    """A digit (32, 32) without the empty rows and columns around it."""
    rows, columns = (np.flatnonzero((shape > _INK).any(axis)) for axis in (1, 0))
    return shape[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _filled(boxes: Tensor) -> Tensor:
    """Boxes whose every row and column between the first and the last is inside."""
    for axis in (-1, -2):
        counted = boxes.int()
        after = counted.flip(axis).cumsum(axis).flip(axis)
        boxes = (counted.cumsum(axis) > 0) & (after > 0)
    return boxes


def hue_to_rgb(hues: Tensor) -> Tensor:
    """Hues (…) in radians as bright colours (…, 3) in [0.15, 1]."""
    shifts = torch.tensor([0.0, 4.0, 2.0])
    ramp = ((hues[..., None] / (math.pi / 3) + shifts) % 6 - 3).abs() - 1
    return 0.15 + 0.85 * ramp.clamp(0, 1)


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


def trained_reader(steps: int = 2_500) -> Reader:
    """The classifier, frozen, in eval mode; trained where it is not in the working folder."""

    def loss(model: nn.Module, made: Canvases) -> Tensor:
        outputs = model(made.images * 2 - 1)
        wrong = functional.cross_entropy(outputs[:, :10], made.digits[:, 0])
        wrong = wrong + functional.cross_entropy(outputs[:, 10:20], made.digits[:, 1])
        return wrong + 2 * functional.mse_loss(outputs[:, 20:], directions(made.hues))

    return _kept("reader", Reader, loss, rate=4e-3, steps=steps)


def directions(hues: Tensor) -> Tensor:
    """Hues (N, 2) as (N, 4): cosine and sine of the left one, then of the right one."""
    return torch.stack((hues.cos(), hues.sin()), 2).flatten(1)


def trained_autoencoder(steps: int = 3_000) -> Autoencoder:
    """The autoencoder, frozen, in eval mode; trained where it is not in the working folder."""

    def loss(model: nn.Module, made: Canvases) -> Tensor:
        return functional.mse_loss(model(made.images), made.images)

    return _kept("autoencoder", Autoencoder, loss, rate=3e-3, steps=steps)


def _kept(
    name: str, build: Callable[[], Network], loss: Callable[[nn.Module, Canvases], Tensor], *,
    rate: float, steps: int,
) -> Network:  # fmt: skip
    path = WORK / "two_digits" / f"{name}.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build()
    if path.exists():
        model.load_state_dict(load_file(path))
    else:
        print(f"training {name}, {steps} steps …", flush=True)
        _train(model, loss, rate, steps)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(model.state_dict(), path)
    return model.eval().requires_grad_(False)


def _train(model: nn.Module, loss: Callable[[nn.Module, Canvases], Tensor], rate: float, steps: int) -> None:
    """Every step on new canvases of digits that are bent a little."""
    images, labels = grey("network")
    generator, began = Generator().manual_seed(0), time.perf_counter()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for step in range(steps):
        chosen = torch.randint(len(images), (2 * _BATCH,), generator=generator)
        shapes = warped(images[chosen], generator, 0.4).clamp(0, 1).unflatten(0, (_BATCH, 2))
        found = loss(model, _composed(shapes, labels[chosen].view(-1, 2), chosen[:_BATCH], generator))
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
        found[f"{name} colour, error in °"] = float(torch.atan2(told.sin(), told.cos()).abs().mean().rad2deg())
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
    made = canvases("judge", 2_000, seed=9)
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
