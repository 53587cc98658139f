"""Factors from pairs that share one known factor, without values, against factors from all values.

Scenes with six known factors (`interpret_inn.datasets.Scenes`), and the variational autoencoder of them that
`scene_networks.py` trains. Each seed draws pairs that share one factor, as many for each of the six. The flow "pairs"
is told which images are pairs. "labels" (hues as angles, size and side as numbers) and "classes" (each value a class)
are told the values of all factors of the same images: the better of the two is the ceiling. For "shuffled" the second
images are exchanged at random. "raw" is the autoencoder's code as it is, one dimension by itself.

Tested on images and votes drawn anew, that no fit saw: DCI (random forest), MIG and FactorVAE score, of the factors'
slices of the code, the residual left out ("DCI, residual" counts it in as one more code). Figures of each fit are kept
in work/weak_labels/, so that a run that was stopped goes on.

    python tests/benchmarks/weak_labels.py [--seeds 0 1 2 3 4] [--site code] [--pairs 2000]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import time
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from common import WORK, code_digest, table, write
from scene_networks import trained_scene_vae
from torch import Tensor

import interpret_inn as inn
from interpret_inn.datasets import Scenes
from interpret_inn.metrics import dci, factor_vae_score_of_batches, mig

FOLDER = WORK / "weak_labels"
METHODS = ("pairs", "labels", "classes", "shuffled")
TEST_IMAGES, VOTES, BATCH, TRAINING_VOTES = 3_000, 700, 32, 400
SITES: Mapping[str, Mapping[str, Any]] = {
    "code": {"site": None, "sizes": {"hue": 2, "other": 1}},
    "hidden": {"site": "encoder.12", "sizes": {"hue": 2, "other": 2}},
}
"""Where the flow reads: the code, or the layer of 256 units before it; and how many axes hues and others get."""
SETTINGS: Mapping[str, Any] = {"steps": 1000, "noise": 0.1}
_AT_ONCE = 500
_HUES = ("floor hue", "wall hue", "object hue")


class Bench:
    """The network, and the test data: representations of images that are the same for all methods and seeds.

    Args:
        site: A name in `SITES`.
        pairs: Pairs of each factor to fit on.
    """

    def __init__(self, site: str, pairs: int) -> None:
        self.scenes, self.model = Scenes(), trained_scene_vae()
        self.site, self.pairs = site, pairs
        told = [site, self.wrapped().backbone.fingerprint(), TEST_IMAGES, VOTES, BATCH, TRAINING_VOTES]
        self.key = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]

    def wrapped(self) -> inn.Interpreter:
        """An interpreter at the site, not fitted."""
        return inn.wrap(self.model, SITES[self.site]["site"], backbone="autoencoder", value_range=(0, 1))

    @cached_property
    def test_data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Factors (N, 6), representations (N, D) and (V · B, D), and which factor is held in each batch (V,)."""
        latents = self.scenes.sample(TEST_IMAGES, seed=900_001)
        votes, held = self.scenes.votes(VOTES, BATCH, seed=900_002)
        path = FOLDER / f"test_{self.key}.npz"
        if not path.exists():
            print("drawing and encoding the test images", flush=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, rows=self.represent(latents), voted=self.represent(votes.reshape(-1, 6)))
        with np.load(path) as stored:
            return latents, stored["rows"], stored["voted"], held

    @torch.no_grad()
    def represent(self, latents: np.ndarray) -> np.ndarray:
        """What the site carries for images of these factors, float32 (N, D)."""
        backbone, found = self.wrapped().backbone, []
        for part in np.array_split(latents, max(1, len(latents) // _AT_ONCE)):
            with backbone.session():
                found.append(backbone.represent(backbone.prepare(self.scenes.drawn(part))).flatten(1))
        return torch.cat(found).numpy()

    def drawn(self, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Factors (N, 6) of the images of one seed, and which of them are pairs (n, 2), by factor."""
        halves: list[np.ndarray] = []
        indices = {}
        for number, name in enumerate(self.scenes.names):
            start = 2 * self.pairs * number
            halves += self.scenes.sharing(name, self.pairs, seed=1000 * seed + number)
            indices[name] = start + np.arange(2 * self.pairs).reshape(2, -1).T
        return np.concatenate(halves), indices


def source(bench: Bench, method: str, seed: int) -> Any:
    """The concept source of a method."""
    latents, indices = bench.drawn(seed)
    images = bench.scenes.drawn(latents)
    if method == "labels":
        values = bench.scenes.labels(latents)
        values |= {name: 2 * np.pi * values[name] for name in _HUES}
        kinds = dict.fromkeys(_HUES, "cyclic") | {"size": "numeric", "orientation": "numeric"}
        return inn.concept_source("labels", data=images, labels=values, kinds=kinds)
    if method == "classes":
        values = dict(zip(bench.scenes.names, latents.T, strict=True))
        kinds = dict.fromkeys(values, "categorical")
        return inn.concept_source("labels", data=images, labels=values, kinds=kinds)
    if method == "shuffled":
        random = np.random.default_rng(seed)
        indices = {name: np.c_[both[:, 0], random.permutation(both[:, 1])] for name, both in indices.items()}
    return inn.concept_source("pairs", data=images, indices=indices)


def fitted(bench: Bench, method: str, seed: int, settings: Mapping[str, Any]) -> inn.Interpreter:
    """A flow that was fitted by one method."""
    given = SITES[bench.site]["sizes"]
    sizes = {name: given["hue" if name in _HUES else "other"] for name in bench.scenes.names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        return bench.wrapped().fit(
            source(bench, method, seed), seed=seed, sizes=sizes, cache=FOLDER / "cache", checkpoint=FOLDER / "fits",
            **settings,
        )  # fmt: skip


@torch.no_grad()
def codes(interpreter: inn.Interpreter, rows: np.ndarray) -> np.ndarray:
    """Codes (N, D) of representations (N, D)."""
    parts: list[Tensor] = [interpreter.fitted.network(part)[0] for part in torch.from_numpy(rows).split(4096)]
    return torch.cat(parts).numpy()


def scores(
    rows: np.ndarray, voted: np.ndarray, bench: Bench, groups: Sequence[slice] | None
) -> dict[str, float]:
    """DCI, MIG and FactorVAE score of codes (N, D) and voted codes (V · B, D)."""
    latents, _, _, held = bench.test_data
    found = dci(rows, latents, estimator="forest", groups=groups)
    still = factor_vae_score_of_batches(
        voted.reshape(VOTES, BATCH, -1), held, variances=rows.var(0, ddof=1), groups=groups,
        test_share=1 - TRAINING_VOTES / VOTES,
    )  # fmt: skip
    return {
        "DCI": found.score.value,
        "completeness": found.further["completeness"].value,
        "informativeness": found.further["informativeness"].value,
        "MIG": mig(rows, latents, groups=groups).score.value,
        "FactorVAE": still.score.value,
    }


def measured(bench: Bench, method: str, seed: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of one method and seed; kept, and read where they lie already."""
    code = code_digest("weak_labels.py", "scene_networks.py")
    plan = json.dumps(
        [code, bench.key, SITES[bench.site], bench.pairs, dict(settings), method, seed], sort_keys=True
    )
    path = FOLDER / f"{hashlib.sha256(plan.encode()).hexdigest()[:16]}.json"
    if path.exists():
        known: dict[str, Any] = json.loads(path.read_text())["figures"]
        return known
    began = time.perf_counter()
    latents, rows, voted, _ = bench.test_data
    figures: dict[str, Any] = {"method": method, "seed": seed}
    if method == "raw":
        figures |= scores(rows, voted, bench, None)
    else:
        interpreter = fitted(bench, method, seed, settings)
        seconds = interpreter.fitted.record.seconds
        mine = [factor.slice for factor in interpreter.factors]
        coded = codes(interpreter, rows)
        figures |= scores(coded, codes(interpreter, voted), bench, mine[:-1])
        if mine[-1].stop - mine[-1].start <= 32:
            figures["DCI, residual"] = dci(coded, latents, estimator="forest", groups=mine).score.value
        figures["fit, s"] = round(seconds)
    figures["s"] = round(time.perf_counter() - began)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"plan": plan, "figures": figures}, indent=1))
    return figures


def summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Mean and standard deviation over seeds of each method's figures."""
    found = []
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        row = {"method": method, "seeds": str(len(mine))}
        for name in ("DCI", "DCI, residual", "completeness", "informativeness", "MIG", "FactorVAE", "fit, s"):
            values = np.array([one[name] for one in mine if name in one])
            spread = f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else ""
            row[name] = f"{values.mean():.3f}{spread}" if len(values) else ""
        found.append(row)
    return found


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--site", choices=list(SITES), default="code")
    parser.add_argument("--pairs", type=int, default=2000)
    for name, value in SETTINGS.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bench = Bench(options.site, options.pairs)
    settings = {name: getattr(options, name) for name in SETTINGS}
    rows = [measured(Bench("code", options.pairs), "raw", 0, {})]
    print(table(rows), flush=True)
    for seed in options.seeds:
        for method in options.methods:
            rows.append(measured(bench, method, seed, settings))
            print("\n" + table(rows[-1:]), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found = summary(rows)
    print("\n" + table(found) + f"\n\npeak memory {peak:.2f} GiB")
    write(f"weak_labels_{options.site}", {"settings": vars(options), "rows": rows, "summary": found})


if __name__ == "__main__":
    main()
