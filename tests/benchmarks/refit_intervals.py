"""Do intervals over refits hold the score that fits of this size have on all samples? Beside them, those over rows.

Made-up representations of 20 axes tell a class of three (mean differences along two axes) and a number (along a third),
both in part. Many data sets are drawn. Each is fitted once, as always, and five times more, as `explaining.refits` does
it. The truth is known from 4,000 fresh samples on which the main fit's probes are scored: `mean` is its mean over all
data sets, the score that fits of this size have on the average; `own` that of the one fit at hand. A cell is a concept
read from its own factor, from the residual, or from the whole representation, by the linear probe.

Figures are kept after each data set: a run that is stopped goes on, and one with more `--sets` adds to it.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from common import WORK, code_digest, table
from torch import nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.explaining import refits as refits_module
from interpret_inn.explaining.evaluation import _fresh, evaluate, probed
from interpret_inn.explaining.verdicts import verdicts as judged
from interpret_inn.fitting.fit import fit
from interpret_inn.fitting.joint_fit import unfitted_network
from interpret_inn.metrics import probes
from interpret_inn.metrics.probes import linear_probe_score
from interpret_inn.translating.settings import FitSettings
from interpret_inn.translating.translator import Translator

AXES, CLASSES, FRESH = 20, 3, 4000
SOURCES = {"own factor": "own", "residual": "residual", "layer": ""}


def drawn(count: int, random: np.random.Generator, *, shuffled: bool) -> tuple[Any, dict[str, Any]]:
    """Rows (count, 20) and the values of both concepts; `shuffled`: of other rows."""
    kinds, numbers = random.integers(0, CLASSES, count), random.normal(size=count)
    rows = random.normal(size=(count, AXES)) * np.linspace(1.5, 0.5, AXES)
    rows[:, 4:6] += 2.2 * np.array([[0, 0], [1, 0], [0.5, 1]])[kinds]
    rows[:, 8] += 1.5 * numbers
    mixing = np.linalg.qr(np.random.default_rng(0).normal(size=(AXES, AXES)))[0]
    if shuffled:
        kinds, numbers = random.permutation(kinds), random.permutation(numbers)
    return torch.from_numpy(rows @ mixing).float(), {"kind": kinds, "number": numbers}


def truths(translator: Translator, data: Any, read: Any, rows: Any, values: Any) -> dict[str, float]:
    """Scores on fresh samples of the linear probes that the fit was scored with."""
    fitted = translator.fitted
    before = unfitted_network(fitted)
    codes = fitted.network(rows)[0].numpy()
    pairs = [pair[0] for pair in _fresh(translator, data, before, read.indices)] or [read.train]
    found = {}
    for place, concept in enumerate(read.train.concepts):
        name, options = concept.name, {"kind": concept.kind, "seed": fitted.seed}
        own, rest = fitted.factors[name].slice, fitted.factors["residual"].slice
        cells = {
            "own factor": [(read.train, read.train.codes[:, 0, own], codes[:, own])],
            "residual": [(part, part.codes[:, 0, rest], codes[:, rest]) for part in pairs],
            "layer": [(read.train, read.train.representation[:, 0], rows.numpy())],
        }
        for cell, parts in cells.items():
            scores = [
                linear_probe_score(
                    np.asarray(x),
                    part.concepts[place].values,
                    y,
                    values[name],
                    train_groups=part.groups,
                    **options,
                ).value
                for part, x, y in parts
            ]
            found[f"{name}, {cell}"] = float(np.mean(scores))
    return found


def one(count: int, seed: int, *, shuffled: bool) -> dict[str, Any]:
    """Figures of one data set."""
    random = np.random.default_rng([count, seed, shuffled])
    rows, values = drawn(count, random, shuffled=shuffled)
    source = inn.concept_source(
        "labels", data=rows, labels=values, kinds={"kind": "categorical", "number": "numeric"}
    )
    backbone = Backbone(nn.Sequential(nn.Identity()).eval(), "0", preprocess="identity")
    fitted, data = fit(
        backbone, [source], seed=seed, settings=FitSettings(flow="conditional"), cache=None, checkpoint=None
    )
    translator = Translator(backbone, fitted)
    read = probed(translator, data, networks=False)
    refits = refits_module._measured(translator, data, 5)
    carried = {name: found.carried.holds is True for name, found in judged(read.leakage).items()}
    figures: dict[str, Any] = {
        "truth": truths(translator, data, read, *drawn(FRESH, random, shuffled=shuffled)), "rows": {}, "refits": {},
        "carried": carried, "unfitted": dict(refits.unfitted), "chance": dict(refits.chance),
        "of": dict(refits.carried),
    }  # fmt: skip
    for name in values:
        for cell, where in SOURCES.items():
            key = f"{name}, {cell}"
            for kind, one in (("rows", read.leakage), ("refits", refits)):
                score = (
                    one.representation[name]
                    if not where
                    else one.scores[name][name if where == "own" else where]
                ).linear
                figures[kind][key] = [score.value, score.low, score.high]
    return figures


def held(found: list[dict[str, Any]], kind: str, truth: list[float], key: str) -> str:
    """Share of the intervals that hold the truth, and their mean width."""
    ends = np.array([one[kind][key][1:] for one in found])
    inside = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
    return f"{inside.mean():.2f} ({(ends[:, 1] - ends[:, 0]).mean():.2f})"


def summed(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of the table."""
    for key in found[0]["truth"]:
        own = np.array([one["truth"][key] for one in found])
        mean = np.full(len(own), own.mean())
        row = {"cell": key, "truth": own.mean(), "sd": own.std()}
        for kind in ("rows", "refits"):
            row[f"mean {kind}"] = float(np.mean([one[kind][key][0] for one in found]))
            row[f"{kind}: mean"], row[f"{kind}: own"] = (
                held(found, kind, mean, key),
                held(found, kind, own, key),
            )
        yield row


def verdicts(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """How often concepts are called carried, by each rule."""
    for name in found[0]["chance"]:
        low = np.array([one["refits"][f"{name}, own factor"][1] for one in found])
        split = np.array([one["carried"][name] for one in found])
        refits = np.array([end > one["chance"][name] for end, one in zip(low, found, strict=True)])
        yield {
            "concept": name, "by the test split": split.mean(), "by refits": refits.mean(),
            "by both": (split & refits).mean(), "of 5 test splits": np.mean([one["of"][name] for one in found]),
        }  # fmt: skip


def cost() -> Iterator[dict[str, Any]]:
    """Seconds of an evaluation, and of its refits if the settings ask for nothing."""
    for axes in (AXES, 256):
        for count in (40, 300, 700, 1000):
            rows, values = drawn(count, np.random.default_rng(0), shuffled=False)
            more = torch.randn(count, axes - AXES, generator=torch.Generator().manual_seed(0))
            data, kinds = torch.cat((rows, more), 1), {"kind": "categorical", "number": "numeric"}
            it = inn.wrap(nn.Sequential(nn.Identity()).eval(), "0", preprocess="identity")
            it.fit("labels", data=data, labels=values, kinds=kinds, cache=None, checkpoint=None)
            began = time.perf_counter()
            evaluation = evaluate(it.translator, it._data)
            middle = time.perf_counter()
            made = refits_module.with_refits(evaluation, it.translator, it._data).refits
            yield {
                "axes": axes, "samples": count, "evaluation": middle - began, "refits": time.perf_counter() - middle,
                "made": made.count,
            }  # fmt: skip


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[60, 120, 200])
    parser.add_argument("--sets", type=int, default=100, help="data sets of each size")
    parser.add_argument("--shuffled", action="store_true", help="values of other samples")
    parser.add_argument("--cost", action="store_true", help="only how long refits take")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.cost:
        print(table(list(cost())))
        return
    # tables are of the linear probe
    probes.train_kernel = lambda *_, names, **__: (lambda codes: np.zeros((len(codes), 1)), names[0])
    for count in options.samples:
        name = f"refit_intervals_{count}{'_shuffled' if options.shuffled else ''}"
        kept = WORK / f"{name}_{code_digest('refit_intervals.py')}.json"
        kept.parent.mkdir(exist_ok=True)
        found = json.loads(kept.read_text()) if kept.exists() else []
        for seed in range(len(found), options.sets):
            found.append(one(count, seed, shuffled=options.shuffled))
            kept.write_text(json.dumps(found))
        print(
            f"\n{count} samples, {len(found)} data sets\n{table(list(summed(found)))}\n{table(list(verdicts(found)))}"
        )


if __name__ == "__main__":
    main()
