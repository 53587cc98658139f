"""Rows of networks at their last layer, with concepts of them: what `linear_rivals.py` compares methods on.

* `resnet`: ResNet-20 of CIFAR-10 and 8,000 test images; its class (10) and the image's brightness.
* `resnet-nested`: the same with class and kind (animal or vehicle), which the class fixes.
* `mobilenet`: MobileNetV2 and 200 ImageNet images in 8 variants each, which stay together; kind and detail.
* `scenes-600`, `scenes-1500`: a small network that is trained here to tell shape and hue of the object in drawn scenes
  (`interpret_inn.datasets.Scenes`), with all six factors of the scenes as concepts.
* `factors-600`, `factors-1500`: a network of the same form that is trained to tell all six.

What a network's last layer carries is computed once and kept in work/, as are the weights that are trained here (about
a minute for each network on one thread).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from common import WORK, load_zoo
from real_networks import CIFAR, CIFAR_ANIMALS, IMAGENET_ANIMALS, brightness, detail, imagenet_variants
from torch import Generator, Tensor, nn

from interpret_inn.datasets import Scenes
from interpret_inn.types import Concept

Array = np.ndarray
FOLDER = WORK / "linear_rivals"
HUES = ("floor hue", "wall hue", "object hue")
SHAPES, HUE_CLASSES = 4, 10
SCENES, TRAINING_SCENES = 8_000, 12_000
_STEPS, _BATCH, _HIGHEST = 1_200, 64, 4e-3
_AT_ONCE = 100


class Samples(NamedTuple):
    """What the last layer carries, float32 (N, D), with concepts of the samples and their groups, (N,) or None."""

    z: Array
    concepts: tuple[Concept, ...]
    groups: Array | None

    def at(self, index: Array) -> Samples:
        """Some of the samples."""
        groups = None if self.groups is None else self.groups[index]
        return Samples(self.z[index], tuple(concept.at(index) for concept in self.concepts), groups)


class Task(NamedTuple):
    """A network's last layer.

    Attributes:
        samples: All samples that there are.
        head: From the layer (N, D) to the model's outputs.
        decisions: By categorical concept, from outputs (N, C) to the class that the model decides on, (N,).
        nested: One concept fixes another, so that an edit of one cannot leave the other as it is.
    """

    samples: Samples
    head: nn.Linear
    decisions: Mapping[str, Callable[[Array], Array]]
    nested: bool = False


# --- real networks ------------------------------------------------------------------------------------


def resnet(*, nested: bool = False) -> Task:
    """ResNet-20 of CIFAR-10, 64 axes."""
    zoo = load_zoo()
    pools = [zoo.images(name) for name in ("cifar10", "cifar10_more")]
    images, classes = (np.concatenate(parts) for parts in zip(*pools, strict=True))
    model = zoo.cifar_resnet20()
    head, model.linear = model.linear, nn.Identity()
    z = _kept("resnet", model, images, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    animal = np.isin(np.arange(len(CIFAR)), CIFAR_ANIMALS).astype(np.int64)
    first = Concept("class", "categorical", classes, CIFAR)
    kind = Concept("kind", "categorical", animal[classes], ("vehicle", "animal"))
    second = kind if nested else Concept("brightness", "numeric", brightness(images).astype(np.float64))
    decisions = {"class": _best, "kind": lambda outputs: animal[_best(outputs)]}
    return Task(Samples(z, (first, second), None), head, decisions, nested)


def mobilenet() -> Task:
    """MobileNetV2 on variants of ImageNet images, 1,280 axes."""
    zoo = load_zoo()
    originals, classes = zoo.images("imagenet")
    images, groups = imagenet_variants(originals)
    model = zoo.imagenet_mobilenetv2()
    head, model.classifier = model.classifier, nn.Identity()
    z = _kept("mobilenet", model, images, mean=(0.5,) * 3, std=(0.5,) * 3)
    animal = (classes[groups] < IMAGENET_ANIMALS).astype(np.int64)
    kind = Concept("kind", "categorical", animal, ("object", "animal"))
    fine = Concept("detail", "numeric", detail(images).astype(np.float64))
    decisions = {"kind": lambda outputs: (_best(outputs) < IMAGENET_ANIMALS).astype(np.int64)}
    return Task(Samples(z, (kind, fine), groups), head, decisions)


def _best(outputs: Array) -> Array:
    return np.asarray(outputs.argmax(1))


# --- networks of drawn scenes --------------------------------------------------------------------------


def scene_network(*, everything: bool) -> Task:
    """A network that tells shape and hue of a scene's object, or all factors; its last hidden layer, 64 axes."""
    scenes = Scenes()
    latents = scenes.sample(SCENES, seed=1)
    model = _trained("factors" if everything else "scenes", everything=everything)
    head, model[-1] = model[-1], nn.Identity()
    z = _kept(
        "factors" if everything else "scenes",
        model,
        lambda: scenes.drawn(latents),
        mean=(0,) * 3,
        std=(1,) * 3,
    )
    decisions = {"shape": lambda outputs: _best(outputs[:, :SHAPES])}
    return Task(Samples(z, scene_concepts(scenes, latents), None), head, decisions)


@torch.no_grad()
def layer_of_scenes(latents: Array, *, everything: bool) -> Array:
    """What the last hidden layer of such a network carries of scenes with given factors, (N, 6); float32 (N, 64)."""
    model = _trained("factors" if everything else "scenes", everything=everything)
    model[-1] = nn.Identity()
    parts = np.array_split(latents, max(1, len(latents) // _AT_ONCE))
    return torch.cat([model(_prepared(Scenes().drawn(part), (0,) * 3, (1,) * 3)) for part in parts]).numpy()


def scene_concepts(scenes: Scenes, latents: Array) -> tuple[Concept, ...]:
    """The six factors: hues as angles, size and orientation as numbers, the shape as a category."""
    found = []
    for name, values in scenes.labels(latents).items():
        if name in HUES:
            found.append(Concept(name, "cyclic", 2 * math.pi * values))
        elif name == "shape":
            numbers = latents[:, scenes.names.index(name)]
            found.append(Concept(name, "categorical", numbers, tuple(scenes.values[name].tolist())))
        else:
            found.append(Concept(name, "numeric", values.astype(np.float64)))
    return tuple(found)


def _fresh(outputs: int) -> nn.Sequential:
    """Images (B, 3, 64, 64) → 64 hidden units → outputs."""

    def down(before: int, after: int, kernel: int, stride: int) -> list[nn.Module]:
        pad = (kernel - stride) // 2
        conv = nn.Conv2d(before, after, kernel, stride, pad, bias=False)
        return [conv, nn.BatchNorm2d(after), nn.ReLU()]

    return nn.Sequential(
        *down(3, 16, 8, 4), *down(16, 32, 4, 2), *down(32, 64, 4, 2),
        nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, outputs),
    )  # fmt: skip


def _told(latents: Array, *, everything: bool) -> Tensor:
    """What the network learns, float (N, k): shape and object hue as class numbers, or shape and all numbers."""
    scenes = Scenes()
    shape = latents[:, scenes.names.index("shape")][:, None]
    if not everything:
        hue = latents[:, scenes.names.index("object hue")][:, None]
        return torch.from_numpy(np.hstack([shape, hue])).float()
    others = [c.targets for c in scene_concepts(scenes, latents) if c.name != "shape"]
    numbers = np.hstack([(one - one.mean(0)) / one.std(0) for one in others])
    return torch.from_numpy(np.hstack([shape, numbers])).float()


def _loss(outputs: Tensor, told: Tensor, *, everything: bool) -> Tensor:
    loss = nn.functional.cross_entropy(outputs[:, :SHAPES], told[:, 0].long())
    if everything:
        return loss + nn.functional.mse_loss(outputs[:, SHAPES:], told[:, 1:], reduction="sum") / len(told)
    return loss + nn.functional.cross_entropy(outputs[:, SHAPES:], told[:, 1].long())


def _trained(name: str, *, everything: bool) -> nn.Sequential:
    """The network, frozen; trained here unless its weights lie in work/."""
    path = FOLDER / f"{name}.pt"
    numbers = 2 * len(HUES) + 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = _fresh(SHAPES + (numbers if everything else HUE_CLASSES))
    if path.exists():
        model.load_state_dict(torch.load(path, weights_only=True))
    else:
        _train(model, everything=everything)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(model.state_dict(), path)
    return model.eval().requires_grad_(False)


def _train(model: nn.Sequential, *, everything: bool) -> None:
    scenes = Scenes()
    latents = scenes.sample(TRAINING_SCENES, seed=2)
    images = torch.from_numpy(scenes.drawn(latents)).permute(0, 3, 1, 2)
    told, generator = _told(latents, everything=everything), Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), _HIGHEST, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _HIGHEST, total_steps=_STEPS, pct_start=0.1)
    for step in range(_STEPS):
        rows = torch.randint(len(images), (_BATCH,), generator=generator)
        loss = _loss(model(images[rows].float() / 255), told[rows], everything=everything)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 200 == 0 or step == _STEPS - 1:
            print(f"training on scenes, step {step}: loss {float(loss.detach()):.3f}", flush=True)


# --- what the last layer carries -----------------------------------------------------------------------


@torch.no_grad()
def _kept(
    name: str,
    model: nn.Module,
    images: Array | Callable[[], Array],
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Array:
    """Outputs of a model without its head, float32 (N, D), of images uint8 (N, H, W, 3); computed once."""
    told = hashlib.sha256(Path(__file__).read_bytes())
    for value in model.state_dict().values():
        told.update(value.numpy().tobytes())
    path = FOLDER / f"{name}_{told.hexdigest()[:12]}.npy"
    if not path.exists():
        print(f"{name}: computing what the last layer carries", flush=True)
        given = images() if callable(images) else images
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [
            model(_prepared(given[start : start + _AT_ONCE], mean, std))
            for start in range(0, len(given), _AT_ONCE)
        ]
        np.save(path, torch.cat(parts).numpy())
    found: Array = np.load(path)
    return found


def _prepared(images: Array, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    scaled = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    return (scaled - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


ROWS: Mapping[str, tuple[Callable[[], Task], Mapping[str, Any]]] = {
    "resnet": (resnet, {}),
    "resnet-nested": (lambda: resnet(nested=True), {}),
    "mobilenet": (mobilenet, {"fit": 100, "judge": 50, "fresh": 50}),
    "scenes-600": (lambda: scene_network(everything=False), {"fit": 600}),
    "scenes-1500": (lambda: scene_network(everything=False), {"fit": 1500}),
    "factors-600": (lambda: scene_network(everything=True), {"fit": 600}),
    "factors-1500": (lambda: scene_network(everything=True), {"fit": 1500}),
}
"""By row: what makes its task, and numbers of samples (of groups, if there are any) in place of those asked for."""
