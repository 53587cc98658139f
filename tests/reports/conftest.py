"""Made-up explanations that look like real ones: a classifier, a generator, and one with nothing in it."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from interpret_inn.explaining.evidence import BesideErasure, Checks, Drift, FactorSummary, Leakage
from interpret_inn.explaining.records import (
    Example,
    ExampleFactor,
    Explanation,
    FactorMap,
    FlowRecord,
    Neighbours,
    Outcome,
    ProbeScores,
    Redraw,
    Traversal,
)
from interpret_inn.types import Remark, Score, Section

NAN = float("nan")
HUES = ((230, 60, 50), (240, 170, 40), (90, 180, 80), (60, 140, 220), (170, 90, 200))


def around(value: float, width: float = 0.015) -> Score:
    return Score(value, value - width, value + width)


def probe(linear: float, mlp: float | None = None) -> ProbeScores:
    network = linear + 0.01 if mlp is None else mlp
    return ProbeScores(around(linear), around(network), around((linear + network) / 2))


@functools.cache
def digits() -> Any:
    """Those of scikit-learn, which reads and unpacks them anew each time."""
    return load_digits()


def coloured_digits(count: int) -> tuple[list[np.ndarray], list[int], list[int]]:
    """Digits of scikit-learn in five colours, as small pictures, with both labels."""
    pictures, hues = [], []
    for index in range(count):
        hue = (index * 7) % len(HUES)
        level = digits().images[index][..., None] / 16.0
        pictures.append((level * np.array(HUES[hue])).astype(np.uint8))
        hues.append(hue)
    return pictures, [int(label) for label in digits().target[:count]], hues


def leakage_of_two() -> Leakage:
    return Leakage(
        concepts=("digit", "colour"),
        factors=("digit", "colour", "residual"),
        kind={"digit": "accuracy", "colour": "r2"},
        scores={
            "digit": {
                "digit": probe(0.974),
                "colour": probe(0.138, 0.161),
                "residual": probe(0.181, 0.31),
            },
            "colour": {"digit": probe(0.011), "colour": probe(0.311), "residual": probe(-0.004, -0.12)},
        },
        representation={"digit": probe(0.966), "colour": probe(0.328)},
        chance={"digit": 0.102, "colour": 0.0},
        unfitted={"digit": around(0.41), "colour": around(0.08)},
        association={"digit": {"colour": 0.118}, "colour": {"digit": 0.004}},
    )


def erasure_of_two() -> dict[str, BesideErasure]:
    return {
        "digit": BesideErasure(
            own=probe(0.974), rest=probe(0.19, 0.32), erasure_own=probe(0.972), erasure_rest=probe(0.11, 0.745),
            directions=9, own_gain=around(0.002), rest_gain=around(0.425, 0.06), flow="better",
            verdict="The flow leaves less of digit elsewhere than linear erasure does.",
        ),
        "colour": BesideErasure(
            own=probe(0.311), rest=probe(0.02), erasure_own=probe(0.309), erasure_rest=probe(0.01),
            directions=1, own_gain=around(0.002), rest_gain=around(-0.01), flow="no better",
            verdict="For colour the flow adds nothing to linear erasure.",
        ),
    }  # fmt: skip


def classes_redraw(flip: float, kl: float, std: float, change: float, left: float) -> Redraw:
    return Redraw("classes", around(flip), around(kl, 0.1), around(std, 0.1), around(change), left)


def examples_of(count: int) -> tuple[Example, ...]:
    pictures, digits, _ = coloured_digits(count)
    examples = []
    for index in range(count):
        donor = (index + 3) % count
        prediction = Outcome((str(digits[index]), str((digits[index] + 3) % 10), "8"), (0.962, 0.021, 0.004))
        swapped = Outcome((str(digits[donor]),), (0.91,))
        same = Outcome((str(digits[index]),), (0.955,))
        factors = {
            "digit": ExampleFactor(
                0.8 - 0.2 * index, 88.0 - 9 * index % 100, str(digits[index]), 0.87, swapped, donor
            ),
            "colour": ExampleFactor(
                -1.3 + 0.3 * index, 4.0 + 6 * index, f"{0.1 * index:.2f}", 0.03, same, donor
            ),
            "residual": ExampleFactor(0.1, 52.0, "", 0.11, same, donor),
        }
        examples.append(Example(f"digit-{index:04d}", pictures[index], prediction, factors))
    return tuple(examples)


def maps_of_two() -> dict[str, FactorMap]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 400)
    angle = 2 * np.pi * labels / 10
    blobs = np.stack([3 * np.cos(angle), 3 * np.sin(angle)], 1) + random.normal(0, 0.45, (400, 2))
    hue = random.uniform(0, 1, 400)
    line = np.stack([4 * hue - 2, random.normal(0, 0.6, 400)], 1) + random.normal(0, 0.3, (400, 2))
    turn = random.uniform(0, 2 * np.pi, 400)
    ring = np.stack([np.cos(turn), np.sin(turn)], 1) + random.normal(0, 0.1, (400, 2))
    classes = tuple(str(i) for i in range(10))
    return {
        "digit": FactorMap(
            blobs, labels.astype(np.float64), "categorical", classes, "First two discriminant axes."
        ),
        "colour": FactorMap(line, hue, "numeric", (), "Regression direction and the first axis across it."),
        "residual": FactorMap(ring, np.full(400, NAN), "unlabelled", (), "First two principal axes."),
        "turn": FactorMap(ring, turn, "cyclic", (), "Directions of cosine and sine."),
    }


def neighbours_of_two() -> dict[str, Neighbours]:
    pictures, digits, hues = coloured_digits(60)
    rows = {}
    for name, values in (("digit", digits), ("colour", hues)):
        order = np.argsort(np.array(values), kind="stable")
        chosen = order[np.linspace(0, 57, 9).astype(int)][:, None] + np.array([0, 1])
        chosen = np.clip(chosen, 0, 59).astype(np.int64)
        rows[name] = Neighbours(
            np.linspace(-2, 2, 9),
            chosen,
            tuple(tuple(pictures[i] for i in row) for row in chosen),
            tuple(tuple(str(values[i]) for i in row) for row in chosen),
        )
    return rows


def traversals_of_two() -> dict[str, tuple[Traversal, ...]]:
    steps = np.linspace(-2.5, 2.5, 11)
    rise = 1 / (1 + np.exp(-3 * steps))
    curves = np.stack([1 - rise, rise * (steps < 1.4), rise * (steps >= 1.4)], 1)
    flat = np.stack([np.full(11, 0.95), np.full(11, 0.03)], 1)
    return {
        "digit": tuple(Traversal(i, steps, ("3", "8", "9"), curves) for i in range(4)),
        "colour": (Traversal(1, steps, ("1", "7"), flat),),
    }


@pytest.fixture
def explanation() -> Explanation:
    """A classifier of coloured digits: two concepts carried, one trace elsewhere, one guessed kind."""
    return Explanation(
        model="tiny_cnn",
        backbone="classifier",
        site="head:in",
        layout="vector",
        shape=(64,),
        axes=(64, 64),
        split=(1257, 180, 360),
        checks=Checks(2.4e-6, 5.1e-6, 1.0, 3e-5, True, True, 360),
        factors=(
            FactorSummary("digit", 22, 22 / 64, 0.62),
            FactorSummary("colour", 11, 11 / 64, 0.21),
            FactorSummary("residual", 31, 31 / 64, NAN),
        ),
        leakage=leakage_of_two(),
        redraws={
            "colour": classes_redraw(0.043, 0.11, 0.40, 0.05, 0.01),
            "digit": classes_redraw(0.861, 5.2, 3.00, 0.79, 0.02),
            "residual": classes_redraw(0.104, 0.3, 0.32, 0.09, 0.081),
        },
        examples=examples_of(12),
        maps=maps_of_two(),
        neighbours=neighbours_of_two(),
        traversals=traversals_of_two(),
        drifts=(
            Drift("digit", "colour", around(0.21), around(0.04)),
            Drift("colour", "digit", around(0.12), around(0.02)),
        ),
        timings={"total": 41.2, "encode": 0.8, "fit": 24.1, "explain": 6.3},
        warnings=(Remark("The kind of “colour” was guessed: numeric."),),
        skipped=("broken-17.png: not an image",),
        versions={"interpret_inn": "0.1.0", "torch": "2.15.0", "timm": "1.1.0", "seed": "0"},
        flow=FlowRecord(
            "conditional", 5.2, 0, 0, False, 2.8, "A conditional flow, in closed form: nothing is trained."
        ),
        erasure=erasure_of_two(),
        sections=(Section("From a plugin", "<p>Hello <b>reader</b></p>", {"answer": 42}),),
    )


@pytest.fixture
def generator_explanation(explanation: Explanation) -> Explanation:
    """A generator: images come out, there are no classes, two factors have no labels."""
    random = np.random.default_rng(1)

    def face() -> np.ndarray:
        low = random.integers(0, 255, (4, 4, 3)).astype(np.float64)
        return np.kron(low, np.ones((32, 32, 1))).astype(np.uint8)

    redraws = {
        name: Redraw("image", Score(NAN), Score(NAN), Score(NAN), around(change, 0.01), 0.0)
        for name, change in (("pose", 0.21), ("light", 0.08), ("residual", 0.13))
    }
    factors = tuple(FactorSummary(name, 8, 1 / 3, NAN) for name in redraws)
    entry = ExampleFactor(0.4, 66.0, "", NAN, Outcome((), ()), 1)
    examples = tuple(
        Example(
            f"seed {i}",
            face(),
            Outcome((), ()),
            dict.fromkeys(redraws, entry),
            {n: face() for n in redraws},
        )
        for i in range(3)
    )
    steps = np.linspace(-2, 2, 7)
    traversal = Traversal(0, steps, (), np.zeros((7, 0)), tuple(face() for _ in steps))
    return dataclasses.replace(
        explanation,
        model="stylegan <faces>",
        backbone="generator",
        site="mapping",
        factors=factors,
        leakage=Leakage((), tuple(redraws), {}, {}, {}, {}, {}, {}),
        erasure={},
        redraws=redraws,
        examples=examples,
        maps={"pose": explanation.maps["residual"]},
        neighbours={},
        traversals={"pose": (traversal,)},
        drifts=(),
        sections=(),
    )


@pytest.fixture
def bare_explanation(explanation: Explanation) -> Explanation:
    """Everything that may be missing is missing, and every number that may be NaN is NaN."""
    empty = Redraw("scalar", Score(NAN), Score(NAN), Score(NAN), Score(NAN), NAN)
    return dataclasses.replace(
        explanation,
        checks=Checks(NAN, math.inf, NAN, NAN, False, False, 0),
        factors=(FactorSummary("residual", 64, 1.0, NAN),),
        leakage=Leakage((), ("residual",), {}, {}, {}, {}, {}, {}),
        erasure=None,
        redraws={"residual": empty},
        examples=(
            Example(
                "x",
                None,
                Outcome((), ()),
                {"residual": ExampleFactor(NAN, NAN, "", NAN, Outcome((), ()), -1)},
            ),
        ),
        maps={"residual": FactorMap(np.zeros((0, 2)), np.zeros(0), "unlabelled", (), "")},
        neighbours={"residual": Neighbours(np.zeros(1), np.zeros((1, 2), np.int64), (), ())},
        traversals={"residual": (Traversal(7, np.array([0.0]), ("score",), np.full((1, 1), NAN)),)},
        drifts=(),
        timings={},
        warnings=(),
        skipped=(),
        versions={},
        sections=(),
    )


@pytest.fixture
def changed(explanation: Explanation) -> Callable[..., Explanation]:
    """The classifier's explanation with some fields replaced."""
    return lambda **fields: dataclasses.replace(explanation, **fields)
