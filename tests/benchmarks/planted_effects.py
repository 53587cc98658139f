"""Effects by labels alone against the truth, on small networks with planted shortcuts (`planted_networks.py`).

Each network is explained with 900 images whose nuisance is independent of the class (*decorrelated*), and with 900 of
which 95 % have the class's own value (*correlated*), at its last layer. Truth: how often the prediction for these
images changes when the nuisance alone is drawn anew with another value, all others being as likely. Estimates are made
with the settings that `fit` and `explain` use. Beside them: *mean shift*, in three lines, the difference of the
layer's means adjusted for the class by least squares, and *at most*, the upper end.

    INTERPRET_INN_REAL=… python tests/benchmarks/planted_effects.py [--only fashion]

Figures of each network are kept in `work/planted_effects.jsonl`; a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from common import WORK, code_digest, table, write
from planted_networks import (
    CHOOSING,
    NETWORKS,
    Known,
    answers,
    drawn_values,
    flips,
    known,
    rendered,
    true_rate,
)
from scipy.stats import binomtest, spearmanr
from sklearn.metrics import roc_auc_score
from torch import Generator, Tensor

from interpret_inn.effects.estimate_records import effect_of_estimate
from interpret_inn.effects.estimated import Estimate, estimate
from interpret_inn.effects.labelled_layer import Labelled
from interpret_inn.effects.single_images import LEAST, named
from interpret_inn.types import Concept

DATA = {"decorrelated": 0.25, "correlated": 0.95}
STRONG = 0.10
PATH = WORK / "planted_effects.jsonl"
CODE = code_digest("planted_effects.py", "planted_networks.py")


def measured(network: Known, data: str, *, permuted: bool) -> dict[str, Any]:
    """What is estimated of one network, and what is true; `permuted`: values of other images, of no effect at all."""
    images, generator = network.parts.explained, Generator().manual_seed(network.name.seed + 7)
    values = drawn_values(images.classes, DATA[data], generator)
    changed = flips(answers(network.model, images, network.name.nuisance), values)
    layer = network.model[:10](rendered(images.pixels, values, network.name.nuisance)).double().numpy()
    told = values[torch.randperm(len(values), generator=generator)] if permuted else values
    own, other = (
        Concept(name, "categorical", column.numpy(), ("a", "b", "c", "d"))
        for name, column in (("nuisance", told), ("class", images.classes))
    )
    head = network.model[10]

    def tail(rows: np.ndarray) -> Tensor:
        return head(torch.from_numpy(rows).float())

    began = time.process_time()
    found = estimate(
        Labelled(layer, own, (other,), np.arange(len(layer))), tail, draws=50, permutations=10, signs=199
    )
    effect = effect_of_estimate("nuisance", found, inputs=len(layer), level=0.025)
    score = effect.at.get("even", effect.main)
    told_of = single_truths(found, changed.numpy(), values.numpy()) if effect.main.low >= LEAST else []
    return {
        "network": str(network.name), "data": data, "permuted": permuted,
        "truth": 0.0 if permuted else true_rate(changed, values), "estimate": score.value, "low": score.low,
        "high": score.high, "null": effect.null["flip_rate"], "p": effect.p,
        "mean shift": mean_shift(layer, told.numpy(), images.classes.numpy(), tail),
        "seconds": time.process_time() - began, "named": len(told_of), "named right": int(sum(told_of)),
    }  # fmt: skip


def single_truths(found: Estimate, changed: np.ndarray, values: np.ndarray) -> list[bool]:
    """Whether the decision changes in truth, for each image that would be named with some value."""
    chosen = named(found)
    images = np.flatnonzero(chosen >= 0)
    after = np.array([found.taken.others[chosen[image], image] for image in images], np.int64)
    return [bool(one) for one in changed[after, images]] if len(images) and len(values) else []


def mean_shift(layer: np.ndarray, values: np.ndarray, classes: np.ndarray, tail: Any) -> float:
    """Flips when the layer moves by the difference of its means, adjusted for the class."""
    columns = np.concatenate([np.eye(4)[classes], np.eye(4)[values][:, 1:]], 1)
    means = np.concatenate(
        [np.zeros((1, layer.shape[1])), np.linalg.lstsq(columns, layer, rcond=None)[0][4:]]
    )
    moved = [tail(np.maximum(layer + means[(values + k) % 4] - means[values], 0)) for k in (1, 2, 3)]
    before = tail(layer).argmax(1)
    return float(np.mean([(outputs.argmax(1) != before).double().mean() for outputs in moved]))


def summary(rows: Sequence[dict[str, Any]], data: str, which: str) -> dict[str, Any]:
    """One line of the table."""
    truth, found, rival = (
        np.array([row[key] for row in rows]) for key in ("truth", "estimate", "mean shift")
    )
    held = sum(row["low"] - 1e-9 <= row["truth"] <= row["high"] + 1e-9 for row in rows)
    ends = binomtest(held, len(rows)).proportion_ci(0.95)
    strong = truth > STRONG
    return {
        "networks": which, "data": data, "n": len(rows), "error": float(np.abs(found - truth).mean()),
        "mean shift": float(np.abs(rival - truth).mean()), "bias": float((found - truth).mean()),
        "rank": float(spearmanr(found, truth)[0]),
        "AUROC": float(roc_auc_score(strong, found)) if 0 < strong.sum() < len(rows) else float("nan"),
        "held": f"{held} ({ends.low:.2f} to {ends.high:.2f})",
        "width": float(np.median([row["high"] - row["low"] for row in rows])),
        "false alarms": sum(row["low"] > 0.05 > row["truth"] for row in rows),
        "named right": f"{sum(row['named right'] for row in rows)} of {sum(row['named'] for row in rows)}",
        "s": float(np.median([row["seconds"] for row in rows])),
    }  # fmt: skip


def stored() -> list[dict[str, Any]]:
    """Figures of this code that are there already."""
    if not PATH.exists():
        return []
    rows = [json.loads(line) for line in PATH.read_text().splitlines()]
    return [row for row in rows if row["code"] == CODE]


@torch.no_grad()
def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose name begins so")
    parser.add_argument("--permuted", action="store_true", help="the control: values of other images")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = stored()
    done = {(row["network"], row["data"], row["permuted"]) for row in rows}
    for network in known(tuple(each for each in NETWORKS if str(each).startswith(options.only))):
        for data in DATA:
            if (str(network.name), data, options.permuted) in done:
                continue
            rows.append(measured(network, data, permuted=options.permuted) | {"code": CODE})
            PATH.parent.mkdir(parents=True, exist_ok=True)
            with PATH.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            shown = " ".join(
                f"{key} {rows[-1][key]:.3f}" for key in ("truth", "estimate", "low", "high", "p")
            )
            print(f"{network.name!s:26} {data:13} {shown}", flush=True)
    choosing, lines = {str(each) for each in CHOOSING}, []
    for which in ("chosen on", "test"):
        for data in DATA:
            mine = [row for row in rows if row["data"] == data and row["permuted"] == options.permuted]
            mine = [row for row in mine if (row["network"] in choosing) == (which == "chosen on")]
            if mine:
                lines.append(summary(mine, data, which))
    print(f"\n{table(lines)}")
    write("planted_effects", {"rows": rows, "lines": lines})


if __name__ == "__main__":
    main()
