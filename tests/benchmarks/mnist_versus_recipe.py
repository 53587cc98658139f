"""This library against the published recipe on coloured MNIST: how much sooner it is as good.

Both fit the 64-d layer of the same classifier, with factor sizes of their own, and both are tested on the
same images and pairs. Leakage: the larger score of a linear and a network probe of a concept on a factor
that should not have it, above chance, as a share of what the best probe on `z` itself reaches above chance;
the mean over the four such cells. Pair log-likelihood ratio: with ρ = .975 along every axis of the concept's factor,
as published, and with a ρ of its own for each axis, estimated from the training images of each method's codes.
The recipe trains for 240 s; ours is fitted with default settings, and anew as a joint flow with 50, 100, 200 … steps,
to see when both are better.

    python tests/benchmarks/mnist_versus_recipe.py [--recipe-seconds 240] [--long recipe_long] [--recipe NAME]

With `--recipe`, a run of the recipe that ended is taken instead of a new one.
With `--long` the table also has the last mark of a long run of `published_recipe.py`. JSON goes to
`tests/benchmarks/work/mnist_versus_recipe.json`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from coloured_mnist import CONCEPTS, WORK, coloured, test_pairs, trained_classifier
from published_recipe import TEST_PAIRS
from safetensors import safe_open
from scores import labels_of, leakage, pair_scores, pair_scores_by_axis

import interpret_inn as inn

Figures = dict[str, Any]


def leaks(table: Any) -> dict[str, float]:
    """What each factor tells of the concept it should not: the larger score of both probes."""
    return {
        f"{concept}<{factor}": max(table[concept][factor].values())
        for concept in CONCEPTS
        for factor in (*CONCEPTS, "residual")
        if factor != concept
    }


def reference() -> dict[str, float]:
    """What the best probe on `z` itself reaches, by concept."""
    classifier = trained_classifier(WORK)
    images = {"train": coloured("train", 0)[0], "test": coloured("test", 1)[0]}
    with torch.no_grad():
        z = {
            name: torch.cat([classifier.represent(b) for b in x.split(500)]).numpy()
            for name, x in images.items()
        }
    table = leakage(z["train"], labels_of("train", 0), z["test"], labels_of("test", 1), [22, 11, 31])
    return {concept: max(table[concept]["whole"].values()) for concept in CONCEPTS}


def leakage_of(found: Figures, whole: dict[str, float]) -> float:
    """Mean share of what `z` tells that stands in a wrong factor; 0 is none."""
    chance = {"digit": float(np.bincount(labels_of("test", 1)["digit"]).max() / 2000), "colour": 0.0}
    shares = []
    for name, value in found["leaks"].items():
        concept = name.split("<")[0]
        shares.append(max(0.0, (value - chance[concept]) / (whole[concept] - chance[concept])))
    return float(np.mean(shares))


def figures(codes: dict[str, np.ndarray], sizes: list[int]) -> Figures:
    """Leakage and pair scores of codes of the evaluation images."""
    labels = labels_of("train", 0)
    table = leakage(codes["train"], labels, codes["test"], labels_of("test", 1), sizes)
    own = {c: max(table[c][c].values()) for c in CONCEPTS}
    ratios = {"ratio": pair_scores(codes, sizes), "ratio_by_axis": pair_scores_by_axis(codes, labels, sizes)}
    return {"own": own, "leaks": leaks(table), **ratios, "sizes": sizes}


def recipe_figures(mark: Path) -> Figures:
    """Figures of a stored mark of the recipe."""
    with safe_open(mark, "np") as file:
        sizes = json.loads(file.metadata()["sizes"])
        codes = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return figures(codes, sizes)


def evaluation_images() -> dict[str, torch.Tensor]:
    """The images that the recipe's marks hold codes of."""
    images = {"train": coloured("train", seed=0)[0], "test": coloured("test", seed=1)[0]}
    for concept in CONCEPTS:
        for side, batch in zip("ab", test_pairs(concept, TEST_PAIRS, seed=2), strict=True):
            images[f"{concept}_{side}"] = batch
    return images


def ours(steps: int | None, images: dict[str, torch.Tensor]) -> tuple[Figures, Any]:
    """Fits from nothing, a joint flow with this many steps; None: by default settings. Seconds count all of it."""
    settings = {} if steps is None else {"flow": "joint", "steps": steps}
    _, digit, colour = coloured("train", seed=0)
    began = time.perf_counter()
    interpreter = inn.wrap(trained_classifier(WORK), "head:in", preprocess="identity")
    interpreter.fit(
        "labels", data=images["train"], labels={"digit": digit.numpy(), "colour": colour.numpy()},
        kinds={"digit": "categorical", "colour": "numeric"},
        cache=None, checkpoint=None, **settings,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    codes = {name: interpreter.encode(batch).numpy() for name, batch in images.items()}
    found = figures(codes, list(interpreter.factors.sizes))
    return found | {"steps": steps, "seconds": seconds}, interpreter


def show(name: str, found: Figures) -> None:
    """One line of the table."""
    parts = [f"{k} {v:.3f}" for k, v in (found["own"] | found["leaks"]).items()]
    ratio = f"{found['ratio']['mean']:6.1f}, by axis {found['ratio_by_axis']['mean']:5.1f}"
    head = f"{name:>22} {found['seconds']:7.1f} s  leakage {found['leakage']:.3f}  ratio {ratio}"
    print(head, *parts, sep="  ", flush=True)


def redraws(interpreter: Any, images: torch.Tensor) -> dict[str, Any]:
    """What redraws do over the test images: class_std, flip rate and KL by factor."""
    explanation = interpreter.explain(images)
    return {
        name: {k: getattr(r, k).value for k in ("class_std", "flip_rate", "kl")}
        for name, r in explanation.redraws.items()
    }


def rivals(options: argparse.Namespace, whole: dict[str, float]) -> dict[str, Figures]:
    """The recipe trained now, and the last mark of a long run where one is named."""
    name = options.recipe or f"recipe_{options.recipe_seconds:.0f}s_{int(time.time())}"
    script = Path(__file__).resolve().parent / "published_recipe.py"
    threads = str(torch.get_num_threads())
    command = [sys.executable, str(script), "--seconds", str(options.recipe_seconds), "--name", name]
    if options.recipe is None:
        subprocess.run([*command, "--threads", threads, "--marks"], check=True)
    found = {}
    for rival, folder in {"recipe": name, "long": options.long}.items():
        if folder:
            last = json.loads((WORK / folder / "marks.json").read_text())[-1]
            found[rival] = recipe_figures(WORK / folder / f"mark_{last['step']}.safetensors") | last
            found[rival]["leakage"] = leakage_of(found[rival], whole)
            show(f"recipe, {last['step']} steps", found[rival])
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe-seconds", type=float, default=240)
    parser.add_argument("--recipe", help="name of a run of the recipe that ended, in the working folder")
    parser.add_argument("--long", help="name of a long run of published_recipe.py in the working folder")
    options = parser.parse_args()
    whole = reference()
    print("probe on z itself:", {name: round(value, 3) for name, value in whole.items()})
    theirs = rivals(options, whole)
    images = evaluation_images()
    runs, first = [], {}
    for steps in (None, 50, 100, 200, 400, 1000, 2000):
        found, interpreter = ours(steps, images)
        found["leakage"] = leakage_of(found, whole)
        runs.append(found)
        if steps is None:
            answer, sizes = redraws(interpreter, images["test"]), interpreter.factors
        show("ours, default" if steps is None else f"ours, {steps} steps", found)
        for name, rival in theirs.items():
            ratio = "ratio_by_axis" if steps is None else "ratio"
            ahead = found["leakage"] < rival["leakage"] and found[ratio]["mean"] > rival[ratio]["mean"]
            if name not in first and ahead:
                first[name] = {"seconds": found["seconds"], "times": rival["seconds"] / found["seconds"]}
                print(
                    f"{'':>22} better than {name} on both, {first[name]['times']:.0f} times sooner",
                    flush=True,
                )
    print("factors", sizes, "published sizes [22, 11, 31]")
    print(
        "redraws",
        json.dumps(answer, indent=1),
        "published class_std: digit 2.74, colour 0.19, residual 0.0",
    )
    result = {"z": whole, "rivals": theirs, "ours": runs, "first_better": first, "redraws": answer}
    (WORK / "mnist_versus_recipe.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
