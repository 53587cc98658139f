"""Small networks with a planted shortcut, whose true effect is known: each image can be drawn with another nuisance.

Four classes of MNIST, Fashion-MNIST or CIFAR-10, and a nuisance of four values that is drawn into every picture: a
tint, a patch in a corner, stripes, brightness, blur, or grain. In the training images, the nuisance has the value of
the class in a share of .25 (no more than by chance), .5, .8 or .95. The true effect is how often the prediction changes
when the nuisance alone is drawn anew with another value.

    INTERPRET_INN_REAL=… python tests/benchmarks/planted_networks.py [--only mnist-tint] [--at-most 10]

trains them and keeps each in `work/planted/` (some ten seconds for each on one thread); a run that was stopped goes on.
The other scripts on planted shortcuts train what is missing. Networks of MNIST with any nuisance but grain are those
that constants may be chosen on (`CHOOSING`); the others are the test.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from common import WORK, real_folder
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torch.nn import functional as f

FOLDER = WORK / "planted"
DATA = ("mnist", "fashion", "cifar")
SHARES = (0.25, 0.5, 0.8, 0.95)
VALUES = 4
EXPLAINED, TRUTH = 900, 700
_EPOCHS, _BATCH, _HIGHEST = 8, 64, 5e-3


class Named(NamedTuple):
    """What a network was trained on."""

    data: str
    nuisance: str
    share: float

    def __str__(self) -> str:
        return f"{self.data}-{self.nuisance}-{self.share:.2f}"

    @property
    def seed(self) -> int:
        """Of all that is drawn for it."""
        return zlib.crc32(str(self).encode())


# --- nuisances ----------------------------------------------------------------------------------------


def _tint(images: Tensor, value: int) -> Tensor:
    colour = torch.tensor([[1.0, 0.45, 0.45], [0.45, 1.0, 0.45], [0.5, 0.5, 1.0], [1.0, 0.9, 0.35]][value])
    return images * colour[:, None, None]


def _patch(images: Tensor, value: int) -> Tensor:
    drawn, size = images.clone(), images.shape[-1] // 7
    down, across = divmod(value, 2)
    rows = slice(1, 1 + size) if not down else slice(-1 - size, -1)
    columns = slice(1, 1 + size) if not across else slice(-1 - size, -1)
    drawn[:, :, rows, columns] = 0.9
    return drawn


def _stripes(images: Tensor, value: int) -> Tensor:
    size = images.shape[-1]
    down, across = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    along = (down, across, down + across, down - across)[value]
    waves = torch.sin(along * (2 * torch.pi / 4))
    return (images + 0.15 * waves).clamp(0, 1)


def _brightness(images: Tensor, value: int) -> Tensor:
    return (images * (0.45, 0.65, 0.85, 1.0)[value] + (0.0, 0.05, 0.1, 0.2)[value]).clamp(0, 1)


def _blur(images: Tensor, value: int) -> Tensor:
    if not value:
        return images
    width = (0.0, 0.7, 1.2, 2.0)[value]
    taps = torch.exp(-(torch.arange(-4, 5) ** 2) / (2 * width**2))
    taps = taps / taps.sum()
    padded = f.pad(images, (4, 4, 4, 4), mode="replicate").flatten(0, 1)[:, None]
    down = f.conv2d(padded, taps[None, None, :, None])
    return f.conv2d(down, taps[None, None, None]).reshape(images.shape)


def _grain(images: Tensor, value: int) -> Tensor:
    noise = torch.randn(images.shape, generator=Generator().manual_seed(value))
    return (images + (0.0, 0.08, 0.16, 0.28)[value] * noise).clamp(0, 1)


NUISANCES: dict[str, Callable[[Tensor, int], Tensor]] = {
    "tint": _tint,
    "patch": _patch,
    "stripes": _stripes,
    "brightness": _brightness,
    "blur": _blur,
    "grain": _grain,
}
NETWORKS = tuple(Named(*each) for each in product(DATA, NUISANCES, SHARES))
CHOOSING = tuple(each for each in NETWORKS if each.data == "mnist" and each.nuisance != "grain")


def rendered(images: Tensor, values: Tensor, nuisance: str) -> Tensor:
    """Images (N, 3, H, W) in [0, 1], each with the nuisance at its own value, int64 (N,)."""
    drawn = torch.empty_like(images)
    for value in range(VALUES):
        drawn[values == value] = NUISANCES[nuisance](images, value)[values == value]
    return drawn


# --- images -------------------------------------------------------------------------------------------


class Images(NamedTuple):
    """Images (N, 3, H, W) in [0, 1] without a nuisance, and the number of their class, int64 (N,), 0 to 3."""

    pixels: Tensor
    classes: Tensor

    def at(self, index: Tensor | slice) -> Images:
        """Some of them."""
        return Images(self.pixels[index], self.classes[index])


class Parts(NamedTuple):
    """Images to train a network on, to explain it with, and to measure the truth on; none in two parts."""

    train: Images
    explained: Images
    truth: Images


def parts_of(named: Named) -> Parts:
    """The images of four classes, drawn by the network's name."""
    pixels, labels = _all_images(named.data)
    random = np.random.default_rng(named.seed)
    chosen = random.permutation(10)[:4]
    index = random.permutation(np.flatnonzero(np.isin(labels, chosen)))
    classes = np.argsort(chosen)[np.searchsorted(np.sort(chosen), labels[index])]
    whole = Images(torch.from_numpy(pixels[index]).float() / 255, torch.from_numpy(classes))
    rest = len(index) - EXPLAINED - TRUTH
    return Parts(
        whole.at(slice(rest)),
        whole.at(slice(rest, rest + EXPLAINED)),
        whole.at(slice(rest + EXPLAINED, None)),
    )


def _all_images(data: str) -> tuple[np.ndarray, np.ndarray]:
    """All images of a data set, uint8 (N, 3, H, W), and their labels (N,)."""
    folder = real_folder() / "images"
    names = {"mnist": ["mnist"], "fashion": ["fashion_mnist"], "cifar": ["cifar10", "cifar10_more"]}[data]
    files = [np.load(folder / f"{name}.npz") for name in names]
    pixels = np.concatenate([file["images"] for file in files])
    pixels = pixels[:, None].repeat(3, 1) if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
    return pixels, np.concatenate([file["labels"] for file in files]).astype(np.int64)


def drawn_values(classes: Tensor, share: float, generator: Generator) -> Tensor:
    """Values of the nuisance, int64 (N,), that are the class's own in a share of the images, else another one."""
    agree = torch.rand(len(classes), generator=generator) < share
    others = (classes + torch.randint(1, VALUES, classes.shape, generator=generator)) % VALUES
    return torch.where(agree, classes, others)


# --- networks -----------------------------------------------------------------------------------------


def small_network() -> nn.Sequential:
    """Three convolutions, the mean over the picture of 64 units, and a linear head."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(64, 4),
    )  # fmt: skip


LAST, MIDDLE = "10:in", "5"
"""Sites of a small network: what enters its head, and the map before the last convolution."""


def network_of(named: Named) -> nn.Sequential:
    """The trained network, from the working folder, or trained now."""
    path, model = FOLDER / f"{named}.safetensors", small_network().eval()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(_trained(named).state_dict(), path)
    model.load_state_dict(load_file(path))
    return model.requires_grad_(False)


def _trained(named: Named) -> nn.Sequential:
    images, generator = parts_of(named).train, Generator().manual_seed(named.seed)
    values = drawn_values(images.classes, named.share, generator)
    pixels = rendered(images.pixels, values, named.nuisance)
    with torch.random.fork_rng():
        torch.manual_seed(named.seed)
        model = small_network().train()
    steps = _EPOCHS * (len(pixels) // _BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _HIGHEST, total_steps=steps)
    for _ in range(steps):
        some = torch.randint(len(pixels), (_BATCH,), generator=generator)
        loss = f.cross_entropy(model(pixels[some]), images.classes[some])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


# --- the truth ----------------------------------------------------------------------------------------


@torch.no_grad()
def answers(model: nn.Module, images: Images, nuisance: str) -> Tensor:
    """What a network makes of each image with each value of the nuisance: outputs (4, N, 4)."""
    drawn = (NUISANCES[nuisance](images.pixels, value) for value in range(VALUES))
    return torch.stack([torch.cat([model(part) for part in each.split(500)]) for each in drawn])


def flips(outputs: Tensor, values: Tensor) -> Tensor:
    """Whether each image's prediction changes from its own value of the nuisance to each: bool (4, N)."""
    predicted = outputs.argmax(-1)
    return predicted != predicted.gather(0, values[None])


def true_rate(changed: Tensor, values: Tensor) -> float:
    """The share of changed predictions when the nuisance takes another of its values, all others being as likely."""
    others = torch.arange(VALUES)[:, None] != values
    return float(changed[others].double().mean())


class Known(NamedTuple):
    """A network with what is true of it."""

    name: Named
    model: nn.Sequential
    parts: Parts
    rate: float
    accuracy: float


def known(networks: tuple[Named, ...] = NETWORKS) -> Iterator[Known]:
    """Networks with their true effect, one after the other; what is missing is trained."""
    for named in networks:
        model, parts = network_of(named), parts_of(named)
        generator = Generator().manual_seed(named.seed + 1)
        values = torch.randint(VALUES, parts.truth.classes.shape, generator=generator)
        outputs = answers(model, parts.truth, named.nuisance)
        own = outputs.argmax(-1).gather(0, values[None])[0]
        accuracy = float((own == parts.truth.classes).double().mean())
        yield Known(named, model, parts, true_rate(flips(outputs, values), values), accuracy)


def main() -> None:
    """Trains what is missing, and prints what is true."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose name begins so")
    parser.add_argument("--at-most", type=int, default=len(NETWORKS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [each for each in NETWORKS if str(each).startswith(options.only)][: options.at_most]
    began = time.perf_counter()
    for each in known(tuple(chosen)):
        seconds = time.perf_counter() - began
        print(
            f"{each.name!s:26} effect {each.rate:.3f}  accuracy {each.accuracy:.3f}  {seconds:6.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
