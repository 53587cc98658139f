"""How much of a layer each nuisance takes, what the layer knows of it, and how strongly the output answers.

Two networks that nobody here made, three depths each, ten transforms: MobileNetV2 on the 200 ImageNet images, ResNet-20
on 500 CIFAR-10 images. One fit at each depth, to all ten transforms and no label. Pictures are those of the folder
that `INTERPRET_INN_REAL` names.

What is compared: the *redraw*, the change of the output when a factor alone takes the code that it has in the
transformed picture, scaled to the whole move (see `interpret_inn_transforms.nuisances`; `factor_response` is not
scaled), with the *direct* change, the output for the transformed picture itself, on pictures that no fit saw:
Spearman's rank correlation over the ten transforms. `captured` says how much of what a transform does to the layer its
factor holds, and `pooled` what the layout lets through at all: the whole code taken from the transformed picture.
With the layout `pooled`, an edit changes means of channels and never where something is, which leaves little of a
shift or an occlusion at early sites.

    INTERPRET_INN_REAL=… python tests/benchmarks/nuisances.py [mobilenet resnet] [--seeds 0 1]
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from common import load_zoo, table, write
from scipy.stats import spearmanr

import interpret_inn as inn
from interpret_inn.fitting.splitting import split
from interpret_inn_transforms import STANDARD, nuisances

CIFAR_IMAGES = 500


class Task(NamedTuple):
    """A network, its pictures (N, H, W, 3) uint8, and sites from early to late."""

    model: torch.nn.Module
    preprocess: dict[str, Any]
    images: np.ndarray
    sites: tuple[str, ...]
    fresh: np.ndarray | None = None
    """Pictures that no fit sees, to measure on; None: those of the test split."""


def mobilenet(zoo: Any) -> Task:
    """MobileNetV2 after two of its stages, and at the input of its classifier."""
    half = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    images = zoo.images("imagenet")[0]
    return Task(zoo.imagenet_mobilenetv2(), half, images, ("blocks.4", "blocks.5", "classifier:in"))


def resnet(zoo: Any) -> Task:
    """ResNet-20 after its second stage, within its third, and at the input of its last layer."""
    own = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "channels": 3}
    images = zoo.images("cifar10")[0]
    order = np.random.default_rng(0).permutation(len(images))
    chosen, fresh = images[order[:CIFAR_IMAGES]], images[order[CIFAR_IMAGES : CIFAR_IMAGES + 300]]
    return Task(zoo.cifar_resnet20(), own, chosen, ("layer2", "layer3.1", "linear:in"), fresh)


TASKS = {"mobilenet": mobilenet, "resnet": resnet}


def run(task: Task, site: str, *, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Fits at one site and measures on the test split's pictures."""
    interpreter = inn.wrap(task.model, site, preprocess=task.preprocess)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        source = inn.concept_source("transforms", data=task.images, seed=seed)
        interpreter.fit(source, seed=seed, checkpoint=None, **settings)
    total = time.perf_counter() - began
    test = task.images[split(len(task.images), groups=None, seed=seed).test.numpy()]
    unseen = test if task.fresh is None else task.fresh
    found = nuisances(interpreter, unseen, seed=seed + 1)
    whole = through_the_layout(interpreter, unseen, seed=seed + 1)
    carried = {name: found.carried.holds for name, found in interpreter.evaluation.verdicts.items()}
    rows = [one.__dict__ | {"carried": carried[one.name], "pooled": whole[one.name]} for one in found]
    direct = [one.direct for one in found]
    correlations = {
        "response": spearmanr([one.response for one in found], direct).statistic,
        "factor_response": spearmanr([one.factor_response for one in found], direct).statistic,
        "share": spearmanr([one.share for one in found], direct).statistic,
        "pooled": spearmanr([whole[one.name] for one in found], direct).statistic,
    }
    timings = interpreter.fitted.timings
    return {
        "site": site, "seed": seed, "axes": interpreter.fitted.network.shape.leading, "rows": rows,
        "rank_correlation": {name: float(value) for name, value in correlations.items()},
        "seconds": {"total": total, "encode": timings["encode"], "fit": timings["fit"]},
        "steps": interpreter.fitted.record.steps,
    }  # fmt: skip


def through_the_layout(interpreter: inn.Interpreter, images: np.ndarray, *, seed: int) -> dict[str, float]:
    """Change of the output when the whole code is that of the transformed picture, KL in nats, by transform."""
    made = inn.concept_source("transforms", data=images, seed=seed).samples
    asis = np.flatnonzero(made.transform == -1)
    outputs, found = interpreter.run(made.take(asis.tolist())), {}
    for number, name in enumerate(STANDARD):
        places = np.flatnonzero(made.transform == number)
        before = interpreter.backbone.prepare(made.take(asis[made.source[places]].tolist()))
        codes = interpreter.encode(made.take(places.tolist()))
        with interpreter.backbone.session():
            parts = zip(before.split(64), codes.split(64), strict=True)
            edited = torch.cat([interpreter.translator.outputs_of(*part) for part in parts])
        one, other = (x.double().log_softmax(1) for x in (outputs[made.source[places]], edited))
        found[name] = float((one.exp() * (one - other)).sum(1).mean())
    return found


def main() -> None:
    """Runs what is asked for and prints a table for each site."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*TASKS, []], help="default: all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--sites", nargs="+", help="others than the task's own")
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = {} if options.steps is None else {"steps": options.steps}
    zoo = load_zoo()
    for name in options.names or TASKS:
        task, figures = TASKS[name](zoo), {}
        for seed in options.seeds:
            for site in options.sites or task.sites:
                print(f"\n== {name} {site}, seed {seed}", flush=True)
                found = run(task, site, seed=seed, settings=settings)
                columns = (
                    "name",
                    "axes",
                    "share",
                    "captured",
                    "known",
                    "factor_knows",
                    "carried",
                    "redraw",
                    "direct",
                )
                print(table([{key: row[key] for key in (*columns, "pooled")} for row in found["rows"]]))
                print(found["rank_correlation"], found["seconds"], found["axes"], "axes", flush=True)
                figures[f"{site} {seed}"] = found
        write(f"nuisances_{name}" if not options.sites else f"nuisances_{name}_other", figures)


if __name__ == "__main__":
    main()
