"""Reports of real generators and a real autoencoder, with pictures to look at.

The networks are those of the folder that `INTERPRET_INN_REAL` names. Cases:

* `faces`: a DCGAN of 32 × 32 faces, 100 latents, uniform; `unsupervised` at its latents.
* `faces-inside`: the same after its first layer, 4,096 numbers, where axes differ in variance.
* `digits`: a WGAN of MNIST digits, 64 normal latents; `unsupervised` at its latents.
* `digits-inside`: the same after its first block.
* `celeba`: the decoder of a β-TC-VAE of CelebA, 10 latents, taken as a generator.
* `vae`: the β-TC-VAE of MNIST as an autoencoder, at its code, on real digits.
* `vae-prior`: its decoder as a generator, on latents from the prior.
* `vae-labels`: the same decoder, its samples labelled by a classifier trained here on real digits.
* `digits-labels`, `digits-labels-30000`: the WGAN with labels of the same classifier, on 4,096 and on 30,000
  latents: how often edits leave the data depends on how many latents were drawn.

Each case prints time, round trip, and for each factor its size, how strongly the image answers, and how often edits
leave the data. Page, JSON and sheets of traversals and swaps are written into `work/generators/<case>/`.

    INTERPRET_INN_REAL=… python tests/benchmarks/real_generators.py [case …]
"""

from __future__ import annotations

import argparse
import dataclasses
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from common import WORK, load_zoo, table, write
from PIL import Image
from torch import Tensor, nn

import interpret_inn as inn

TEST_IMAGES = 2000
SHEET_FACTORS = 9
RESAMPLES = 8


class Decoder(nn.Module):
    """The decoder of a VAE as a generator."""

    def __init__(self, vae: nn.Module) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (B, 10) to images."""
        return self.vae.decode(latents)


@dataclasses.dataclass
class Case:
    """A network and how it is fitted."""

    model: Any
    site: str | None = None
    backbone: str = "generator"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    data: Any = None
    classifier: Callable[[Tensor], Tensor] | None = None
    samples: int = 4096


def digits(zoo: ModuleType) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's test images, 32 × 32, uint8, and their labels."""
    images, labels = zoo.images("mnist")
    return np.pad(images, ((0, 0), (2, 2), (2, 2))), labels


def digit_classifier(zoo: ModuleType) -> Callable[[Tensor], Tensor]:
    """Logits of 32 × 32 digits in [0, 1]; trained on 8,000 real digits, tested on the other 2,000; kept in work/."""
    net = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48 * 64, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10),
    )  # fmt: skip
    images, labels = digits(zoo)
    x, y = torch.from_numpy(images).float()[:, None] / 255, torch.from_numpy(labels)
    path = WORK / "generators" / "classifier.pt"
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(x), generator=generator)
    train, test = order[:-TEST_IMAGES], order[-TEST_IMAGES:]
    if path.exists():
        net.load_state_dict(torch.load(path, weights_only=True))
    else:
        _train(net, x[train], y[train], generator)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(net.state_dict(), path)
    net.eval().requires_grad_(False)
    print(f"the digit classifier is right on {float((net(x[test]).argmax(1) == y[test]).float().mean()):.1%}")
    return net


def _train(net: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator, epochs: int = 5) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for module in net.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        batches = [b for _ in range(epochs) for b in torch.randperm(len(x), generator=generator).split(128)]
        optimizer = torch.optim.AdamW(net.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=len(batches))
        for batch in batches:
            shift = torch.randint(-2, 3, (2,), generator=generator).tolist()
            loss = nn.functional.cross_entropy(net(x[batch].roll(shift, (2, 3))), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def cases(zoo: ModuleType) -> dict[str, Callable[[], Case]]:
    """All cases by name; nothing is built before it is asked for."""
    uniform = {"latents": "uniform"}

    def gan_digits(images: Tensor) -> Tensor:
        return digit_classifier(zoo)(nn.functional.pad(images, (2, 2, 2, 2), value=-1) / 2 + 0.5)

    return {
        "faces": lambda: Case(zoo.faces_dcgan(), options=uniform),
        "faces-inside": lambda: Case(
            zoo.faces_dcgan(), "generator_deconv.0", options={**uniform, "layout": "flat"}
        ),
        "digits": lambda: Case(zoo.mnist_wgan()),
        "digits-inside": lambda: Case(zoo.mnist_wgan(), "model.0", options={"layout": "flat"}),
        "celeba": lambda: Case(Decoder(zoo.vae("btcvae_celeba"))),
        "vae": lambda: Case(zoo.vae("btcvae_mnist"), backbone="autoencoder", data=digits(zoo)[0][:5000]),
        "vae-prior": lambda: Case(Decoder(zoo.vae("btcvae_mnist"))),
        "vae-labels": lambda: Case(Decoder(zoo.vae("btcvae_mnist")), classifier=digit_classifier(zoo)),
        "digits-labels": lambda: Case(zoo.mnist_wgan(), classifier=gan_digits),
        "digits-labels-30000": lambda: Case(zoo.mnist_wgan(), classifier=gan_digits, samples=30_000),
    }


def fitted(case: Case) -> tuple[inn.Interpreter, float]:
    """The fitted interpreter, and how long the fit took, in seconds."""
    interpreter = inn.wrap(case.model, case.site, backbone=case.backbone, **case.options)
    began = time.perf_counter()
    kept: dict[str, Any] = {"cache": None, "checkpoint": None}
    data = interpreter.sample_inputs(case.samples) if case.data is None else case.data
    if case.classifier is None:
        interpreter.fit("unsupervised", data=data, **kept)
    else:
        labels = interpreter.label(data, {"digit": case.classifier})
        interpreter.fit("labels", data=data, labels=labels, **kept)
    return interpreter, time.perf_counter() - began


def draw(interpreter: inn.Interpreter, case: Case, folder: Path) -> None:
    """Sheets of traversals (a row for each factor, two inputs) and of swaps of the strongest factor."""
    names = interpreter.factors.names[:SHEET_FACTORS]
    inputs = interpreter.sample_inputs(16, seed=9) if case.data is None else case.data[-16:]
    span = interpreter.backbone.value_range
    rows: list[list[Any]] = []
    for name in (*names, "residual") if "residual" not in names else names:
        traversed = inn.explore.traverse(interpreter, inputs[:2], name, steps=9)
        pictures = [list(inn.explore.to_pictures(traversed[:, i], value_range=span)) for i in range(2)]
        rows.append([name, *pictures[0], *pictures[1]])
    Image.fromarray(inn.explore.contact_sheet(rows)).save(folder / "traversals.png")
    for name in names[:2]:
        grid = inn.explore.swap_grid(interpreter, name, rows=inputs[:8], columns=inputs[8:16])
        cells = [list(inn.explore.to_pictures(row, value_range=span)) for row in grid]
        Image.fromarray(inn.explore.contact_sheet(cells)).save(folder / f"swaps {name}.png")


def run(name: str, case: Case) -> dict[str, Any]:
    """Fits, reports and draws one case; returns its figures."""
    folder = WORK / "generators" / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", inn.InnWarning)
        interpreter, seconds = fitted(case)
        began = time.perf_counter()
        report = interpreter.report(resamples=RESAMPLES)
        explaining = time.perf_counter() - began
    report.save(folder / "report.html")
    draw(interpreter, case, folder)
    found = report.to_dict()
    checks, redraw = found["checks"], found["redraw"]
    rows = [
        {"factor": f.name, "axes": f.size}
        | {text: redraw[f.name][key] for text, key in (("change", "change"), ("left data", "left_data"))}
        for f in interpreter.factors
    ]
    span = interpreter.backbone.value_range
    figures = {
        "site": str(interpreter.backbone.address), "value_range": span, "fit_s": seconds, "report_s": explaining,
        "round_trip_edited": checks["round_trip_edited"], "factors": rows,
        "notes": [str(warning.message) for warning in caught],
        "carried": {name: verdict["carried"]["holds"] for name, verdict in found["verdicts"].items()},
    }  # fmt: skip
    print(f"\n{name}: {interpreter.backbone.name} at {figures['site']}, images in {span}; fit {seconds:.0f} s, "
          f"report {explaining:.0f} s, round trip on edited codes {checks['round_trip_edited']:.1e}")  # fmt: skip
    print(table(rows[:6] + ([] if len(rows) <= 6 else rows[-1:])))
    for note in figures["notes"]:
        print("  note:", note)
    return figures


def main() -> None:
    """Runs the cases that are named, or all."""
    zoo = load_zoo()
    known = cases(zoo)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(known))
    chosen = parser.parse_args().cases or list(known)
    for name in chosen:
        if name not in known:
            parser.error(f"There is no case {name!r}. Choose from {', '.join(known)}.")
    write("real_generators", {name: run(name, known[name]()) for name in chosen})


if __name__ == "__main__":
    main()
