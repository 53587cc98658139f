"""An autoencoder and a flow as a generative model of MNIST digits.

The autoencoder (32 numbers) and everything else are trained on 5,000 images and slightly jittered copies of them; the
other 5,000 are only compared with. The distance (FID) is that of the features of a small classifier, and again of one
trained on Fashion-MNIST, so that no method is scored by what the digits' classifier alone looks at. Beside the flow
stand a Gaussian with full covariance and a mixture of ten Gaussians, fitted to the same codes.

    python tests/benchmarks/generative.py [--seeds 3]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from common import WORK, real_folder, table, write
from safetensors.torch import load_file, save_file
from sklearn.mixture import GaussianMixture
from torch import Generator, Tensor, nn
from torch.nn import functional

import interpret_inn as inn
from interpret_inn.metrics.frechet import frechet_distance

HALF, COPIES, WIDTH, DENOISE = 5_000, 7, 32, 2
# Few images for a density: a wide flow, held back by weight decay and a high noise floor.
SETTINGS = {
    "blocks": 8, "hidden": 256, "steps": 2500, "learning_rate": 2e-3, "weight_decay": 0.5, "noise": 0.2,
}  # fmt: skip


def images(name: str) -> tuple[Tensor, Tensor]:
    """All 10,000 images, float (N, 1, 28, 28), and labels, in one shuffled order."""
    with np.load(real_folder() / "images" / f"{name}.npz") as archive:
        found, labels = archive["images"], archive["labels"]
    order = torch.randperm(len(found), generator=Generator().manual_seed(0))
    return torch.from_numpy(found).float()[order, None] / 255, torch.from_numpy(labels.astype(np.int64))[
        order
    ]


def jittered(batch: Tensor, generator: Generator) -> Tensor:
    """Copies turned by up to 7°, scaled and sheared by up to 5 % and 8 %, shifted by up to half a pixel."""

    def drawn(most: float) -> Tensor:
        return (2 * torch.rand(len(batch), generator=generator) - 1) * most

    angle, size, shear = drawn(7 * math.pi / 180), 1 + drawn(0.05), drawn(0.08)
    rows = [
        torch.stack([angle.cos() * size, -angle.sin() * size + shear, drawn(0.5 / 14)], 1),
        torch.stack([angle.sin() * size, angle.cos() * size, drawn(0.5 / 14)], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), batch.shape, align_corners=False)
    return functional.grid_sample(batch, grid, mode="bicubic", align_corners=False).clamp(0, 1)


def _conv(inputs: int, outputs: int, stride: int) -> nn.Module:
    layers = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)
    return nn.Sequential(*layers)


class Classifier(nn.Module):
    """Digits or clothes, from 64 features."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _conv(1, 32, 2),
            _conv(32, 64, 2),
            _conv(64, 64, 1),
            nn.Flatten(),
            nn.Linear(3136, 64),
            nn.LeakyReLU(0.2),
        )
        self.head = nn.Linear(64, 10)

    def forward(self, batch: Tensor) -> Tensor:
        return self.head(self.features(2 * batch - 1))


class Autoencoder(nn.Module):
    """Images to 32 numbers and back."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            _conv(1, 32, 2), _conv(32, 64, 2), nn.Flatten(), nn.Linear(3136, 256), nn.LeakyReLU(0.2),
            nn.Linear(256, WIDTH),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(WIDTH, 256), nn.LeakyReLU(0.2), nn.Linear(256, 3136), nn.LeakyReLU(0.2),
            nn.Unflatten(1, (64, 7, 7)), nn.Upsample(scale_factor=2), _conv(64, 32, 1), nn.Upsample(scale_factor=2),
            _conv(32, 16, 1), nn.Conv2d(16, 1, 3, 1, 1), nn.Sigmoid(),
        )  # fmt: skip

    def encode(self, batch: Tensor) -> Tensor:
        return self.encoder(batch)

    def decode(self, code: Tensor) -> Tensor:
        return self.decoder(code)

    def forward(self, batch: Tensor) -> Tensor:
        return self.decoder(self.encoder(batch))


def trained(
    model: nn.Module, name: str, batches: Iterator[Any], loss: Any, *, steps: int, rate: float
) -> nn.Module:
    """The model, trained once and kept."""
    kept = WORK / f"generative_{name}.safetensors"
    if kept.exists():
        model.load_state_dict(load_file(kept))
        return model.eval().requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    model.train()
    for _ in range(steps):
        value = loss(model, next(batches))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
    WORK.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), kept)
    return model.eval().requires_grad_(False)


def drawn(*columns: Tensor, seed: int) -> Iterator[Any]:
    """Batches of 64, without end."""
    generator = Generator().manual_seed(seed)
    while True:
        places = torch.randint(len(columns[0]), (64,), generator=generator)
        yield tuple(column[places] for column in columns)


def classifier(name: str, *columns: Tensor) -> Classifier:
    torch.manual_seed(0)

    def loss(model: nn.Module, batch: Any) -> Tensor:
        return functional.cross_entropy(model(batch[0]), batch[1])

    return trained(Classifier(), name, drawn(*columns, seed=1), loss, steps=470, rate=4e-3)  # type: ignore[return-value]


def autoencoder(batch: Tensor) -> nn.Module:
    torch.manual_seed(0)

    def loss(model: nn.Module, batch: Any) -> Tensor:
        return functional.binary_cross_entropy(model(batch[0]), batch[0])

    return trained(Autoencoder(), f"autoencoder_{WIDTH}", drawn(batch, seed=2), loss, steps=3000, rate=3e-3)


def decoded(model: nn.Module, codes: Any) -> Tensor:
    with torch.no_grad():
        return torch.cat([model.decode(part) for part in torch.as_tensor(codes).float().split(500)])


def rivals(codes: np.ndarray, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Samples of the codes (N, 32) from a Gaussian and from a mixture of ten."""
    generator = np.random.default_rng(seed)
    yield "Gaussian in z", generator.multivariate_normal(codes.mean(0), np.cov(codes, rowvar=False), HALF)
    mixture = GaussianMixture(10, random_state=seed, max_iter=200).fit(codes)
    yield "mixture of ten in z", mixture.sample(HALF)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    digits, labels = images("mnist")
    known, unseen = digits[:HALF], digits[HALF:]
    generator = Generator().manual_seed(6)
    variants = torch.cat([known, *(jittered(known, generator) for _ in range(COPIES))])
    groups = np.tile(np.arange(HALF), COPIES + 1)
    networks = {
        "digits": classifier("digits", known, labels[:HALF]).features,
        "clothes": classifier("clothes", *images("fashion_mnist")).features,
    }
    model = autoencoder(variants)
    with torch.no_grad():
        codes = torch.cat([model.encode(part) for part in known.split(500)]).double().numpy()
        every = torch.cat([model.encode(part) for part in variants.split(500)]).double().numpy()
    rows: list[dict[str, Any]] = []

    def measure(name: str, made: Tensor, seed: int, seconds: float = math.nan) -> None:
        scores = {key: frechet_distance(unseen, made, features=net) for key, net in networks.items()}
        rows.append({"what": name, "seed": seed, "fit CPU s": round(seconds, 1), **scores})
        print(table(rows[-1:]), flush=True)

    measure("real images", known, 0)
    measure(
        "reconstructions of the unseen",
        decoded(model, torch.cat([model.encode(p) for p in unseen.split(500)])),
        0,
    )
    for seed in range(seeds):
        for where, some in (("", codes), (", jittered too", every)):
            for name, found in rivals(some, seed):
                measure(name + where, decoded(model, found), seed)
        interpreter = inn.wrap(model, preprocess="identity")
        began = time.process_time()  # the machine may have other work
        interpreter.fit("unsupervised", data=variants, groups=groups, seed=seed, **SETTINGS)
        seconds = time.process_time() - began
        for spread, denoise in (("normal", 0), ("normal", DENOISE), ("mixture", 0), ("mixture", DENOISE)):
            made = inn.explore.sample(interpreter, HALF, seed=seed, spread=spread, denoise=denoise)  # type: ignore[arg-type]
            cleaned = f", denoise={denoise}" if denoise else ""
            measure(f"flow, {spread}{cleaned}", made, seed, seconds)
            if not seed and denoise:
                sheet = inn.explore.contact_sheet(
                    inn.explore.to_pictures(made[:100]).reshape(10, 10, 28, 28, 3)
                )
                from PIL import Image

                Image.fromarray(sheet).save(WORK / f"generative_{spread}.png")
    names = list(dict.fromkeys(row["what"] for row in rows))
    summary = []
    for name in names:
        mine = [row for row in rows if row["what"] == name]
        line: dict[str, Any] = {"what": name, "fits": len(mine)}
        for key in networks:
            values = np.array([row[key] for row in mine])
            line[key] = f"{values.mean():.2f} ({values.min():.2f} to {values.max():.2f})"
        summary.append(line)
    print("\n" + table(summary))
    write("generative", {"rows": rows, "summary": summary, "settings": SETTINGS})


if __name__ == "__main__":
    main()
