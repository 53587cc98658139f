"""Where a fit without labels begins: are the directions of the output those of the model, or chance?

* `btcvae_celeba`, `btcvae_mnist`: decoders whose 10 latents were trained to be separate. The latents are turned at
  random first; then the cosine between each direction that the fit begins with and the nearest true latent is
  measured, over several turns, for `directions="output"`, for `"principal"`, and for directions drawn at random.
* `faces_dcgan`: how far six factors move the image over a traversal from −2 to 2 standard deviations (root mean square
  over pixels, as a share of the images' range), for the same two choices.

Only one step is taken, with a vanishing learning rate: what is measured is the beginning of the fit.

    INTERPRET_INN_REAL=… python tests/benchmarks/unsupervised_begin.py [--turns 5] [--latents 2000]
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import torch
from common import load_zoo, table, write
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.metrics.bootstrap import bootstrap_mean

BEGIN: dict[str, Any] = {"steps": 1, "learning_rate": 1e-9, "cache": None, "checkpoint": None}
TRAVERSED = 64


class Turned(nn.Module):
    """A VAE's decoder whose latents are turned by an orthogonal matrix (d, d) first."""

    def __init__(self, vae: nn.Module, turn: Tensor) -> None:
        super().__init__()
        self.vae = vae
        self.register_buffer("turn", turn)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (B, d) to images."""
        images: Tensor = self.vae.decode(latents @ self.turn)
        return images


def turn(size: int, seed: int) -> Tensor:
    """A random orthogonal matrix (size, size)."""
    drawn = torch.randn(size, size, generator=torch.Generator().manual_seed(seed))
    return torch.linalg.qr(drawn).Q


def begun(model: nn.Module, *, directions: str, latents: str, count: int, **options: Any) -> inn.Interpreter:
    """An interpreter whose fit has only begun."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter = inn.wrap(model, backbone="generator", latents=latents)
        data = interpreter.sample_inputs(count, seed=1)
        return interpreter.fit("unsupervised", data=data, directions=directions, **options, **BEGIN)


def axes_of(interpreter: inn.Interpreter) -> Tensor:
    """Unit vectors (K, d) along which the latents move when a factor's code does, one for each axis."""
    network, small = interpreter.fitted.network, 1e-2
    places = [
        at
        for factor in list(interpreter.factors)[:-1]
        for at in range(factor.start, factor.start + factor.size)
    ]
    codes = torch.zeros(len(places), len(network.whitening.mean))
    codes[torch.arange(len(places)), torch.tensor(places)] = small
    with torch.no_grad():
        moved = network.inverse(codes)[0] - network.inverse(-codes)[0]
    return nn.functional.normalize(moved, dim=1)


def nearest(directions: Tensor) -> np.ndarray:
    """Cosine of each direction (K, d) with the nearest of the d latents, float64 (K,)."""
    found: np.ndarray = directions.abs().amax(1).double().numpy()
    return found


def cosines(vae: nn.Module, name: str, *, turns: int, count: int) -> list[dict[str, Any]]:
    """One row for each way to begin."""
    rows = []
    for directions in ("output", "principal"):
        values, groups = [], []
        for seed in range(turns):
            turned = turn(10, seed)
            it = begun(Turned(vae, turned), directions=directions, latents="normal", count=count)
            found = nearest(axes_of(it) @ turned)
            values.append(found)
            groups.append(np.full(len(found), seed))
        rows.append(row(name, directions, np.concatenate(values), np.concatenate(groups)))
    drawn = torch.randn(10_000, 10, generator=torch.Generator().manual_seed(0))
    chance = nearest(nn.functional.normalize(drawn, dim=1))
    return [*rows, row(name, "random", chance, None)]


def traversals(model: nn.Module, *, count: int) -> list[dict[str, Any]]:
    """How far traversals along six factors move the image, one row for each way to begin, then their ratio."""
    found = {}
    for directions in ("output", "principal"):
        it = begun(model, directions=directions, latents="uniform", count=count, factors=6)
        inputs = it.sample_inputs(TRAVERSED, seed=2)
        low, high = it.backbone.value_range or (-1.0, 1.0)
        moved = []
        for factor in list(it.factors)[:-1]:
            ends = it.traverse(inputs, factor.name, [-2.0, 2.0])
            moved.append((ends[-1] - ends[0]).double().square().flatten(1).mean(1).sqrt() / (high - low))
        found[directions] = torch.stack(moved).mean(0).numpy()
    rows = [row("faces_dcgan", directions, values, None) for directions, values in found.items()]
    return [*rows, row("faces_dcgan", "output / principal", found["output"] / found["principal"], None)]


def row(model: str, directions: str, values: np.ndarray, groups: np.ndarray | None) -> dict[str, Any]:
    """The mean with its interval; directions of one turn, or latents, are drawn together."""
    score = bootstrap_mean(values, groups)
    return {
        "model": model, "directions": directions, "mean": score.value,
        "low": score.low, "high": score.high, "values": len(values),
    }  # fmt: skip


def main() -> None:
    """Prints both tables and writes the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--latents", type=int, default=2000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    zoo, began = load_zoo(), time.perf_counter()
    found: list[dict[str, Any]] = []
    for name in ("btcvae_celeba", "btcvae_mnist"):
        found += cosines(zoo.vae(name), name, turns=options.turns, count=options.latents)
    print("\nCosine with the nearest true latent\n" + table(found), flush=True)
    moved = traversals(zoo.faces_dcgan(), count=options.latents)
    print("\nChange of the image over a traversal\n" + table(moved))
    print(f"\n{time.perf_counter() - began:.0f} s")
    write("unsupervised_begin", {"cosines": found, "traversals": moved})


if __name__ == "__main__":
    main()
