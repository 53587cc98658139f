"""Scores of five VAEs that were trained on dSprites, on sprites drawn here, beside published ranges.

The codes are the means of the encoders. MIG, SAP and DCI of 10,000 images drawn at random (DCI by a random forest),
the FactorVAE score from 800 votes of 64 images to train on and 400 to test on. Images are kept nowhere.

    INTERPRET_INN_REAL=… python tests/benchmarks/sprite_codes.py [--images 10000]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from common import load_zoo, table, write

from interpret_inn.datasets import Sprites
from interpret_inn.metrics import CodeScore, dci, factor_vae_score_of_batches, mig, sap

NETWORKS = ("VAE", "betaB", "betaH", "btcvae", "factor")
VOTES, BATCH, TEST_VOTES = 800, 64, 400
RESAMPLES = 100
_AT_ONCE = 500
PUBLISHED = {"VAE": ".69", "betaB": ".74", "betaH": ".74", "btcvae": "", "factor": ".82"}
"""FactorVAE scores on dSprites as published for the method, other networks and other settings."""


@torch.no_grad()
def codes_of(network: Any, sprites: Sprites, latents: np.ndarray) -> np.ndarray:
    """Means of the encoder, float32 (N, 10), of images with factors (N, 5)."""
    found = []
    for part in np.array_split(latents, max(1, len(latents) // _AT_ONCE)):
        images = torch.from_numpy(sprites.drawn(part)).permute(0, 3, 1, 2).float() / 255
        found.append(network.encode(images)[0])
    return torch.cat(found).numpy()


def text(found: CodeScore) -> str:
    """A score with its interval, where it has one."""
    score = found.score
    return f"{score.value:.3f}" + ("" if np.isnan(score.low) else f" [{score.low:.3f}, {score.high:.3f}]")


def scores(codes: np.ndarray, factors: np.ndarray) -> dict[str, Any]:
    """MIG, SAP and DCI of codes (N, D) and factors (N, K)."""
    connected = dci(codes, factors, estimator="forest")
    return {
        "MIG": text(mig(codes, factors, resamples=RESAMPLES)),
        "SAP": text(sap(codes, factors, resamples=RESAMPLES)),
        "DCI": text(connected),
        "completeness": f"{connected.further['completeness'].value:.3f}",
        "informativeness": f"{connected.further['informativeness'].value:.3f}",
    }


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    zoo, sprites, rows = load_zoo(), Sprites(), []
    latents = sprites.sample(options.images, seed=0)
    votes, held = sprites.votes(VOTES + TEST_VOTES, BATCH, seed=1)
    for name in NETWORKS:
        began = time.perf_counter()
        network = zoo.vae(f"{name}_dsprites")
        codes = codes_of(network, sprites, latents)
        voted = codes_of(network, sprites, votes.reshape(-1, 5)).reshape(*votes.shape[:2], -1)
        factor = factor_vae_score_of_batches(
            voted,
            held,
            variances=codes.var(0, ddof=1),
            test_share=TEST_VOTES / len(held),
            resamples=RESAMPLES,
        )
        row = {"network": name, "FactorVAE": text(factor), "published": PUBLISHED[name]} | scores(
            codes, latents
        )
        rows.append(row | {"seconds": round(time.perf_counter() - began)})
        print(table(rows[-1:]), flush=True)
    print("\n" + table(rows))
    write("sprite_codes", {"images": options.images, "rows": rows})


if __name__ == "__main__":
    main()
