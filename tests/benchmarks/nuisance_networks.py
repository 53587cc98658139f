"""Real networks and images whose nuisances can be drawn anew, so that the effect of each is known.

ResNet-20 of CIFAR-10 as it is, and fine-tuned in four ways on images with a planted mark; MobileNetV2 of ImageNet; and
a small vision transformer that is trained here on CIFAR-10. Five nuisances of four values: brightness, blur, a colour
cast, a patch in a corner, and another picture blended into the background. The true effect is how often the prediction
changes when the nuisance alone is drawn anew with another value.

    INTERPRET_INN_REAL=… python tests/benchmarks/nuisance_networks.py

trains what is missing into `work/nuisances/` (some minutes) and prints what is true. ResNet-20 as it is is the network
that constants may be chosen on (`CHOOSING`); the others are the test.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from common import WORK, load_zoo
from planted_networks import VALUES, flips, true_rate
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torch.nn import functional as f

FOLDER = WORK / "nuisances"
EXPLAINED = 1000
CHOOSING = ("resnet",)


# --- nuisances, of images (N, 3, H, W) in [0, 1] ----------------------------------------------------------------------


def _brightness(images: Tensor, value: int) -> Tensor:
    return (images * (0.6, 0.8, 1.0, 1.25)[value]).clamp(0, 1)


def _blur(images: Tensor, value: int) -> Tensor:
    width = (0.0, 0.4, 0.6, 0.9)[value] * images.shape[-1] / 32
    if not width:
        return images
    reach = int(3 * width) + 1
    taps = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * width**2))
    taps = taps / taps.sum()
    padded = f.pad(images, (reach,) * 4, mode="replicate").flatten(0, 1)[:, None]
    down = f.conv2d(padded, taps[None, None, :, None])
    return f.conv2d(down, taps[None, None, None]).reshape(images.shape)


def _cast(images: Tensor, value: int) -> Tensor:
    colour = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.75, 0.6], [0.6, 0.8, 1.0], [0.75, 1.0, 0.7]][value])
    return images * colour[:, None, None]


def _patch(images: Tensor, value: int) -> Tensor:
    drawn, size = images.clone(), images.shape[-1] // 6
    down, across = divmod(value, 2)
    rows = slice(1, 1 + size) if not down else slice(-1 - size, -1)
    columns = slice(1, 1 + size) if not across else slice(-1 - size, -1)
    drawn[:, :, rows, columns] = torch.tensor([1.0, 0.9, 0.1])[:, None, None]
    return drawn


def _background(images: Tensor, value: int) -> Tensor:
    """A pattern of waves shows through, most at the rim."""
    size = images.shape[-1]
    along = torch.linspace(-1, 1, size)
    down, across = torch.meshgrid(along, along, indexing="ij")
    waves = 0.5 + 0.5 * torch.sin((4 + 2 * value) * (down * (value - 1.5) + across) * 3)
    picture = torch.stack([waves, 1 - waves, (0.2 + 0.2 * value) * torch.ones_like(waves)])
    share = 0.2 * (down**2 + across**2).clamp(0, 1)
    return images * (1 - share) + picture * share


NUISANCES: dict[str, Callable[[Tensor, int], Tensor]] = {
    "brightness": _brightness,
    "blur": _blur,
    "cast": _cast,
    "patch": _patch,
    "background": _background,
}


def rendered(images: Tensor, values: Tensor, nuisance: str) -> Tensor:
    """Images (N, 3, H, W), each with the nuisance at its own value, int64 (N,)."""
    drawn = torch.empty_like(images)
    for value in range(VALUES):
        drawn[values == value] = NUISANCES[nuisance](images[values == value], value)
    return drawn


# --- networks ---------------------------------------------------------------------------------------------------------


class Way(NamedTuple):
    """How ResNet-20 is fine-tuned: the nuisance that goes with the class, in which share, and what learns."""

    nuisance: str
    share: float
    whole: bool


WAYS = {
    "resnet-head-patch": Way("patch", 0.95, whole=False),
    "resnet-whole-patch": Way("patch", 0.95, whole=True),
    "resnet-whole-cast": Way("cast", 0.95, whole=True),
    "resnet-head-brightness": Way("brightness", 0.8, whole=False),
}
NETWORKS = ("resnet", *WAYS, "vit", "mobilenet")


class Scaled(nn.Module):
    """A network of images in [0, 1], which it normalises itself."""

    def __init__(self, body: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [0, 1] to logits."""
        found: Tensor = self.body((images - self.mean) / self.std)
        return found


class SmallTransformer(nn.Module):
    """A vision transformer of CIFAR-10: 64 patches, four blocks of 96 numbers, the mean of all tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 96, 4, 4)
        self.places = nn.Parameter(0.02 * torch.randn(1, 64, 96))
        self.blocks = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(96, 4, 192, 0.0, "gelu", batch_first=True, norm_first=True)
                for _ in range(4)
            )
        )
        self.norm, self.head = nn.LayerNorm(96), nn.Linear(96, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, 32, 32) to logits (B, 10)."""
        tokens = self.patches(images).flatten(2).mT + self.places
        found: Tensor = self.head(self.norm(self.blocks(tokens).mean(1)))
        return found


_CIFAR = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SITES = {
    "resnet": ("body.linear:in", "body.layer2", "body.layer1"),
    "vit": ("body.head:in", "body.blocks.2", "body.blocks.0"),
    "mobilenet": ("body.classifier:in", "body.blocks.4", "body.blocks.2"),
}
"""The last layer, and two in the middle."""


def sites_of(name: str) -> tuple[str, ...]:
    """The last layer of a network, and two in the middle."""
    return SITES[name.split("-")[0]]


def network_of(name: str) -> nn.Module:
    """A network of images in [0, 1], from the working folder, or trained now."""
    zoo = load_zoo()
    if name == "mobilenet":
        return Scaled(zoo.imagenet_mobilenetv2(), (0.5,) * 3, (0.5,) * 3).eval()
    body = SmallTransformer() if name == "vit" else zoo.cifar_resnet20()
    model = Scaled(body, *_CIFAR).eval()
    if name in CHOOSING:
        return model.requires_grad_(False)
    path = FOLDER / f"{name}.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        trained = _trained_transformer() if name == "vit" else _fine_tuned(model, WAYS[name], _seed(name))
        save_file(trained.state_dict(), path)
    model.load_state_dict(load_file(path))
    return model.requires_grad_(False)


def _seed(name: str) -> int:
    return zlib.crc32(name.encode())


def images_of(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Images to explain with (N, 3, H, W) in [0, 1], their classes and their groups; no network learnt from them."""
    zoo = load_zoo()
    if name == "mobilenet":
        from real_networks import IMAGENET_ANIMALS, imagenet_variants

        originals, classes = zoo.images("imagenet")
        pixels, groups = imagenet_variants(originals, crops=0)
        kinds = (classes < IMAGENET_ANIMALS).astype(np.int64)[groups]
    else:
        pixels, classes = zoo.images("cifar10")
        pixels, kinds, groups = pixels[:EXPLAINED], classes[:EXPLAINED], np.arange(EXPLAINED)
    scaled = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 255
    return scaled, torch.from_numpy(kinds), torch.from_numpy(groups)


def _training_images() -> tuple[Tensor, Tensor]:
    pixels, classes = load_zoo().images("cifar10_more")
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(classes)


def _fine_tuned(model: nn.Module, way: Way, seed: int) -> nn.Module:
    """A network that learnt on 6,000 images in which the nuisance goes with the class."""
    images, classes = _training_images()
    generator = Generator().manual_seed(seed)
    agree = torch.rand(len(classes), generator=generator) < way.share
    values = torch.where(agree, classes % VALUES, torch.randint(VALUES, classes.shape, generator=generator))
    pixels = rendered(images, values, way.nuisance)
    learning = list((model.body if way.whole else model.body.linear).parameters())
    for parameter in learning:
        parameter.requires_grad_(True)
    return _learn(model, learning, pixels, classes, generator, steps=500, rate=2e-3 if way.whole else 1e-2)


def _trained_transformer() -> nn.Module:
    images, classes = _training_images()
    with torch.random.fork_rng():
        torch.manual_seed(_seed("vit"))
        model = Scaled(SmallTransformer(), *_CIFAR)
    generator = Generator().manual_seed(_seed("vit"))
    values = torch.randint(VALUES, classes.shape, generator=generator)
    values = torch.where(torch.rand(len(classes), generator=generator) < 0.5, classes % VALUES, values)
    pixels = rendered(images, values, "cast")
    return _learn(model.train(), list(model.parameters()), pixels, classes, generator, steps=800, rate=1e-3)


def _learn(
    model: nn.Module, learning: list[nn.Parameter], pixels: Tensor, classes: Tensor, generator: Generator,
    *, steps: int, rate: float,
) -> nn.Module:  # fmt: skip
    """Statistics of batches stay as they are: the network is in eval mode, or has none."""
    optimiser = torch.optim.AdamW(learning, lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        some = torch.randint(len(pixels), (64,), generator=generator)
        mirrored = torch.where(
            torch.rand(64, 1, 1, 1, generator=generator) < 0.5, pixels[some], pixels[some].flip(3)
        )
        loss = f.cross_entropy(model(mirrored), classes[some])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


# --- the truth --------------------------------------------------------------------------------------------------------


@torch.no_grad()
def answers(model: nn.Module, images: Tensor, nuisance: str) -> Tensor:
    """What a network makes of each image with each value of the nuisance: outputs (4, N, K)."""
    drawn = (NUISANCES[nuisance](images, value) for value in range(VALUES))
    return torch.stack([torch.cat([model(part) for part in each.split(100)]) for each in drawn])


@torch.no_grad()
def main() -> None:
    """Trains what is missing, and prints what is true."""
    torch.set_num_threads(1)
    for name in NETWORKS:
        with torch.enable_grad():
            model = network_of(name)
        images, classes, _ = images_of(name)
        values = torch.randint(VALUES, classes.shape, generator=Generator().manual_seed(_seed(name)))
        for nuisance in NUISANCES:
            outputs = answers(model, images, nuisance)
            rate = true_rate(flips(outputs, values), values)
            right = float((outputs[0].argmax(1) == classes).double().mean())
            print(f"{name:24} {nuisance:12} effect {rate:.3f}  accuracy {right:.3f}", flush=True)


if __name__ == "__main__":
    main()
