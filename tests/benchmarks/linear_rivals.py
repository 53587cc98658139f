"""The flow against linear methods on small real data: what the couplings bring, and what they cost.

Tasks are in `rival_networks.py`, methods in `rival_codes.py`, measures in `rival_measures.py`. Each split draws samples
to fit on (of which the library trains on 70 %), samples to judge on, and fresh samples that neither has, as many as the
fit trains on (`mobilenet`: 50 groups to its 70). Probes are trained twice: on the rows that the fit trained on, and on
the fresh rows, as a code can be fitted to its own rows. All are scored on the samples to judge on.

* `own`: what probes read of a concept from its own axes; `rest`: from all other axes. Accuracy of classes, R² of
  numbers and angles, by a line, a small network and a kernel.
* `swap`, `swap apart`, `held`, `left`: of edits; see `rival_measures.swapped`. Numbers and angles are read by a ridge
  regression from the layer's fresh rows, and compared by correlation; a read-out from the rows that erasure saw would
  be erasure's own direction.
* `trip`: largest error of a round trip, in units of the layer's root mean variance per axis; `fit, s`: processor time.
* `sum`: over concepts, own less what rest tells above guessing.

Differences are those of a method from the best of `rotation`, `erasure` and `pca` (in the mean over splits), split by
split; they are called level within one standard error. Splits draw from the same samples and overlap, so that this
error is that of the draw of samples and not of the data set. Figures of each split are kept in work/linear_rivals/, so
that a run that was stopped goes on. With `--permuted`, values of each concept are exchanged among all samples at
random, and no probe should read anything.

    INTERPRET_INN_REAL=… python tests/benchmarks/linear_rivals.py [--rows resnet mobilenet] [--splits 5] [--fit 1500]
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from common import code_digest, table, write
from rival_codes import LIBRARY, METHODS, Code, fitted, parts_of
from rival_measures import PROBES, NearData, chance, read, readers, swapped
from rival_networks import FOLDER, ROWS, Samples, Task

Array = np.ndarray
Figures = Mapping[str, Any]
CODE = code_digest(
    "linear_rivals.py", "rival_codes.py", "rival_measures.py", "rival_networks.py", "real_networks.py"
)
RIVALS = ("rotation", "erasure", "pca")
EDITS = ("swap", "swap apart", "held", "left")
SETS = {"fitted": "", "fresh": "fresh "}
"""Rows that probes learn from, and what stands before the names of their figures."""
LOWER = ("rest", "left", "trip", "fit, s")
"""Measures of which less is better."""


class Split(NamedTuple):
    """Samples of one split, no two with a sample (or a group) in common."""

    fit: Samples
    judge: Samples
    fresh: Samples


@cache
def task_of(row: str, *, permuted: bool) -> Task:
    """The task of a row, made once; `permuted`: with values that belong to other samples."""
    task = ROWS[row][0]()
    if not permuted:
        return task
    random, samples = np.random.default_rng(0), task.samples
    concepts = tuple(concept.at(random.permutation(len(samples.z))) for concept in samples.concepts)
    return task._replace(samples=samples._replace(concepts=concepts))


def split_of(samples: Samples, counts: Mapping[str, int], *, seed: int) -> Split:
    """Draws the samples of a split; `counts` are of groups, if there are any."""
    members = np.arange(len(samples.z)) if samples.groups is None else samples.groups
    order = np.random.default_rng(1000 + seed).permutation(np.unique(members))
    ends = np.cumsum([counts["fit"], counts["judge"], counts["fresh"]])
    if ends[-1] > len(order):
        raise SystemExit(f"There are {len(order)} samples (groups) to draw from, not {ends[-1]}.")
    drawn = np.split(order[: ends[-1]], ends[:-1])
    return Split(*(samples.at(np.flatnonzero(np.isin(members, chosen))) for chosen in drawn))


def counts_of(row: str, options: argparse.Namespace) -> dict[str, int]:
    """How many samples (groups) a split of a row has."""
    given = {"fit": options.fit, "judge": options.judge}
    chosen = given | ROWS[row][1]
    return {"fresh": round(0.7 * chosen["fit"])} | chosen


# --- one split ----------------------------------------------------------------------------------------


def measured(
    row: str, method: str, seed: int, counts: Mapping[str, int], *, permuted: bool, sets: Sequence[str]
) -> Figures:
    """Figures of one method on one split; kept, and read where they lie already."""
    told = LIBRARY.get(method, method)  # two methods with the same settings are the same
    plan = json.dumps([CODE, row, told, seed, dict(counts), permuted, sorted(sets)], sort_keys=True)
    path = FOLDER / f"{row}_{seed}_{hashlib.sha256(plan.encode()).hexdigest()[:16]}.json"
    if path.exists():
        known: Figures = json.loads(path.read_text())["figures"]
        return {**known, "method": method}
    task = task_of(row, permuted=permuted)
    drawn = split_of(task.samples, counts, seed=seed)
    code = fitted(method, drawn.fit, task.head, seed=seed)
    figures = {"row": row, "method": method, "split": seed} | judged(
        task, drawn, code, seed=seed, chosen=sets
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"plan": plan, "figures": figures}, indent=1))
    return figures


def judged(task: Task, drawn: Split, code: Code, *, seed: int, chosen: Sequence[str]) -> dict[str, Any]:
    """All measures of a code, by probes that learn from the chosen sets of rows."""
    train, judge = parts_of(drawn.fit, seed=seed).train, drawn.judge
    sets = {SETS[name]: {"fitted": train, "fresh": drawn.fresh}[name] for name in chosen}
    codes = {before: code.encode(samples.z) for before, samples in sets.items()}
    test, near, read_by = code.encode(judge.z), NearData(train.z, judge.z), readers(task, drawn.fresh)
    concepts = {}
    for place, truth in enumerate(judge.concepts):
        own = code.axes[truth.name]
        sides = {"own": own, "rest": np.setdiff1d(np.arange(test.shape[1]), own)}
        found = {"chance": chance(truth), "size": len(own)}
        for before, samples in sets.items():
            for side, axes in sides.items():
                told = read(
                    codes[before][:, axes], test[:, axes], samples.concepts[place], truth, samples.groups
                )
                found |= {f"{before}{side} {probe}": value for probe, value in told.items()}
        concepts[truth.name] = found | swapped(code, truth.name, task, judge, read_by, near, seed=seed)
    unit = float(np.sqrt(train.z.var(0).mean()))
    whole = {
        "trip": float(np.abs(code.decode(test) - judge.z).max()) / unit,
        "fit, s": code.seconds,
        **{
            f"{before}sum {probe}": sum(_apart(one, before, probe) for one in concepts.values())
            for before in sets
            for probe in PROBES
        },
    }
    return {"concepts": concepts, "whole": whole, "about": dict(code.about)}


def _apart(found: Mapping[str, float], before: str, probe: str) -> float:
    """Own less what rest tells above guessing."""
    return found[f"{before}own {probe}"] - max(found[f"{before}rest {probe}"] - found["chance"], 0.0)


# --- all splits ---------------------------------------------------------------------------------------


def concept_rows(found: Sequence[Figures], before: str) -> list[dict[str, str]]:
    """Means over splits of what probes read of each concept (line/network/kernel), and of its edits."""
    rows = []
    for name in found[0]["concepts"]:
        for method in dict.fromkeys(one["method"] for one in found):
            mine = [one["concepts"][name] for one in found if one["method"] == method]
            row = {"concept": name, "method": method, "splits": str(len(mine))}
            row |= {key: f"{_mean(mine, key):.2f}" for key in ("chance", "size")}
            for side in ("own", "rest"):
                told = [f"{_mean(mine, f'{before}{side} {probe}'):.3f}" for probe in PROBES]
                row[before + side] = "/".join(told)
            rows.append(row | {key: f"{_mean(mine, key):.3f}" for key in EDITS})
    return rows


def whole_rows(found: Sequence[Figures]) -> list[dict[str, Any]]:
    """Means over splits of what is of a whole code."""
    rows = []
    for method in dict.fromkeys(one["method"] for one in found):
        mine = [one["whole"] for one in found if one["method"] == method]
        rows.append({"method": method} | {key: _mean(mine, key) for key in mine[0]})
    return rows


def _mean(found: Sequence[Mapping[str, float]], key: str) -> float:
    return float(np.mean([one[key] for one in found]))


def by_measure(one: Figures) -> dict[str, float]:
    """Each measure of a split as one number: means over concepts, rest as what it tells above guessing."""
    concepts = list(one["concepts"].values())
    found = {}
    for before in (before for before in SETS.values() if f"{before}own line" in concepts[0]):
        for probe in PROBES:
            found[f"{before}own {probe}"] = _mean(concepts, f"{before}own {probe}")
            rest = [max(c[f"{before}rest {probe}"] - c["chance"], 0.0) for c in concepts]
            found[f"{before}rest {probe}"] = float(np.mean(rest))
    return found | {key: _mean(concepts, key) for key in EDITS} | dict(one["whole"])


def differences(found: Sequence[Figures], method: str) -> list[dict[str, Any]]:
    """A method less the best of its rivals, by measure: mean and standard error of the splits' differences."""
    values: dict[str, dict[int, dict[str, float]]] = {}
    for one in found:
        values.setdefault(one["method"], {})[one["split"]] = by_measure(one)
    rivals = [rival for rival in RIVALS if rival in values]
    if method not in values or not rivals:
        return []
    splits = sorted(set.intersection(*(set(values[name]) for name in (method, *rivals))))
    rows = []
    for measure in by_measure(found[0]):
        less = any(word in measure for word in LOWER)
        means = {name: np.mean([values[name][split][measure] for split in splits]) for name in rivals}
        best = min(means, key=lambda name: means[name] if less else -means[name])
        apart = np.array([values[method][split][measure] - values[best][split][measure] for split in splits])
        error = float(apart.std(ddof=1) / len(apart) ** 0.5) if len(apart) > 1 else float("nan")
        mine = float(np.mean([values[method][split][measure] for split in splits]))
        rows.append(
            {"measure": measure, method: mine, "best rival": best, "rival": float(means[best])}
            | {
                "difference": float(apart.mean()),
                "error": error,
                "": _verdict(float(apart.mean()), error, less),
            }
        )
    return rows


def _verdict(difference: float, error: float, less: bool) -> str:
    if not np.isfinite(difference) or not np.isfinite(error):
        return "not told"
    if abs(difference) <= error:
        return "level"
    return "better" if (difference < 0) == less else "worse"


def show(row: str, found: Sequence[Figures]) -> dict[str, Any]:
    """Prints the tables of a row, and returns them."""
    tables: dict[str, Any] = {
        f"probes on {name} rows": concept_rows(found, before)
        for name, before in SETS.items()
        if f"{before}sum line" in found[0]["whole"]
    }
    tables["whole codes"] = whole_rows(found)
    for method in ("default", "joint"):
        tables[f"{method} less the best rival"] = differences(found, method)
    for name, rows in tables.items():
        print(f"\n== {row}: {name}\n{table(rows)}", flush=True)
    return tables


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="number (and seed) of the first split")
    parser.add_argument("--fit", type=int, default=1500, help="samples to fit on, where a row does not say")
    parser.add_argument(
        "--judge", type=int, default=1500, help="samples to judge on, where a row does not say"
    )
    parser.add_argument(
        "--sets", nargs="+", choices=SETS, default=list(SETS), help="rows that probes learn from"
    )
    parser.add_argument("--permuted", action="store_true", help="the control: values of other samples")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, Any] = {}
    for row in options.rows:
        counts, found = counts_of(row, options), []
        for split in range(options.first, options.first + options.splits):
            for method in options.methods:
                found.append(
                    measured(row, method, split, counts, permuted=options.permuted, sets=options.sets)
                )
                print(
                    f"{row}, split {split}, {method}: {found[-1]['whole']} {found[-1]['about']}", flush=True
                )
        figures[row] = {"counts": counts, "splits": found, "tables": show(row, found)}
    write("linear_rivals_permuted" if options.permuted else "linear_rivals", figures)


if __name__ == "__main__":
    main()
