"""What exploring costs: grids, traversals, samples, inversion, and the galleries of a report.

* `celeba`: the decoder of `btcvae_celeba` (64×64 colour images from 10 latents) as a generator;
* `celeba-autoencoder`: the whole network as an autoencoder, on images that it made itself (there are no
  CelebA images in the folder);
* `faces`: `faces_dcgan` (32×32 from 100 latents), with projection of 8 of its own images;
* `mobilenet`, `resnet`: what galleries add to the time of `explain`, at the last vector and, for the second,
  also inside, where there is no tail.

A swap grid of 8×8 pictures at 64 pixels must take less than 2 seconds, and galleries must not make explaining
a MobileNetV2 more than 15 % slower.

    INTERPRET_INN_REAL=… python tests/benchmarks/gallery_cost.py [celeba celeba-autoencoder faces mobilenet resnet]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import load_zoo, table, write
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn import explore, interpreter

SETTINGS: dict[str, Any] = {"steps": 150, "cache": None, "checkpoint": None}
CIFAR = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


class Decoder(nn.Module):
    """The second half of a VAE, by itself."""

    def __init__(self, vae: nn.Module) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.vae.decode(latents)
        return images


def seconds(run: Callable[[], Any], *, times: int = 5) -> dict[str, float]:
    """The first run and the median of those after it."""
    found = []
    for _ in range(times + 1):
        began = time.perf_counter()
        run()
        found.append(time.perf_counter() - began)
    return {"first": found[0], "median": statistics.median(found[1:])}


def labels_of(images: Tensor) -> dict[str, np.ndarray]:
    """Brightness in three classes, and warmth (red minus blue)."""
    bright = images.mean((1, 2, 3)).numpy()
    thirds = np.digitize(bright, np.quantile(bright, [1 / 3, 2 / 3]))
    return {
        "brightness": np.array(["dark", "medium", "light"])[thirds],
        "warmth": (images[:, 0] - images[:, 2]).mean((1, 2)).numpy(),
    }


def generator(model: nn.Module, **options: Any) -> tuple[inn.Interpreter, Any]:
    it = inn.wrap(model, backbone="generator", **options)
    latents = it.sample_inputs(1500, seed=1)
    return it.fit("labels", data=latents, labels=labels_of(it.run(latents)), **SETTINGS), latents


def celeba_autoencoder(zoo: Any) -> tuple[inn.Interpreter, Any]:
    vae = zoo.vae("btcvae_celeba")
    with torch.no_grad():
        images = vae.decode(torch.randn(1000, 10, generator=torch.Generator().manual_seed(1)))
    pictures = explore.to_pictures(images, value_range=(0, 1))
    it = inn.wrap(vae, backbone="autoencoder", value_range=(0, 1))
    return it.fit("labels", data=pictures, labels=labels_of(images), **SETTINGS), pictures


def exploring(it: inn.Interpreter, inputs: Any) -> dict[str, dict[str, float]]:
    """Seconds of each function, on the factor `brightness`."""
    eight, others = inputs[:8], inputs[8:16]
    grid = explore.swap_grid(it, "brightness", rows=eight, columns=others)
    found = {
        "swap grid 8×8": lambda: explore.swap_grid(it, "brightness", rows=eight, columns=others),
        "swap grid 8×8, hold": lambda: explore.swap_grid(
            it, "brightness", rows=eight, columns=others, hold=["warmth"]
        ),
        "traverse 8×9": lambda: explore.traverse(it, eight, "brightness"),
        "class traversal 8×9": lambda: explore.class_traversal(it, eight, "brightness"),
        "interpolation 8×9": lambda: explore.interpolate(it, eight, others),
        "random walk 8×24": lambda: explore.random_walk(it, eight, "brightness"),
        "sample 64": lambda: explore.sample(it, 64),
        "contact sheet 8×8": lambda: explore.contact_sheet(explore.to_pictures(grid)),
    }
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("gif", "webp"):
            path = Path(folder) / f"traversal.{ending}"
            found[f"{ending} of 8 frames"] = lambda path=path: explore.save_animation(grid, path)
        return {name: seconds(run) for name, run in found.items()}


def galleries(it: inn.Interpreter, inputs: Any) -> dict[str, float]:
    """Seconds of the processor for `explain` without and with galleries, the smaller of two each, by turns."""
    it.explain(inputs)
    real = interpreter.report_galleries
    times: dict[str, list[float]] = {"without": [], "with": []}
    try:
        for _ in range(2):
            for kind, chosen in (("without", lambda *_: ()), ("with", real)):
                interpreter.report_galleries = chosen
                began = time.process_time()  # of one thread: what others do on the machine does not count
                explanation = it.explain(inputs)
                times[kind].append(time.process_time() - began)
    finally:
        interpreter.report_galleries = real
    began = time.perf_counter()
    page = it.report(inputs).to_html() if explanation.galleries else ""
    least = {kind: min(values) for kind, values in times.items()}
    added = least["with"] / least["without"] - 1
    return least | {
        "added": added,
        "galleries": len(explanation.galleries),
        "page MB": len(page) / 1e6,
        "report": time.perf_counter() - began,
    }


def classifier(zoo: Any, name: str, site: str | None) -> tuple[inn.Interpreter, Any]:
    if name == "mobilenet":
        images, labels = zoo.images("imagenet")
        model, preprocess = zoo.imagenet_mobilenetv2(), {"mean": (0.5,) * 3, "std": (0.5,) * 3}
        kinds = np.where(labels < 398, "animal", "object")
    else:
        images, labels = zoo.images("cifar10")
        images, labels = images[:600], labels[:600]
        model, preprocess = zoo.cifar_resnet20(), CIFAR
        kinds = labels.astype(str)
    it = inn.wrap(model, site, preprocess=preprocess)
    bright = images.mean((1, 2, 3)) / 255
    return it.fit("labels", data=images, labels={"kind": kinds, "brightness": bright}, **SETTINGS), images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = ("celeba", "celeba-autoencoder", "faces", "mobilenet", "resnet")
    parser.add_argument("cases", nargs="*", default=known)
    cases = parser.parse_args().cases
    warnings.simplefilter("ignore", inn.InnWarning)
    zoo, figures = load_zoo(), {}
    for case in cases:
        print(f"\n{case}")
        if case in ("mobilenet", "resnet"):
            for site in (None, "layer3") if case == "resnet" else (None,):
                it, inputs = classifier(zoo, case, site)
                figures[f"{case} {it.backbone.address}"] = found = galleries(it, inputs)
                print(table([{"site": str(it.backbone.address)} | found]))
            continue
        if case == "celeba-autoencoder":
            it, inputs = celeba_autoencoder(zoo)
        elif case == "celeba":
            it, inputs = generator(Decoder(zoo.vae("btcvae_celeba")), latents="normal")
        else:
            it, inputs = generator(zoo.faces_dcgan(), latents="uniform")
        explored = exploring(it, inputs)
        print(table([{"what": name} | times for name, times in explored.items()]))
        figures[case] = explored | {"explain": galleries(it, inputs[:64])}
        print("\n" + table([figures[case]["explain"]]))
        if case == "faces":
            began = time.perf_counter()
            found = explore.project(it, it.run(it.sample_inputs(8, seed=99)))
            figures[case]["project 8"] = {
                "seconds": time.perf_counter() - began,
                "mean error": float(found.error.mean()),
                "largest error": float(found.error.max()),
            }
            print("\n" + table([figures[case]["project 8"]]))
    write("gallery_cost", figures)


if __name__ == "__main__":
    main()
