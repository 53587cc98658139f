"""Scores of a trained run, with the truth and without, as JSON.

    python docs/examples/ps_sc/scores.py work/ps_sc

Codes are what the recognizer reads in drawn sprites. MIG and DCI (by a random forest) of 3,000 of them; the FactorVAE
score from 800 votes of 64 images to learn from and 400 to judge; TPL of the generator, with the published 24 steps and
10 starts. The same figures of a recognizer that was never trained say what comes for nothing.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import torch
from images import drawn
from networks import Generator, Recognizer
from train import CHECKPOINT, load

from interpret_inn.datasets import Sprites
from interpret_inn.metrics import dci, factor_vae_score_of_batches, mig
from interpret_inn.metrics.traversals import multi_scale_pixels, tpl

VOTES, BATCH, JUDGED = 1_200, 64, 400
RESAMPLES = 100
_AT_ONCE = 500


@torch.no_grad()
def codes_of(recognizer: Recognizer, sprites: Sprites, latents: np.ndarray) -> np.ndarray:
    """What the recognizer reads, float32 (N, K), in images with factors (N, 5)."""
    parts = np.array_split(latents, max(1, len(latents) // _AT_ONCE))
    return torch.cat([recognizer(drawn(sprites, part)) for part in parts]).numpy()


def with_truth(recognizer: Recognizer, *, images: int) -> dict[str, Any]:
    """FactorVAE score, MIG and DCI of the recognizer's codes, each [value, low, high] where it has an interval."""
    sprites = Sprites()
    latents = sprites.sample(images, seed=0)
    votes, held = sprites.votes(VOTES, BATCH, seed=1)
    codes = codes_of(recognizer, sprites, latents)
    voted = codes_of(recognizer, sprites, votes.reshape(-1, 5)).reshape(VOTES, BATCH, -1)
    factor = factor_vae_score_of_batches(
        voted, held, variances=codes.var(0, ddof=1), test_share=JUDGED / VOTES, resamples=RESAMPLES
    )
    connected = dci(codes, latents, estimator="forest")
    gap = mig(codes, latents, resamples=RESAMPLES)
    return {
        "FactorVAE": _numbers(factor.score),
        "MIG": _numbers(gap.score),
        "DCI": round(connected.score.value, 3),
        "completeness": round(connected.further["completeness"].value, 3),
        "informativeness": round(connected.further["informativeness"].value, 3),
        "importance of each latent for shape, scale, orientation, x, y": np.round(
            connected.parts["importance"], 2
        ).tolist(),
    }


@torch.no_grad()
def without_truth(
    generator: Generator, recognizer: Recognizer, *, starts: int = 10, images: int = 2_000
) -> dict[str, Any]:
    """TPL, and how well the recognizer reads back the latents of generated images."""
    lengths = tpl(generator, generator.latents, distance=multi_scale_pixels, starts=starts)
    latents = torch.randn(images, generator.latents, generator=torch.Generator().manual_seed(5))
    read = torch.cat([recognizer(generator(part)) for part in latents.split(_AT_ONCE)])
    correlation = [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(read.T, latents.T, strict=True)]
    return {
        "TPL": _numbers(lengths.score),
        "TPL of each latent": lengths.axes.round(3).tolist(),
        "active": lengths.active.tolist(),
        "correlation of each latent with what is read": np.round(correlation, 2).tolist(),
    }


def _numbers(score: Any) -> list[float]:
    return [round(float(value), 3) for value in (score.value, score.low, score.high)]


def main() -> None:
    """Measures, prints, and writes `RUN/scores.json`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="the folder that train.py wrote")
    parser.add_argument("--images", type=int, default=3_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    generator, recognizer = load(options.run / CHECKPOINT)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        untrained = Recognizer(generator.latents).requires_grad_(False)
    found = {
        "step": checkpoints.about(options.run / CHECKPOINT)["step"],
        **with_truth(recognizer, images=options.images),
        **without_truth(generator, recognizer),
        "untrained": with_truth(untrained, images=options.images),
        "seconds": round(time.perf_counter() - began),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    (options.run / "scores.json").write_text(json.dumps(found, indent=1))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
