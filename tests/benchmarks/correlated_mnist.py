"""Concepts that go together: coloured MNIST where 9 of 10 images of a digit have that digit's colour.

Ten hues, one for each digit; an image has its digit's own hue with probability 0.9, else one of the other nine.
Fitted on 8,000 such images with `balance=True` (samples count by weights that make digit and hue
independent) and with `balance=False`, and tested on 2,000 other digits whose hues were drawn independently.
Probes are trained on decorrelated images too (4,000 of the fitted digits in new hues), or they would learn
the association themselves.

Beside the leaks stands what the association alone gives away: how often the digit is right when it is told
from the true hue (0.9 on the correlated images, 0.1 on those it is tested on).

Two classifiers of the same design are explained, both trained here on the digit: one on images with independent
colours (`uncorrelated`, that of `coloured_mnist.py`), one on the correlated images (`correlated`), which has
every reason to look at the hue.

    INTERPRET_INN_REAL=… python tests/benchmarks/correlated_mnist.py
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from typing import Any

import torch
from coloured_mnist import Classifier, colour, part_of_digits, trained_classifier
from common import WORK, real_folder, table, write
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.metrics.probes import probe_scores

HUES = 10
AGREE = 0.9


def palette() -> Tensor:
    """Ten colours of equally spaced hue, RGB in [0, 1], (10, 3)."""
    import colorsys

    return torch.tensor([colorsys.hsv_to_rgb(hue / HUES, 1.0, 1.0) for hue in range(HUES)])


def hues(digits: Tensor, *, agree: float, seed: int) -> Tensor:
    """A hue for each digit, int64 (N,): its own with probability `agree`, else any of the other nine."""
    generator = torch.Generator().manual_seed(seed)
    own = torch.rand(len(digits), generator=generator) < agree
    other = (digits + torch.randint(1, HUES, (len(digits),), generator=generator)) % HUES
    return torch.where(own, digits, other)


def independent_hues(count: int, *, seed: int) -> Tensor:
    """Hues drawn regardless of anything, int64 (count,)."""
    return torch.randint(HUES, (count,), generator=torch.Generator().manual_seed(seed))


def painted(images: Tensor, chosen: Tensor) -> Tensor:
    """Grey images (N, 28, 28) in hues (N,): (N, 3, 28, 28)."""
    return colour(images, palette()[chosen])


def correlated_classifier(epochs: int = 4, batch: int = 64) -> Classifier:
    """Trained on the correlated images to fit with; kept in the working folder."""
    path = WORK / "classifier_correlated.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        classifier = Classifier()
        if path.exists():
            classifier.load_state_dict(load_file(path))
            return classifier.eval().requires_grad_(False)
        images, digits = part_of_digits("train")
        inputs = painted(images, hues(digits, agree=AGREE, seed=0))
        steps = epochs * (len(inputs) // batch)
        optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=6e-3, total_steps=steps)
        classifier.train()
        for _ in range(epochs):
            for chosen in torch.randperm(len(inputs)).split(batch)[: steps // epochs]:
                loss = nn.functional.cross_entropy(classifier(inputs[chosen]), digits[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        WORK.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        save_file(classifier.state_dict(), unfinished)
        unfinished.rename(path)
    return classifier.eval().requires_grad_(False)


def explain(classifier: Classifier, *, balance: bool, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """One fit on correlated images, tested on decorrelated ones."""
    began = time.perf_counter()
    images, digits = part_of_digits("train")
    colours = hues(digits, agree=AGREE, seed=seed)
    interpreter = inn.wrap(classifier, "head:in", preprocess="identity")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit(
            "labels", data=painted(images, colours), labels={"digit": digits.numpy(), "hue": colours.numpy()},
            kinds={"digit": "categorical", "hue": "categorical"}, balance=balance, seed=seed,
            checkpoint=None, **settings,
        )  # fmt: skip
    fitted_in = time.perf_counter() - began
    found = decorrelated_scores(interpreter, seed=seed)
    own = interpreter.evaluation.leakage  # on the correlated test split: what a report would say
    return {
        "sizes": dict(zip(interpreter.factors.names, interpreter.factors.sizes, strict=True)),
        "notes": list(interpreter.fitted.notes), "seconds": fitted_in,
        "correlated": {
            c: {f: own.scores[c][f].linear.value for f in own.factors}
            | {"association": next(iter(own.association[c].values()))}
            for c in own.concepts
        },
    } | found  # fmt: skip


def decorrelated_scores(interpreter: inn.Interpreter, *, seed: int) -> dict[str, Any]:
    """Leaks and redraws on images whose hues are independent of their digits."""
    train_images, train_digits = (part[:4000] for part in part_of_digits("train"))
    test_images, test_digits = part_of_digits("test")
    train_hues = independent_hues(len(train_images), seed=seed + 100)
    test_hues = independent_hues(len(test_images), seed=seed + 200)
    shown = painted(test_images, test_hues)
    translator = interpreter.translator
    train, test = interpreter.encode(painted(train_images, train_hues)), interpreter.encode(shown)
    labels = {"digit": (train_digits, test_digits), "hue": (train_hues, test_hues)}
    slices = {f.name: (train[:, f.slice], test[:, f.slice]) for f in interpreter.factors}
    slices["z"] = (translator.white(train), translator.white(test))
    leaks = {}
    for concept, (train_values, test_values) in labels.items():
        leaks[concept] = {"association": float((test_digits == test_hues).float().mean())}
        for name, (train_codes, test_codes) in slices.items():
            score = probe_scores(
                train_codes.double().numpy(), train_values.numpy(), test_codes.double().numpy(),
                test_values.numpy(), kind="categorical", seed=0,
            )  # fmt: skip
            leaks[concept][name] = {"linear": score.linear.value, "network": score.network.value}
    explanation = interpreter.explain(shown, examples=1)
    redraw = {
        name: {"flip_rate": r.flip_rate.value, "kl": r.kl.value, "class_std": r.class_std.value}
        for name, r in explanation.redraws.items()
    }
    with torch.no_grad():
        right = interpreter.backbone.model(shown).argmax(1) == test_digits
    return {"leaks": leaks, "redraw": redraw, "accuracy": float(right.float().mean())}


def rows_of(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The table: one row for every classifier and fit."""
    rows = []
    for name, found in results.items():
        row: dict[str, Any] = {"classifier, fit": name, "accuracy": found["accuracy"]}
        for concept, leak in found["leaks"].items():
            for factor in ("z", "digit", "hue", "residual"):
                row[f"{concept}<{factor}"] = f"{leak[factor]['linear']:.3f}/{leak[factor]['network']:.3f}"
        row["flips d/h/r"] = "/".join(f"{r['flip_rate']:.2f}" for r in found["redraw"].values())
        row["class std d/h/r"] = "/".join(f"{r['class_std']:.2f}" for r in found["redraw"].values())
        rows.append(row)
    return rows


def main() -> None:
    """Fits and tests both ways, for both classifiers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    real_folder()
    settings = {} if options.steps is None else {"steps": options.steps}
    classifiers = {"uncorrelated": trained_classifier(), "correlated": correlated_classifier()}
    results = {}
    for name, classifier in classifiers.items():
        for balance in (True, False):
            key = f"{name}, {'balanced' if balance else 'not balanced'}"
            results[key] = explain(classifier, balance=balance, seed=options.seed, settings=settings)
            print(f"{key}: {results[key]['sizes']}, {results[key]['seconds']:.0f} s", flush=True)
    print(f"\nTested on decorrelated images; probes linear/network, accuracy; chance {1 / HUES}")
    print(table(rows_of(results)))
    print("\nThe same leaks on the correlated test split, as a report of the fit shows them (linear)")
    rows = []
    for name, found in results.items():
        for concept, leak in found["correlated"].items():
            rows.append({"classifier, fit": name, "concept": concept} | leak)
    print(table(rows))
    for name, found in results.items():
        print(f"{name}: {found['notes']}")
    write("correlated_mnist", results)


if __name__ == "__main__":
    main()
