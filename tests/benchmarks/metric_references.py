"""Scores of codes beside those that disentanglement_lib's own code gives for the same arrays.

The folder that INTERPRET_INN_REAL names holds two codes of five factors (`metrics/arrays.npz`), one clean and one
rotated, and the scores of the reference (`metrics/scores.json`).

    python tests/benchmarks/metric_references.py
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from common import real_folder, table, write

from interpret_inn.metrics import (
    dci,
    explicitness,
    factor_vae_score_of_batches,
    mig,
    modularity,
    mutual_information,
    sap,
)


def compared(arrays: dict[str, Any], known: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Name, reference and ours of every figure of one code."""
    train, factors = arrays["mus_train"], arrays["ys_train"]
    test = arrays["mus_test"], arrays["ys_test"]
    information = mutual_information(train, factors)
    yield "MIG", known["mig"], mig(train, factors).score.value
    yield "mutual information (8 × 5)", known["mutual_information"], information.mutual
    yield "entropy (5)", known["entropy"], information.entropy
    yield "modularity", known["modularity"], modularity(train, factors).score.value
    found = dci(train, factors, test=test)
    yield "DCI disentanglement", known["dci"]["disentanglement"], found.score.value
    yield "DCI completeness", known["dci"]["completeness"], found.further["completeness"].value
    yield "DCI informativeness", known["dci"]["informativeness_test"], found.further["informativeness"].value
    yield (
        "DCI informativeness (train)",
        known["dci"]["informativeness_train"],
        found.parts["informativeness_train"],
    )
    yield "DCI importance (8 × 5)", known["dci"]["importance"], found.parts["importance"]
    explicit = explicitness(train, factors, test=test)
    yield "explicitness", known["explicitness_test"], explicit.score.value
    yield "explicitness (train)", known["explicitness_train"], explicit.parts["train"]
    for kind in ("discrete", "continuous"):
        scored = sap(train, factors, kind=kind, test=test)
        yield f"SAP {kind}", known[f"sap_{kind}"]["score"], scored.score.value
        yield f"SAP {kind} (8 × 5)", known[f"sap_{kind}"]["matrix"], scored.parts["matrix"]
    voted = factor_vae_score_of_batches(
        arrays["fvae_batches"],
        arrays["fvae_factor_index"],
        variances=known["factor_vae"]["global_variances"],
    )
    yield "FactorVAE score", known["factor_vae"]["eval_accuracy"], voted.score.value
    yield "FactorVAE score (train)", known["factor_vae"]["train_accuracy"], voted.parts["train"]
    yield "FactorVAE votes (600)", arrays["fvae_argmin"], voted.parts["voted"]


def main() -> None:
    folder = real_folder() / "metrics"
    known = json.loads((folder / "scores.json").read_text())["cases"]
    arrays = np.load(folder / "arrays.npz")
    rows, begun = [], time.perf_counter()
    for code in ("clean", "rotated"):
        own = {name.removeprefix(f"{code}_"): arrays[name] for name in arrays.files if name.startswith(code)}
        for name, reference, ours in compared(own, known[code]):
            difference = float(np.abs(np.asarray(reference) - np.asarray(ours)).max())
            single = np.ndim(reference) == 0
            rows.append(
                {
                    "code": code,
                    "score": name,
                    "reference": float(reference) if single else "",
                    "ours": float(ours) if single else "",
                    "max difference": f"{difference:.1e}",
                }
            )
    print(table(rows))
    print(f"\n{time.perf_counter() - begun:.0f} s")
    write("metric_references", rows)


if __name__ == "__main__":
    main()
