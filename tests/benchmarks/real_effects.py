"""Effects by labels, and by labels with a few pairs, against the truth, on real networks (`nuisance_networks.py`).

Each network is explained with images whose nuisance is independent of the class, at its last layer. Truth: how often
the prediction for these images changes when the nuisance alone is drawn anew with another value, all others being as
likely.

* *estimated*: from labels alone. Does its interval, from "at least" to "at most", hold the truth?
* *calibrated*: labels and 50 pairs of images that differ in the nuisance alone, four draws; where pairs deny it, the
  pairs alone count, as in `explain`. Beside it the same *pairs* alone.
* *shuffled*: labels of other images, of no effect. The interval of the estimate should begin at 0.

    INTERPRET_INN_REAL=… python tests/benchmarks/real_effects.py [resnet …] [--pairs 50]

Figures are kept in `work/real_effects.jsonl`; a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from common import WORK, code_digest, table, write
from nuisance_networks import (
    CHOOSING,
    NETWORKS,
    NUISANCES,
    images_of,
    network_of,
    sites_of,
)
from planted_networks import VALUES
from scipy.stats import binomtest, spearmanr
from torch import Generator, Tensor, nn

from interpret_inn.effects.calibrated import Reactions, calibrate
from interpret_inn.effects.estimate_records import effect_of_calibration, effect_of_estimate
from interpret_inn.effects.estimated import estimate
from interpret_inn.effects.labelled_layer import Labelled
from interpret_inn.effects.records import Effect
from interpret_inn.types import Concept, Score

PATH = WORK / "real_effects.jsonl"
CODE = code_digest("real_effects.py", "nuisance_networks.py")
DRAWS = 4


class Truth(NamedTuple):
    """All that is known of one nuisance.

    Attributes:
        layers: The last layer with each value, float64 (4, N, D).
        flips: Whether the prediction changes from each image's own value to each, bool (4, N).
        values: Each image's own, int64 (N,).
        classes: int64 (N,).
        groups: int64 (N,).
        head: The layers behind.
    """

    layers: np.ndarray
    flips: np.ndarray
    values: np.ndarray
    classes: np.ndarray
    groups: np.ndarray
    head: nn.Module

    @property
    def rate(self) -> float:
        """The true effect."""
        return float(self.flips[np.arange(VALUES)[:, None] != self.values].mean())

    def tail(self, rows: np.ndarray) -> Tensor:
        """Outputs from rows of the layer."""
        found: Tensor = self.head(torch.from_numpy(rows).float())
        return found

    def labelled(self, values: np.ndarray) -> Labelled:
        """Each image with its own value of the nuisance, as far as `values` are right."""
        layer = self.layers[self.values, np.arange(len(self.values))]
        names = tuple(map(str, range(int(self.classes.max()) + 1)))
        others = (Concept("class", "categorical", self.classes, names),)
        return Labelled(layer, nuisance(values), others, self.groups)


def nuisance(values: np.ndarray) -> Concept:
    """The concept."""
    return Concept("nuisance", "categorical", values, ("a", "b", "c", "d"))


def truth_of(name: str, model: nn.Module, which: str) -> Truth:
    """Runs all images with all values of a nuisance."""
    images, classes, groups = images_of(name)
    values = torch.randint(VALUES, classes.shape, generator=Generator().manual_seed(len(which)))
    head, layers, outputs = model.get_submodule(sites_of(name)[0].removesuffix(":in")), [], []
    for value in range(VALUES):
        caught: list[Tensor] = []
        handle = head.register_forward_pre_hook(lambda _, inputs, caught=caught: caught.append(inputs[0]))
        drawn = NUISANCES[which](images, value)
        outputs.append(torch.cat([model(part) for part in drawn.split(100)]))
        handle.remove()
        layers.append(torch.cat(caught).double())
    predicted = torch.stack(outputs).argmax(-1)
    flips = predicted != predicted.gather(0, values[None])
    return Truth(
        torch.stack(layers).numpy(), flips.numpy(), values.numpy(), classes.numpy(), groups.numpy(), head
    )


def main_score(effect: Effect) -> Score:
    """The figure in which all other values are as likely, as in the truth."""
    return effect.at.get("even", effect.main)


def estimated(truth: Truth, values: np.ndarray) -> dict[str, float]:
    """What labels alone tell."""
    data = truth.labelled(values)
    found = estimate(data, truth.tail, draws=50, permutations=10, signs=199)
    score = main_score(effect_of_estimate("nuisance", found, inputs=len(values), level=0.025))
    return {"value": score.value, "low": score.low, "high": score.high, "p": found.p}


def calibrated(truth: Truth, pairs: int, seed: int) -> dict[str, float]:
    """What labels and some pairs tell."""
    random = np.random.default_rng(seed)
    chosen = random.choice(len(truth.values), pairs, replace=False)
    own = truth.values[chosen]
    other = (own + random.integers(1, VALUES, pairs)) % VALUES
    reactions = Reactions(
        truth.layers[own, chosen], truth.layers[other, chosen], nuisance(own), nuisance(other),
        truth.groups[chosen],
    )  # fmt: skip
    alone = float(truth.flips[other, chosen].mean())
    found = calibrate(truth.labelled(truth.values), truth.tail, reactions, draws=30, seed=seed)
    if found is None:
        return {"value": alone, "low": alone, "high": alone, "pairs": alone, "denied": 1.0}
    score = main_score(effect_of_calibration("nuisance", found, inputs=pairs))
    return {"value": score.value, "low": score.low, "high": score.high, "pairs": alone, "denied": 0.0}


def measured(name: str, model: nn.Module, which: str, pairs: int) -> dict[str, Any]:
    """All figures of one condition."""
    truth = truth_of(name, model, which)
    shuffled = truth.values[np.random.default_rng(0).permutation(len(truth.values))]
    return {
        "network": name, "nuisance": which, "pairs": pairs, "truth": truth.rate,
        "estimated": estimated(truth, truth.values), "shuffled": estimated(truth, shuffled),
        "calibrated": [calibrated(truth, pairs, seed) for seed in range(DRAWS)],
    }  # fmt: skip


def held(found: Sequence[tuple[dict[str, float], float]]) -> str:
    """How many intervals hold the truth, with the binomial interval."""
    count = sum(one["low"] - 1e-9 <= truth <= one["high"] + 1e-9 for one, truth in found)
    ends = binomtest(count, len(found)).proportion_ci(0.95)
    return f"{count} of {len(found)} ({ends.low:.2f} to {ends.high:.2f})"


def summary(rows: Sequence[dict[str, Any]], which: str) -> list[dict[str, Any]]:
    """Lines of the table."""
    truth = np.array([row["truth"] for row in rows])
    labels = [(row["estimated"], row["truth"]) for row in rows]
    sure = [(one, row["truth"]) for row in rows for one in row["calibrated"] if not one["denied"]]
    every = [(one, row["truth"]) for row in rows for one in row["calibrated"]]
    lines = [("estimated", labels, labels), ("calibrated", every, sure)]
    found = [
        {
            "networks": which, "basis": basis, "n": len(all_), "mean truth": float(truth.mean()),
            "error": float(np.mean([abs(one["value"] - true) for one, true in all_])),
            "bias": float(np.mean([one["value"] - true for one, true in all_])),
            "rank": float(spearmanr(*zip(*[(one["value"], true) for one, true in all_], strict=True))[0]),
            "held": held(judged),
            "width": float(np.median([one["high"] - one["low"] for one, _ in judged])),
        }
        for basis, all_, judged in lines
    ]  # fmt: skip
    pairs = float(np.mean([abs(one["pairs"] - true) for one, true in every]))
    zero = sum(row["shuffled"]["low"] == 0 for row in rows)
    print(f"{which}: pairs alone err by {pairs:.3f}; shuffled labels begin at 0 in {zero} of {len(rows)}")
    return found


@torch.no_grad()
def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[], help="default: all networks")
    parser.add_argument("--pairs", type=int, default=50)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in PATH.read_text().splitlines()] if PATH.exists() else []
    rows = [row for row in rows if row["code"] == CODE and row["pairs"] == options.pairs]
    done = {(row["network"], row["nuisance"]) for row in rows}
    for name in options.names or NETWORKS:
        with torch.enable_grad():
            model = network_of(name)
        for which in NUISANCES:
            if (name, which) in done:
                continue
            rows.append(measured(name, model, which, options.pairs) | {"code": CODE})
            PATH.parent.mkdir(parents=True, exist_ok=True)
            with PATH.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            one = rows[-1]["estimated"]
            second = " ".join(f"{each['value']:.3f}" for each in rows[-1]["calibrated"])
            print(
                f"{name:24} {which:12} truth {rows[-1]['truth']:.3f}  estimated {one['value']:.3f} "
                f"[{one['low']:.3f}, {one['high']:.3f}]  calibrated {second}",
                flush=True,
            )
    lines = []
    for which, mine in (
        ("chosen on", [row for row in rows if row["network"] in CHOOSING]),
        ("test", [row for row in rows if row["network"] not in CHOOSING]),
    ):
        lines += summary(mine, which) if mine else []
    print(f"\n{table(lines)}")
    write("real_effects", {"rows": rows, "lines": lines})


if __name__ == "__main__":
    main()
