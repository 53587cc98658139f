"""This library against the published recipe on coloured MNIST: how much sooner it is as good.

Both fit the 64-d layer of the same classifier, with factor sizes of their own, and both are judged on the same
held-out images and pairs: by leakage (the larger of a linear and a small network's read-out of a concept from
the factors that should not have it) and by the pair log-likelihood ratio of each method's own model. The
recipe trains for 240 s; ours is looked at after 25, 50, 100 … steps until both figures are better.

    python tests/benchmarks/mnist_versus_recipe.py [--recipe-seconds 240] [--long recipe_long]

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
from coloured_mnist import CONCEPTS, WORK, coloured, judge_pairs, trained_classifier
from published_recipe import JUDGE_PAIRS
from safetensors import safe_open
from scores import labels_of, leakage, pair_scores

import interpret_inn as inn

Figures = dict[str, Any]


def leaks(table: Any) -> dict[str, float]:
    """What each factor tells of the concept it should not: the larger of both read-outs."""
    return {
        f"{concept}<{factor}": max(table[concept][factor].values())
        for concept in CONCEPTS
        for factor in (*CONCEPTS, "residual")
        if factor != concept
    }


def figures(codes: dict[str, np.ndarray], sizes: list[int]) -> Figures:
    """Leakage and pair scores of codes of the evaluation images."""
    table = leakage(codes["fit"], labels_of("fit", 0), codes["judge"], labels_of("judge", 1), sizes)
    own = {c: max(table[c][c].values()) for c in CONCEPTS}
    return {"own": own, "leaks": leaks(table), "ratio": pair_scores(codes, sizes), "sizes": sizes}


def recipe_figures(mark: Path) -> Figures:
    """Figures of a stored mark of the recipe."""
    with safe_open(mark, "np") as file:
        sizes = json.loads(file.metadata()["sizes"])
        codes = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return figures(codes, sizes)


def evaluation_images() -> dict[str, torch.Tensor]:
    """The images that the recipe's marks hold codes of."""
    images = {"fit": coloured("fit", seed=0)[0], "judge": coloured("judge", seed=1)[0]}
    for concept in CONCEPTS:
        for side, batch in zip("ab", judge_pairs(concept, JUDGE_PAIRS, seed=2), strict=True):
            images[f"{concept}_{side}"] = batch
    return images


def ours(steps: int, images: dict[str, torch.Tensor], sizes: dict[str, int] | None) -> tuple[Figures, Any]:
    """Fits from nothing with this many steps; seconds count everything from the images on."""
    _, digit, colour = coloured("fit", seed=0)
    began = time.perf_counter()
    interpreter = inn.wrap(trained_classifier(WORK), "head:in", preprocess="identity")
    interpreter.fit(
        "labels", data=images["fit"], labels={"digit": digit.numpy(), "colour": colour.numpy()},
        kinds={"digit": "categorical", "colour": "numeric"},
        sizes=sizes, steps=steps, cache=None, checkpoint=None,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    codes = {name: interpreter.encode(batch).numpy() for name, batch in images.items()}
    found = figures(codes, list(interpreter.factors.sizes))
    return found | {"steps": steps, "seconds": seconds}, interpreter


def better(mine: Figures, theirs: Figures) -> bool:
    """Every leak at most theirs (or at most 0.01 above nothing), and the mean pair ratio above theirs."""
    floor = {"digit": 0.11, "colour": 0.01}
    tight = all(
        value <= max(theirs["leaks"][name], floor[name.split("<")[0]]) for name, value in mine["leaks"].items()
    )
    return tight and mine["ratio"]["mean"] > theirs["ratio"]["mean"]


def show(name: str, found: Figures) -> None:
    """One line of the table."""
    parts = [f"{k} {v:.3f}" for k, v in (found["own"] | found["leaks"]).items()]
    ratios = " ".join(f"{k} {v:.1f}" for k, v in found["ratio"].items())
    print(f"{name:>28} {found.get('seconds', float('nan')):7.1f} s  {'  '.join(parts)}  ratio {ratios}", flush=True)


def responses(interpreter: Any, images: torch.Tensor) -> dict[str, Any]:
    """Responses over the judge images: class_std, flip rate and KL by factor."""
    explanation = interpreter.explain(images)
    return {
        name: {k: getattr(r, k).value for k in ("class_std", "flip_rate", "kl")}
        for name, r in explanation.responses.items()
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe-seconds", type=float, default=240)
    parser.add_argument("--long", help="name of a long run of published_recipe.py in the working folder")
    parser.add_argument("--same-sizes", action="store_true", help="give ours the recipe's factor sizes")
    options = parser.parse_args()
    name = f"recipe_{options.recipe_seconds:.0f}s_{int(time.time())}"
    here = Path(__file__).resolve().parent
    threads = str(torch.get_num_threads())
    command = [sys.executable, str(here / "published_recipe.py"), "--seconds", str(options.recipe_seconds)]
    subprocess.run([*command, "--name", name, "--threads", threads, "--marks"], check=True)
    marks = json.loads((WORK / name / "marks.json").read_text())[-1]
    recipe = recipe_figures(WORK / name / f"mark_{marks['step']}.safetensors") | marks
    show(f"recipe, {marks['step']} steps", recipe)
    rivals = {"recipe": recipe}
    if options.long:
        last = json.loads((WORK / options.long / "marks.json").read_text())[-1]
        rivals["long"] = recipe_figures(WORK / options.long / f"mark_{last['step']}.safetensors") | last
        show(f"recipe, {last['step']} steps", rivals["long"])
    sizes = {"digit": 22, "colour": 11} if options.same_sizes else None
    images = evaluation_images()
    runs, first = [], {}
    for steps in (25, 50, 100, 200, 400, 800, 1500):
        found, interpreter = ours(steps, images, sizes)
        runs.append(found)
        show(f"ours, {steps} steps", found)
        for rival, theirs in rivals.items():
            if rival not in first and better(found, theirs):
                first[rival] = {"seconds": found["seconds"], "times": theirs["seconds"] / found["seconds"]}
                print(f"{'':>28} better than {rival}: {first[rival]['times']:.0f} times sooner", flush=True)
    answer = responses(interpreter, images["judge"])
    print("factors", interpreter.factors, "published sizes [22, 11, 31]")
    print("responses", json.dumps(answer, indent=1), "published class_std: digit 2.74, colour 0.19, residual 0.0")
    result = {"rivals": rivals, "ours": runs, "first_better": first, "responses": answer}
    (WORK / "mnist_versus_recipe.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
