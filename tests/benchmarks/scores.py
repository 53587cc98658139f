"""Scores of codes split into factors: how well the factors keep the concepts of coloured MNIST apart.

Works on the stored codes of a run of `published_recipe.py` alone:

    python tests/benchmarks/scores.py tests/benchmarks/work/recipe_long [--last]
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from coloured_mnist import CONCEPTS, coloured
from safetensors import safe_open
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

RHO = 0.975

Array = np.ndarray
Leakage = dict[str, dict[str, dict[str, float]]]  # concept, factor, probe


def pair_log_ratio(codes_a: Array, codes_b: Array, rho: Sequence[float], sizes: Sequence[int]) -> float:
    """Mean over pairs of log p(a, b) - log p(a) - log p(b) where factors are correlated standard normals.

    It asks whether the factor that should be shared is shared, and trusts the codes to be standard normal:
    a factor squeezed to zero would score like a perfect one, so read it beside the leakage.

    Args:
        codes_a: Codes of one side, shape (N, D).
        codes_b: Codes of the other side, shape (N, D).
        rho: Correlation of each factor between the sides, 0 where it is free, shape (K + 1,).
        sizes: Dimensions of each factor, shape (K + 1,), summing to D.

    Returns:
        Nats per pair; a perfectly modelled factor of d dimensions reaches -d/2 log(1 - rho^2).
    """
    a, b = np.asarray(codes_a, np.float64), np.asarray(codes_b, np.float64)
    correlation = np.repeat(np.asarray(rho, np.float64), sizes)
    variance = 1 - correlation**2
    conditional = -0.5 * ((b - correlation * a) ** 2 / variance + np.log(variance))
    return float((conditional + 0.5 * b**2).sum(1).mean())


def _probe(concept: str, train: tuple[Array, Array], test: tuple[Array, Array]) -> dict[str, float]:
    """Test score (accuracy or mean R^2) of a linear and an MLP probe; inputs (N, d), labels (N, ...)."""
    settings = {"hidden_layer_sizes": (64,), "early_stopping": True, "max_iter": 60, "random_state": 0}
    if concept == "digit":
        probes = {"linear": LogisticRegression(max_iter=500), "mlp": MLPClassifier(**settings)}
    else:
        probes = {"linear": Ridge(), "mlp": MLPRegressor(**settings)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the budget of a probe is fixed on purpose
        return {
            name: make_pipeline(StandardScaler(), probe).fit(*train).score(*test)
            for name, probe in probes.items()
        }


def leakage(
    train_codes: Array,
    train_labels: dict[str, Array],
    test_codes: Array,
    test_labels: dict[str, Array],
    sizes: Sequence[int],
) -> Leakage:
    """What probes tell of each concept from each factor and from the whole code.

    Args:
        train_codes: Codes to train the probes on, shape (N, D).
        train_labels: `digit`, class indices (N,), and `colour`, RGB (N, 3), of those codes.
        test_codes: Codes to test the probes on, shape (M, D).
        test_labels: The same labels of these codes.
        sizes: Dimensions of the factors digit, colour, residual.

    Returns:
        Score by concept (digit: accuracy; colour: R^2, mean of the channels), factor (`digit`, `colour`,
        `residual` or `whole`) and probe (`linear` or `mlp`).
    """
    ends = np.cumsum(sizes)
    slices = {
        name: slice(end - size, end)
        for name, end, size in zip((*CONCEPTS, "residual"), ends, sizes, strict=True)
    }
    slices["whole"] = slice(None)
    return {
        concept: {
            name: _probe(
                concept,
                (train_codes[:, part], train_labels[concept]),
                (test_codes[:, part], test_labels[concept]),
            )
            for name, part in slices.items()
        }
        for concept in CONCEPTS
    }


def pair_scores(codes: dict[str, Array], sizes: Sequence[int]) -> dict[str, float]:
    """`pair_log_ratio` of the test pairs of each concept, and the mean over concepts: ρ as published, for all axes."""
    ratios = {}
    for index, concept in enumerate(CONCEPTS):
        rho = [RHO if factor == index else 0.0 for factor in range(len(sizes))]
        ratios[concept] = pair_log_ratio(codes[f"{concept}_a"], codes[f"{concept}_b"], rho, sizes)
    return ratios | {"mean": float(np.mean(list(ratios.values())))}


def pair_scores_by_axis(
    codes: dict[str, Array], labels: dict[str, Array], sizes: Sequence[int]
) -> dict[str, float]:
    """The same with a ρ of its own for each axis of the concept's factor, from training images.

    What two images that share a concept have in common along an axis is the variance of its mean given the concept,
    here of a ridge regression on the digit's indicators, or on polynomials of the colour, on images left out.

    Args:
        codes: Codes, shape (N, D): `train`, and both sides of the test pairs of each concept.
        labels: `digit` and `colour` of the training images.
        sizes: Dimensions of the factors digit, colour, residual.
    """
    ends, ratios = np.cumsum(sizes), {}
    for concept, end, size in zip(CONCEPTS, ends, sizes, strict=False):
        rho = np.zeros(int(ends[-1]))
        rho[end - size : end] = _shared(codes["train"][:, end - size : end], labels[concept], concept)
        sides = (codes[f"{concept}_a"], codes[f"{concept}_b"])
        ratios[concept] = pair_log_ratio(*sides, rho, [1] * len(rho))
    return ratios | {"mean": float(np.mean(list(ratios.values())))}


def _shared(codes: Array, values: Array, concept: str) -> Array:
    """How far a concept tells each axis of codes (N, d) on images left out: R² in [0, RHO], shape (d,)."""
    values = np.eye(10)[values] if concept == "digit" else values
    degree = 1 if concept == "digit" else 2
    told = cross_val_predict(make_pipeline(PolynomialFeatures(degree), Ridge()), values, codes, cv=5)
    return np.clip(1 - ((codes - told) ** 2).mean(0) / codes.var(0), 0, RHO)


def labels_of(part: str, seed: int) -> dict[str, Array]:
    """Labels by concept of a part of coloured MNIST: shapes (N,) and (N, 3)."""
    _, digit, colours = coloured(part, seed)
    return {"digit": digit.numpy(), "colour": colours.numpy()}


def mark_scores(path: Path) -> tuple[dict[str, float], Leakage]:
    """Pair scores and leakage of one stored mark."""
    with safe_open(path, "np") as file:
        sizes = json.loads(file.metadata()["sizes"])
        codes = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    train, test = labels_of("train", seed=0), labels_of("test", seed=1)
    return pair_scores(codes, sizes), leakage(codes["train"], train, codes["test"], test, sizes)


def main() -> None:
    """Print one line of scores for each mark of a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--last", action="store_true", help="only the last mark")
    options = parser.parse_args()
    torch.set_num_threads(1)
    marks = json.loads((options.folder / "marks.json").read_text())
    print("log ratio: nats per test pair; probes: linear/network, accuracy for digit, R^2 for colour")
    for i, mark in enumerate(marks[-1:] if options.last else marks):
        ratios, leak = mark_scores(options.folder / f"mark_{mark['step']}.safetensors")
        row = {"step": f"{mark['step']}", "seconds": f"{mark['seconds']:.0f}", "loss": f"{mark['loss']:.2f}"}
        row |= {f"ratio {name}": f"{value:.2f}" for name, value in ratios.items()}
        for concept, parts in leak.items():
            row |= {f"{concept}<{part}": f"{p['linear']:.3f}/{p['mlp']:.3f}" for part, p in parts.items()}
        if not i:
            print("  ".join(f"{name:>15}" for name in row))
        print("  ".join(f"{value:>15}" for value in row.values()), flush=True)


if __name__ == "__main__":
    main()
