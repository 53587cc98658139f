"""Codes of frozen generators without labels: `simplicity` against raw latents and three baselines.

Generators: five VAEs of dSprites, a VAE of scenes that is trained here, a WGAN of digits and a DCGAN of faces, all at
their latents. Where the truth is known: FactorVAE score, DCI (random forest) and MIG of the codes of images, beside the
ceiling: a flow that is told all factors (`labels` with its own settings, fitted to the means of images; its codes are
scored by factor, those of all others by axis). And the control: latents that were turned before, so that no method can
profit from what a VAE's own axes mean. Else: traversal length of all axes, by pixels at every scale (which `simplicity`
shortens) and by structure, and how often a fresh recognizer tells steps along the ten longest axes apart. Every method
has the same latents. Mean and standard deviation over seeds; these also draw the images that DCI and MIG are of, but
the batches that vote for the FactorVAE score are the same in all seeds: its spread holds nothing of their choice.

Everything was tuned on `VAE` and `btcvae`; the other six are the test.

    INTERPRET_INN_REAL=… python tests/benchmarks/simplicity.py [--only VAE scenes …] [--seeds 0 1 2 3 4]

Figures of each fit are kept in `work/simplicity/`, so that a run that was stopped goes on where it was, and two that
run side by side share the work (`--only`).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import time
import warnings
from typing import Any

import numpy as np
import torch
from common import WORK, code_digest, table, write
from simplicity_cases import SEEDS, Case, Turned, cases, image_scores, truth_scores
from torch import Tensor

import interpret_inn as inn

FOLDER = WORK / "simplicity"
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "raw latents": ("directions", {"method": "latents"}),
    "GANSpace": ("directions", {"method": "ganspace"}),
    "SeFa": ("directions", {"method": "sefa"}),
    "LatentDiscovery": ("directions", {"method": "discovery"}),
    "simplicity, rotation": ("simplicity", {}),
    "simplicity, couplings": ("simplicity_couplings", {}),
}
CEILING, CONTROL = "told all factors", "simplicity, rotation, latents turned"
SCORES = ("FactorVAE", "DCI", "MIG", "TPL", "TPL structure", "recognized")
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
    if chosen.get("method") == "ganspace":
        chosen = chosen | {"layer": case.layer}
    interpreter.fit(source, data=interpreter.sample_inputs(4096, seed=seed), **chosen, **options)
    return interpreter, None


def measured(case: Case, method: str, seed: int) -> dict[str, float]:
    """Scores of one fit, and how long it took."""
    turn = torch.eye(1)
    if method == CONTROL:
        turned = Turned(case.generator, case.encoded["means"].shape[1])
        case, method, turn = dataclasses.replace(case, generator=turned), OWN[0], turned.turn
    began = time.perf_counter()
    interpreter, groups = fitted(case, method, seed)
    seconds = time.perf_counter() - began

    def code(means: Tensor) -> Tensor:
        # images of turned latents u are those of latents R u, so that means m stand at Rᵀ m
        return interpreter.translator.codes(means @ turn if len(turn) > 1 else means)[0]

    scores = image_scores(interpreter, seed) if case.truth is None else truth_scores(case, code, seed, groups)
    return scores | {"seconds": seconds}


def rows_of(name: str, case: Case, seeds: list[int]) -> list[dict[str, Any]]:
    """Figures of all methods and seeds; those in the working folder are read from there."""
    rows = []
    code = f"{code_digest('simplicity.py', 'simplicity_cases.py', 'scene_networks.py')}_{case.weights}"
    for seed in seeds:
        for method in [*METHODS, *([CEILING, CONTROL] if case.truth is not None else [])]:
            path = FOLDER / f"{name}_{method.replace(' ', '-')}_{seed}_{code}.json"
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
        texts = {key: spread(value) for key, value in values.items()}
        found.append({"generator": own[0]["generator"], "method": method} | texts)
    return found


def against(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Own methods less the raw latents and less the best baseline, seed by seed: mean ± standard deviation."""
    found = []
    for name in dict.fromkeys(row["generator"] for row in rows):
        here = [row for row in rows if row["generator"] == name]
        for key in (key for key in SCORES if key in here[0]):
            by_method = {
                method: np.array([row[key] for row in here if row["method"] == method]) for method in METHODS
            }
            sign = -1 if key.startswith("TPL") else 1
            rivals = [method for method in METHODS if method not in OWN]
            best = max(rivals, key=lambda method: sign * by_method[method].mean())
            for own in OWN:
                raw, rival = (by_method[own] - by_method[other] for other in ("raw latents", best))
                found.append(
                    {"generator": name, "method": own, "score": key, "own": float(by_method[own].mean()),
                     "less raw": spread(raw), "better on": f"{int((sign * raw > 0).sum())} of {len(raw)}",
                     "best baseline": best, "less best": spread(rival)}
                )  # fmt: skip
    return found


def spread(values: np.ndarray) -> str:
    """Mean and standard deviation."""
    return f"{values.mean():.3f} ± {values.std(ddof=1) if len(values) > 1 else np.nan:.3f}"


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
