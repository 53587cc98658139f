"""Edits against the truth: does an edit of a layer give what the layer carries of a scene that was changed so?

The layers are those of `scenes-600` and its like in `rival_networks.py`: a small network of drawn scenes, whose six
factors are the concepts. Each of 400 scenes that no fit saw gets a donor, and is drawn again with the donor's value of
one factor. What the network carries of that picture is the truth that an edit is compared with, which exchanges the
factor's axes for the donor's.

* `error`: squared distance of the edit from the truth, as a share of the squared distance of the layer before the
  change from it: 1 is no edit at all. Sums over scenes.
* `swap`: agreement of what is read of the concept after the edit with what is read of the donor.
* `held`: agreement of what is read of the other concepts with what was read before. The row `truth` has both for the
  pictures drawn anew: readings that a line makes are not perfect, and a true change of one factor moves those of
  others too.

Read-outs are those of `linear_rivals.py`. Splits draw the scenes to fit on; the scenes to judge on are the same.

    python tests/benchmarks/true_edits.py [--rows scenes-600 factors-600] [--splits 5]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from common import table, write
from linear_rivals import counts_of, split_of, task_of
from rival_codes import METHODS, Code, fitted
from rival_measures import Reader, agreement, readers
from rival_networks import ROWS, layer_of_scenes

from interpret_inn.datasets import Scenes

Array = np.ndarray
JUDGED = 400


class Changed(NamedTuple):
    """What a layer carries of scenes, and of the same scenes with one factor of another.

    Attributes:
        before: float (N, D).
        donors: Which scene each takes the factor from, int (N,).
        after: By factor, float (N, D).
    """

    before: Array
    donors: Array
    after: dict[str, Array]


def changed(row: str) -> Changed:
    """Scenes that no fit sees, changed factor by factor."""
    scenes, everything = Scenes(), row.startswith("factors")
    latents = scenes.sample(JUDGED, seed=900_003)
    donors = np.roll(np.arange(JUDGED), 1)
    after = {}
    for place, name in enumerate(scenes.names):
        other = latents.copy()
        other[:, place] = latents[donors, place]
        after[name] = layer_of_scenes(other, everything=everything)
    return Changed(layer_of_scenes(latents, everything=everything), donors, after)


def of_edits(code: Code, told: Changed, read_by: dict[str, Reader]) -> dict[str, dict[str, float]]:
    """By concept, how edits of a method compare with the truth."""
    codes, found = code.encode(told.before), {}
    for name, truth in told.after.items():
        edited = codes.copy()
        edited[:, code.axes[name]] = codes[told.donors][:, code.axes[name]]
        rows = code.decode(edited)
        found[name] = {
            "error": float(((rows - truth) ** 2).sum() / ((told.before - truth) ** 2).sum()),
            **readings(rows, name, told, read_by),
        }
    return found


def readings(rows: Array, name: str, told: Changed, read_by: dict[str, Reader]) -> dict[str, float]:
    """What is read of a concept after a change, against the donor; and of the others, against before."""
    others = [one for other, one in read_by.items() if other != name]
    return {
        "swap": agreement(read_by[name](rows), read_by[name](told.before)[told.donors]),
        "held": float(np.mean([agreement(one(rows), one(told.before)) for one in others])),
    }


def measured(
    row: str, methods: Sequence[str], splits: int, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """One record for each split, method and concept."""
    task, told, found = task_of(row, permuted=False), changed(row), []
    for seed in range(splits):
        drawn = split_of(task.samples, counts_of(row, options), seed=seed)
        read_by = dict(readers(task, drawn.fresh))
        by_method = {
            method: of_edits(fitted(method, drawn.fit, task.head, seed=seed), told, read_by)
            for method in methods
        }
        by_method["truth"] = {
            name: {"error": 0.0, **readings(rows, name, told, read_by)} for name, rows in told.after.items()
        }
        for method, concepts in by_method.items():
            found += [
                {"method": method, "split": seed, "concept": name, **one} for name, one in concepts.items()
            ]
        print(f"{row}, split {seed}: done", flush=True)
    return found


def summary(found: Sequence[dict[str, Any]], by: str) -> list[dict[str, Any]]:
    """Means over splits (and concepts), with the standard error of splits' means for the error."""
    rows = []
    for key in dict.fromkeys(tuple(one[part] for part in by.split()) for one in found):
        mine = [one for one in found if tuple(one[part] for part in by.split()) == key]
        errors = [
            np.mean([one["error"] for one in mine if one["split"] == split])
            for split in {one["split"] for one in mine}
        ]
        means = {name: float(np.mean([one[name] for one in mine])) for name in ("error", "swap", "held")}
        spread = float(np.std(errors, ddof=1) / len(errors) ** 0.5) if len(errors) > 1 else float("nan")
        rows.append(dict(zip(by.split(), key, strict=True)) | {"error": means["error"], "±": spread} | means)
    return rows


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    scenes = [row for row in ROWS if row.startswith(("scenes", "factors"))]
    parser.add_argument("--rows", nargs="+", choices=scenes, default=scenes)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--splits", type=int, default=5)
    options = parser.parse_args()
    options.fit = options.judge = 1500
    torch.set_num_threads(1)
    figures = {}
    for row in options.rows:
        figures[row] = measured(row, options.methods, options.splits, options)
        for by in ("concept method", "method"):
            print(f"\n== {row}\n{table(summary(figures[row], by))}", flush=True)
    write("true_edits", figures)


if __name__ == "__main__":
    main()
