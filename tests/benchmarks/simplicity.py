"""Codes of frozen generators without labels: `simplicity` against raw latents and three baselines.

Generators: five VAEs of dSprites, a VAE of scenes that is trained here, a WGAN of digits and a DCGAN of faces, all at
their latents. Where the truth is known: FactorVAE score, DCI (random forest) and MIG of the codes of images, beside the
ceiling, the same flow told all factors (`labels`; its codes are scored by factor, those of all others by axis). Else:
traversal length of all axes, by pixels at every scale and by structure, and how often a fresh recognizer tells steps
along the ten longest axes apart. Every method has the same latents, five seeds: mean and standard deviation.

Everything was tuned on `VAE` and `btcvae`; the other six are the test.

    INTERPRET_INN_REAL=… python tests/benchmarks/simplicity.py [--only VAE scenes …] [--seeds 0 1 2 3 4]

Figures of each fit are kept in `work/simplicity/`, so that a run that was stopped goes on where it was, and two that
run side by side share the work (`--only`).
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import warnings
from typing import Any

import numpy as np
import torch
from common import WORK, table, write
from simplicity_cases import SEEDS, Case, cases, image_scores, truth_scores
from torch import Tensor

import interpret_inn as inn

FOLDER = WORK / "simplicity"
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "raw latents": ("directions", {"method": "latents"}),
    "GANSpace": ("directions", {"method": "ganspace"}),
    "SeFa": ("directions", {"method": "sefa"}),
    "LatentDiscovery": ("directions", {"method": "discovery"}),
    "simplicity, rotation": ("simplicity", {"flow": "rotation"}),
    "simplicity, couplings": ("simplicity", {"flow": "couplings"}),
}
CEILING = "told all factors"
OWN = ("simplicity, rotation", "simplicity, couplings")


def fitted(case: Case, method: str, seed: int) -> tuple[inn.Interpreter, Any]:
    """A fit, and the groups of axes that its codes are scored by."""
    interpreter = case.interpreter()
    options: dict[str, Any] = {"seed": seed, "cache": None, "checkpoint": None}
    if method == CEILING:
        means, values, kinds = case.labels()
        interpreter.fit("labels", data=means, labels=values, kinds=kinds, **options)
        return interpreter, [factor.slice for factor in interpreter.factors]
    source, chosen = METHODS[method]
    data = interpreter.sample_inputs(4096, seed=seed)
    if chosen.get("method") == "ganspace":
        chosen = chosen | {"layer": case.layer}
    if source == "directions":
        chosen = chosen | {"factors": min(10, data[0].numel() - 1)}
    made = inn.concept_source(source, data=data, **{"seed": seed}, **chosen)
    interpreter.fit(made, **options)
    return interpreter, None


def measured(case: Case, method: str, seed: int) -> dict[str, float]:
    """Scores of one fit, and how long it took."""
    began = time.perf_counter()
    interpreter, groups = fitted(case, method, seed)
    seconds = time.perf_counter() - began

    def code(means: Tensor) -> Tensor:
        return interpreter.bench.codes(means)[0]

    scores = image_scores(interpreter, seed) if case.truth is None else truth_scores(case, code, seed, groups)
    return scores | {"seconds": seconds}


def rows_of(name: str, case: Case, seeds: list[int]) -> list[dict[str, Any]]:
    """Figures of all methods and seeds; those in the working folder are read from there."""
    rows = []
    for seed in seeds:
        for method in [*METHODS, *([CEILING] if case.truth is not None else [])]:
            path = FOLDER / f"{name}_{method.replace(' ', '-')}_{seed}.json"
            if not path.exists():
                found = measured(case, method, seed)
                path.write_text(json.dumps(found))
                print(name, method, seed, {key: round(value, 3) for key, value in found.items()}, flush=True)
            rows.append({"generator": name, "method": method, "seed": seed} | json.loads(path.read_text()))
    return rows


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard deviation over seeds, a row for each method."""
    found = []
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        keys = [key for key in own[0] if key not in ("generator", "method", "seed")]
        values = {key: np.array([row[key] for row in own]) for key in keys}
        texts = {
            key: f"{value.mean():.3f} ± {value.std(ddof=1) if len(value) > 1 else np.nan:.3f}"
            for key, value in values.items()
        }
        found.append({"generator": own[0]["generator"], "method": method} | texts)
    return found


def against(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Own methods less the raw latents and less the best baseline, means over seeds; TPL by ratio."""
    found = []
    for name in dict.fromkeys(row["generator"] for row in rows):
        here = [row for row in rows if row["generator"] == name]
        keys = [
            key for key in ("FactorVAE", "DCI", "MIG", "TPL", "TPL structure", "recognized") if key in here[0]
        ]
        means = {
            method: {key: np.mean([row[key] for row in here if row["method"] == method]) for key in keys}
            for method in METHODS
        }
        for own in OWN:
            for key in keys:
                better = min if key.startswith("TPL") else max
                rivals = {method: means[method][key] for method in METHODS if method not in OWN}
                best = better(rivals, key=rivals.__getitem__)
                found.append(
                    {"generator": name, "method": own, "score": key, "own": float(means[own][key]),
                     "raw": float(means["raw latents"][key]),
                     "less raw": float(means[own][key] - means["raw latents"][key]),
                     "best baseline": best, "less best": float(means[own][key] - rivals[best])}
                )  # fmt: skip
    return found


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = cases()
    parser.add_argument("--only", nargs="+", choices=list(known), default=list(known))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(SEEDS)))
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", inn.InnWarning)
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in options.only:
        here = rows_of(name, known[name](), options.seeds)
        print("\n" + table(summary(here)), flush=True)
        rows += here
    print("\n" + table(against(rows)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory: {peak:.0f} MiB")
    write("simplicity", {"rows": rows, "against": against(rows), "peak MiB": peak})


if __name__ == "__main__":
    main()
