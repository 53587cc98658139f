"""Images of known factors: how many a second, how like the originals, and whether trained networks know them.

* dSprites: intersection over union with the 12 originals.
* Five VAEs that were trained on the real dSprites: the error of their reconstruction of our images of the same factors
  beside that of the originals, in thousandths of a nat a pixel. Mirror images, for scale: they are sprites, too.

    INTERPRET_INN_REAL=… python tests/benchmarks/renderers.py
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from common import WORK, load_zoo, real_folder, table, write
from PIL import Image
from torch.nn import functional

from interpret_inn.datasets import KnownFactors, Scenes, Sprites

NETWORKS = ("VAE", "betaB", "betaH", "btcvae", "factor")
COUNT = 2_000


def speed(data: KnownFactors) -> dict[str, Any]:
    """Images a second, the first time and again."""
    latents = data.sample(COUNT, seed=0)
    row: dict[str, Any] = {"images": type(data).__name__}
    for name in ("first", "again"):
        began = time.perf_counter()
        data.drawn(latents)
        row[f"{name}: a second"] = round(COUNT / (time.perf_counter() - began))
    return row


def originals(sprites: Sprites) -> tuple[np.ndarray, np.ndarray]:
    """The 12 originals, and our images of the same factors, bool (12, 64, 64)."""
    stored = np.load(real_folder() / "images" / "dsprites_12.npz")
    known = stored["latents_values"][:, 1:]
    columns = [known[:, 0].astype(int) - 1]
    columns += [
        np.abs(sprites.values[name] - known[:, place, None]).argmin(1)
        for place, name in enumerate(sprites.names) if place
    ]  # fmt: skip
    return stored["imgs"] > 0, sprites.drawn(np.stack(columns, 1))[..., 0] > 0


def reconstructions(real: np.ndarray, ours: np.ndarray) -> list[dict[str, Any]]:
    """Cross entropy of reconstructions of originals, of ours and of their mirror images, in thousandths of a nat."""
    zoo, rows = load_zoo(), []
    batches = {"originals": real, "ours": ours, "ours, mirrored": ours[:, :, ::-1].copy()}
    for name in NETWORKS:
        network = zoo.vae(f"{name}_dsprites")
        row: dict[str, Any] = {"network": name}
        for title, images in batches.items():
            given = torch.from_numpy(images).float()[:, None]
            with torch.no_grad():
                found = network(given).clamp(1e-6, 1 - 1e-6)
            row[title] = 1000 * float(functional.binary_cross_entropy(found, given))
        rows.append(row)
    return rows


def sheet(data: KnownFactors) -> None:
    """Some images, to look at."""
    images = data.drawn(data.sample(40, seed=1))
    grid = images.reshape(5, 8, 64, 64, -1).swapaxes(1, 2).reshape(320, 512, -1)
    Image.fromarray(grid.squeeze()).save(WORK / f"renderers_{type(data).__name__.lower()}.png")


def main() -> None:
    """Measures and writes."""
    torch.set_num_threads(1)
    sprites, scenes = Sprites(), Scenes()
    speeds = [speed(sprites), speed(scenes)]
    print(table(speeds))
    real, ours = originals(sprites)
    overlap = (real & ours).sum((1, 2)) / (real | ours).sum((1, 2))
    print(f"intersection over union: mean {overlap.mean():.3f}, least {overlap.min():.3f}")
    print(np.round(overlap, 3).tolist())
    rows = reconstructions(real, ours)
    print(table(rows))
    for data in (sprites, scenes):
        sheet(data)
    write("renderers", {"speed": speeds, "overlap": overlap.tolist(), "reconstruction": rows})


if __name__ == "__main__":
    main()
