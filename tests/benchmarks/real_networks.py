"""Reports of two real networks: MobileNetV2 on ImageNet images, and ResNet-20 on CIFAR-10 images.

Shows what the library makes of networks and images that nobody made for it. The networks and images are
those of the folder that `INTERPRET_INN_REAL` names.

* `mobilenet`: the 200 ImageNet images, one of each of 200 classes, in 8 variants each (the image, its mirror
  image, and 6 random crops of 70 to 100 % of its area, half of them mirrored) that stay in one part of the
  split (`groups=`). Concepts: `kind` (animal or object: ImageNet's classes under 398 are animals) and
  `detail` (logarithm of the mean difference of neighbouring pixels of the variant).
* `resnet`: the 2,000 CIFAR-10 images, their mirror images, and two shifts by up to 4 pixels as in the
  network's own training, kept together likewise. Concepts: `kind` (animal or vehicle) and `brightness`.
* `resnet-class`: the same with the 10 classes in place of the two kinds.

Numbers of axes are estimated, as they are by default; with `--four`, the two kinds and the numbers beside them get four
axes each.

    INTERPRET_INN_REAL=… python tests/benchmarks/real_networks.py [mobilenet resnet resnet-class] [--four]

Reports are written into `work/real/<name>/`; pictures in them must not enter the repository.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from common import WORK, leakage_rows, load_zoo, redraw_rows, table, verdict_rows, write

import interpret_inn as inn

CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_ANIMALS = (2, 3, 4, 5, 6, 7)
IMAGENET_ANIMALS = 398  # classes below are animals

Array = np.ndarray


class Task(NamedTuple):
    """A network with its images, (N, H, W, 3) uint8, their labels and the image each is a variant of."""

    model: torch.nn.Module
    site: str | None
    preprocess: dict[str, Any]
    images: Array
    labels: dict[str, Array]
    groups: Array
    settings: dict[str, Any]


def brightness(images: Array) -> Array:
    """Mean grey value in [0, 1] of images (N, H, W, 3), shape (N,)."""
    grey = images.mean((1, 2), dtype=np.float64) @ np.array([0.299, 0.587, 0.114])
    return (grey / 255).astype(np.float32)


def detail(images: Array) -> Array:
    """Logarithm of the mean absolute difference of neighbouring pixels (grey, 0 to 1), shape (N,)."""
    found = []
    for image in images:
        grey = image.mean(2) / 255
        found.append(np.log(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()))
    return np.array(found, np.float32)


def imagenet_variants(images: Array, *, crops: int = 6, seed: int = 0) -> tuple[Array, Array]:
    """Each image, its mirror image and random crops at full size; and the index of the original."""
    from PIL import Image

    generator = np.random.default_rng(seed)
    side = images.shape[1]
    made, groups = [images, images[:, :, ::-1]], [np.arange(len(images))] * (2 + crops)
    for crop in range(crops):
        row = []
        for image in images:
            size = round(side * float(np.sqrt(generator.uniform(0.7, 1.0))))
            top, left = generator.integers(0, side - size + 1, 2)
            part = Image.fromarray(image[top : top + size, left : left + size])
            found = np.asarray(part.resize((side, side), Image.Resampling.BICUBIC))
            row.append(found[:, ::-1] if crop % 2 else found)
        made.append(np.stack(row))
    return np.concatenate(made), np.concatenate(groups)


def cifar_variants(images: Array, *, shifts: int = 2, seed: int = 0) -> tuple[Array, Array]:
    """Each image, its mirror image and shifts by up to 4 pixels (black comes in); and the original's index."""
    generator = np.random.default_rng(seed)
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)))
    made, groups = [images, images[:, :, ::-1]], [np.arange(len(images))] * (2 + shifts)
    for shift in range(shifts):
        corners = generator.integers(0, 9, (len(images), 2))
        moved = np.stack([one[t : t + 32, s : s + 32] for one, (t, s) in zip(padded, corners, strict=True)])
        made.append(moved[:, :, ::-1] if shift % 2 else moved)
    return np.concatenate(made), np.concatenate(groups)


def mobilenet(zoo: Any) -> Task:
    """MobileNetV2 at its pooled vector, 1,280 axes."""
    originals, classes = zoo.images("imagenet")
    images, groups = imagenet_variants(originals)
    kind = np.where(classes[groups] < IMAGENET_ANIMALS, "animal", "object")
    labels = {"kind": kind, "detail": detail(images)}
    half = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    return Task(zoo.imagenet_mobilenetv2(), None, half, images, labels, groups, _sizes("kind", "detail"))


def resnet(zoo: Any, *, classes: bool = False) -> Task:
    """ResNet-20 at its pooled vector, 64 axes."""
    originals, numbers = zoo.images("cifar10")
    images, groups = cifar_variants(originals)
    kind = np.where(np.isin(numbers[groups], CIFAR_ANIMALS), "animal", "vehicle")
    first = {"class": np.array(CIFAR)[numbers[groups]]} if classes else {"kind": kind}
    labels = first | {"brightness": brightness(images)}
    own = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "channels": 3}
    sizes = {} if classes else _sizes("kind", "brightness")
    return Task(zoo.cifar_resnet20(), "linear:in", own, images, labels, groups, sizes)


def _sizes(*names: str) -> dict[str, Any]:
    """Four axes for each: a yes or no needs few, and few show best that they are not just any axes."""
    return {"sizes": dict.fromkeys(names, 4)}


TASKS = {
    "mobilenet": mobilenet,
    "resnet": resnet,
    "resnet-class": lambda zoo: resnet(zoo, classes=True),
}


def run(name: str, task: Task, *, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Fits, writes the report and returns its JSON with what the fit says of itself."""
    began = time.perf_counter()
    interpreter = inn.wrap(task.model, task.site, preprocess=task.preprocess)
    kinds = {k: "numeric" if v.dtype.kind == "f" else "categorical" for k, v in task.labels.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)  # they stand in the report as well
        interpreter.fit(
            "labels", data=task.images, labels=task.labels, kinds=kinds, groups=task.groups, seed=seed,
            checkpoint=None, **(task.settings | settings),
        )  # fmt: skip
    report = interpreter.report()
    for path in report.save(WORK / "real" / name):
        print(path)
    record = interpreter.fitted.record
    about = {
        "samples": len(task.images), "groups": len(np.unique(task.groups)),
        "steps": record.steps, "best_step": record.best_step, "stopped_early": record.stopped_early,
        "axes": interpreter.fitted.network.shape.leading, "seconds": time.perf_counter() - began,
    }  # fmt: skip
    return report.to_dict() | {"about": about}


def show(found: dict[str, Any]) -> None:
    """Prints what a reader would look for first."""
    print(found["about"])
    print(table([{k: f[k] for k in ("name", "size", "raw_score")} for f in found["factors"]]))
    print(table(verdict_rows(found)))
    print(table(leakage_rows(found)))
    print(table(redraw_rows(found)))
    print("checks:", {name: value for name, value in found["checks"].items() if name != "tolerance"})
    print("timings:", {name: round(value, 1) for name, value in found["timings"].items()})
    for warning in found["warnings"]:
        print("!", warning)


def main() -> None:
    """Makes the reports that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*TASKS, []], help="default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--four", action="store_true", help="four axes for each of two concepts")
    parser.add_argument("--noise", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--samples-per-axis", type=float)
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = {name: getattr(options, name) for name in ("noise", "steps", "samples_per_axis")}
    settings = {name: value for name, value in chosen.items() if value is not None}
    zoo, figures = load_zoo(), {}
    for name in options.names or TASKS:
        print(f"\n== {name}", flush=True)
        task = TASKS[name](zoo)
        task = task if options.four else task._replace(settings={})
        found = run(name, task, seed=options.seed, settings=settings)
        show(found)
        kept = ("about", "factors", "leakage", "redraw", "checks", "timings", "warnings")
        figures[name] = {key: found[key] for key in kept}
    write("real_networks", figures)


if __name__ == "__main__":
    main()
