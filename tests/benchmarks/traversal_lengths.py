"""Traversal lengths against scores with the truth: five VAEs, and some turned codes of each.

Codes of graded quality: every VAE's latents, and the same turned by random rotations of growing size (the exponential
of a random antisymmetric matrix, scaled by 0.1 to 2); the same codes are traversed and scored. For each
distance the rank correlation of the length with DCI (by a random forest) and with the FactorVAE score, within each
VAE's codes and over all of them together; published, over hundreds of trained models with LPIPS: −0.719 and −0.596.

    INTERPRET_INN_REAL=… python tests/benchmarks/traversal_lengths.py [--turned 8] [--images 2000]

Every code's figures are kept in `work/traversal_lengths/`, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import torch
from common import WORK, code_digest, load_zoo, table, write
from scipy.stats import rankdata, spearmanr
from sprite_codes import NETWORKS, codes_of

from interpret_inn.datasets import Sprites
from interpret_inn.metrics import dci, factor_vae_score_of_batches, mig
from interpret_inn.metrics.traversals import (
    Distance,
    FeatureDistance,
    ms_ssim_distance,
    multi_scale_pixels,
    pixel_distance,
    tpl,
)

DISTANCES: dict[str, Distance] = {
    "pixels": pixel_distance,
    "scales": multi_scale_pixels,
    "structure": ms_ssim_distance,
}
VOTES, BATCH = 900, 64
STARTS, STEPS = 10, 24
SIZES = (0.1, 2.0)
RESAMPLES = 2_000


def add_features(zoo: Any) -> None:
    """Adds the distance by what a classifier of small photographs sees: three layers of its, all channels alike."""
    mean, std = (torch.tensor(of)[:, None, None] for of in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    def prepare(images: torch.Tensor) -> torch.Tensor:
        return (torch.nn.functional.avg_pool2d(images, 2).expand(-1, 3, -1, -1) - mean) / std

    DISTANCES["features"] = FeatureDistance(
        zoo.cifar_resnet20(), ["layer1", "layer2", "layer3"], prepare=prepare
    )


def rotations(count: int, *, seed: int) -> list[torch.Tensor]:
    """The identity, and rotations (10, 10) of growing size."""
    generator = torch.Generator().manual_seed(seed)
    found = [torch.eye(10)]
    for size in torch.linspace(*SIZES, count):
        drawn = torch.randn(10, 10, generator=generator)
        found.append(torch.matrix_exp(size * (drawn - drawn.T) / 10**0.5))
    return found


class Remembering:
    """A generator that makes the images of the same codes once, for all distances: traversals are the same in each."""

    def __init__(self, generate: Any) -> None:
        self._generate, self._made = generate, {}

    def __call__(self, codes: torch.Tensor) -> torch.Tensor:
        key = codes.numpy().tobytes()
        if key not in self._made:
            self._made[key] = self._generate(codes)
        return self._made[key]


def measured(network: Any, turn: torch.Tensor, codes: np.ndarray, factors: np.ndarray, voted: np.ndarray,
             held: np.ndarray) -> dict[str, float]:  # fmt: skip
    """Lengths and scores of one code, whose axes are the rows of `turn`."""
    turned, votes = codes @ turn.numpy().T, voted @ turn.numpy().T
    row = {
        "FactorVAE": factor_vae_score_of_batches(votes, held, variances=turned.var(0, ddof=1)).score.value,
        "DCI": dci(turned, factors, estimator="forest").score.value,
        "MIG": mig(turned, factors).score.value,
    }
    generate = Remembering(network.decode)
    for name, distance in DISTANCES.items():
        row[name] = tpl(generate, turn, distance=distance, starts=STARTS, steps=STEPS).score.value
    return row


def all_codes(turned: int, images: int) -> list[dict[str, Any]]:
    """Figures of every code; those that are in the working folder are read from there."""
    zoo, sprites, rows = load_zoo(), Sprites(), []
    add_features(zoo)
    folder = WORK / "traversal_lengths"
    folder.mkdir(parents=True, exist_ok=True)
    code = code_digest("traversal_lengths.py")
    latents = sprites.sample(images, seed=0)
    drawn, held = sprites.votes(VOTES, BATCH, seed=1)
    for name in NETWORKS:
        network, codes, voted = zoo.vae(f"{name}_dsprites"), None, None
        for number, turn in enumerate(rotations(turned, seed=0)):
            path = folder / f"{name}_{number}_{turned}_{images}_{code}.json"
            if not path.exists():
                if codes is None:
                    codes = codes_of(network, sprites, latents)
                    voted = codes_of(network, sprites, drawn.reshape(-1, 5)).reshape(VOTES, BATCH, -1)
                began = time.perf_counter()
                row = measured(network, turn, codes, latents, voted, held)
                path.write_text(json.dumps(row | {"seconds": time.perf_counter() - began}))
                print(name, number, {key: round(value, 3) for key, value in row.items()}, flush=True)
            rows.append({"network": name, "turned": number} | json.loads(path.read_text()))
    return rows


def correlation(rows: list[dict[str, Any]], length: str, score: str) -> str:
    """Spearman's, with the interval of codes drawn anew."""
    pair = np.array([[row[length], row[score]] for row in rows])
    chosen = np.random.default_rng(0).integers(len(pair), size=(RESAMPLES, len(pair)))
    ranks = rankdata(pair[chosen], axis=1)
    centred = ranks - ranks.mean(1, keepdims=True)
    spread = np.sqrt((centred**2).sum(1)).prod(-1)
    drawn = np.divide(centred.prod(-1).sum(1), spread, where=spread > 0, out=np.full(RESAMPLES, np.nan))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return f"{spearmanr(*pair.T)[0]:.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turned", type=int, default=8)
    parser.add_argument("--images", type=int, default=2_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = all_codes(options.turned, options.images)
    print(table([row for row in rows if row["turned"] == 0]))
    found = []
    for name in (*NETWORKS, "all"):
        chosen = [row for row in rows if name in ("all", row["network"])]
        found += [
            {"codes of": name, "distance": length}
            | {score: correlation(chosen, length, score) for score in ("DCI", "FactorVAE", "MIG")}
            for length in DISTANCES
        ]
    print(table(found))
    write("traversal_lengths", {"codes": rows, "correlations": found})


if __name__ == "__main__":
    main()
