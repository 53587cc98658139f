"""Painted MNIST digits of 32 × 32, an autoencoder of them, and examiners that know neither it nor its images.

The 10,000 MNIST test images come from the folder that `INTERPRET_INN_REAL` names, and are split once: 6,500 for
the autoencoder and the fit, 1,500 for the examiners, 2,000 for the test. Colours are uniform in [0, 1]³, as in
the published experiment. That had 60,000 digits; here slight turns, shears, zooms and shifts make up for those
that are missing.
Networks are trained at the first call and kept in the working folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import torch
from coloured_mnist import digits
from common import WORK
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torch.nn import functional

WIDTH = 64  # of the code, as published
WARP = 0.6  # of the changes of shape for autoencoder and fit; the examiners see 1
BRIGHTEST = 20  # pixels whose mean is taken for the digit's colour

Network = TypeVar("Network", bound=nn.Module)
Part = Literal["network", "examiners", "test"]
_BOUNDS = {"network": (0, 6_500), "examiners": (6_500, 8_000), "test": (8_000, 10_000)}
_BATCH = 64


@cache
def grey(part: Part) -> tuple[Tensor, Tensor]:
    """Grey digits in [0, 1], (N, 32, 32), and which digits they are, int64 (N,)."""
    images, labels = digits()
    first, last = _BOUNDS[part]
    chosen = torch.randperm(len(images), generator=Generator().manual_seed(1))[first:last]
    return functional.pad(images[chosen], (2, 2, 2, 2)), labels[chosen]


def paint(images: Tensor, colours: Tensor) -> Tensor:
    """Grey images (B, 32, 32) in colours (B, 3): (B, 3, 32, 32) in [0, 1]."""
    return images[:, None] * colours[:, :, None, None]


def warped(images: Tensor, generator: Generator, amount: float = WARP) -> Tensor:
    """Grey images, turned, zoomed, sheared and shifted a little, each in its own way: (B, 32, 32)."""
    drawn = (torch.rand(5, len(images), generator=generator) - 0.5) * amount
    turn, zoom, shear, right, down = drawn * torch.tensor([0.5, 0.3, 0.6, 0.25, 0.25])[:, None]
    cosine, sine = turn.cos() * (1 + zoom), turn.sin() * (1 + zoom)
    rows = [
        torch.stack([cosine, shear * cosine - sine, right], 1),
        torch.stack([sine, cosine + shear * sine, down], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), (len(images), 1, 32, 32), align_corners=False)
    return functional.grid_sample(images[:, None], grid, align_corners=False)[:, 0]


def painted(
    part: Part, *, variants: int = 1, seed: int, warp: float = 0.0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Every digit of a part in some random colours; variants after the first are warped, too.

    Returns:
        Images (M, 3, 32, 32), digits (M,), colours (M, 3), and which image each is a variant of, (M,).
    """
    images, labels = grey(part)
    generator = Generator().manual_seed(seed)
    source = torch.arange(len(images)).repeat(variants)
    shapes = [images, *(warped(images, generator, warp) for _ in range(variants - 1))]
    colours = torch.rand(len(source), 3, generator=generator)
    return paint(torch.cat(shapes), colours), labels[source], colours, source


class Autoencoder(nn.Module):
    """Painted digits (B, 3, 32, 32) in [0, 1] → code (B, 64) → painted digits."""

    def __init__(self, channels: int = 24) -> None:
        super().__init__()

        def down(inputs: int, outputs: int) -> list[nn.Module]:
            conv = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)
            return [conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]

        def up(inputs: int, outputs: int) -> list[nn.Module]:
            conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
            return [conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]

        c, flat = channels, 16 * 4 * channels
        self.encoder = nn.Sequential(
            *down(3, c), *down(c, 2 * c), *down(2 * c, 4 * c), nn.Flatten(), nn.Linear(flat, WIDTH)
        )
        self.decoder = nn.Sequential(
            nn.Linear(WIDTH, flat), nn.LeakyReLU(0.2), nn.Unflatten(1, (4 * c, 4, 4)),
            *up(4 * c, 2 * c), *up(2 * c, c), nn.ConvTranspose2d(c, 3, 4, 2, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructions (B, 3, 32, 32)."""
        reconstructions: Tensor = self.decoder(self.encoder(images))
        return reconstructions


class ColourReader(nn.Module):
    """Tells the colour of a digit: looks where it is plainest, and corrects what it finds there."""

    def __init__(self) -> None:
        super().__init__()
        self.where = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 1, 3, padding=1))
        self.correct = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Colours (B, 3) of images (B, 3, 32, 32)."""
        share = self.where(images).flatten(2).softmax(2)
        seen = (share * images.flatten(2)).sum(2)
        colours: Tensor = seen + self.correct(seen)
        return colours


def _digit_reader() -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 16), (16, 32), (32, 64)):
        conv = nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False)
        layers += [conv, nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 16, 10))


def brightest(images: Tensor) -> Tensor:
    """Colours (B, 3) with no network: the mean of the brightest pixels of images (B, 3, 32, 32)."""
    flat = images.flatten(2)
    places = flat.sum(1).topk(BRIGHTEST, 1).indices
    return flat.gather(2, places[:, None].expand(-1, 3, -1)).mean(2)


def trained_autoencoder(code_noise: float) -> Autoencoder:
    """The autoencoder, frozen, in eval mode; trained (about 5 minutes) where it is not in the working folder.

    Args:
        code_noise: Noise on the code while training, in standard deviations of all codes.
    """

    def losses(model: nn.Module, generator: Generator) -> Iterator[Tensor]:
        for images, _, _ in _stream("network", epochs=30, warp=WARP, generator=generator):
            code = model.encoder(images)
            noise = torch.randn(code.shape, generator=generator) * code.detach().std()
            yield functional.mse_loss(model.decoder(code + code_noise * noise), images)

    return _kept(f"autoencoder_{code_noise:g}", Autoencoder, losses, rate=2.5e-3, steps=_steps("network", 30))


def trained_examiners() -> nn.ModuleDict:
    """`digit` and `colour`, trained on the examiners' own images, some of them blurred as decoders blur."""

    def losses(model: nn.Module, generator: Generator) -> Iterator[Tensor]:
        for images, labels, colours in _stream("examiners", epochs=45, warp=1.0, generator=generator):
            blurred = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
            images = torch.where(blurred, functional.avg_pool2d(images, 3, 1, 1), images)
            wrong = functional.cross_entropy(model["digit"](images), labels)
            yield wrong + 30 * functional.mse_loss(model["colour"](images), colours)

    def build() -> nn.ModuleDict:
        return nn.ModuleDict({"digit": _digit_reader(), "colour": ColourReader()})

    return _kept("examiners", build, losses, rate=6e-3, steps=_steps("examiners", 45))


def _stream(
    part: Part, *, epochs: int, warp: float, generator: Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Batches of freshly warped and painted digits, the digits, and their colours."""
    images, labels = grey(part)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images), generator=generator).split(_BATCH)[: len(images) // _BATCH]:
            colours = torch.rand(len(chosen), 3, generator=generator)
            yield paint(warped(images[chosen], generator, warp), colours), labels[chosen], colours


def _kept(
    name: str,
    build: Callable[[], Network],
    losses: Callable[[nn.Module, Generator], Iterator[Tensor]],
    *,
    rate: float,
    steps: int,
) -> Network:
    folder: Path = WORK / "coloured_autoencoder"
    path = folder / f"{name}.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build()
    if path.exists():
        model.load_state_dict(load_file(path))
    else:
        print(f"training {name} …", flush=True)
        _train(model, losses, rate, steps)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(model.state_dict(), path)
    return model.eval().requires_grad_(False)


def _steps(part: Part, epochs: int) -> int:
    return epochs * (len(grey(part)[0]) // _BATCH)


@torch.enable_grad()
def _train(
    model: nn.Module, losses: Callable[[nn.Module, Generator], Iterator[Tensor]], rate: float, steps: int
) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-4, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for loss in losses(model, Generator().manual_seed(0)):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
