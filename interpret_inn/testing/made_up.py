"""A made-up explanation of every part, to try report sections on."""

from __future__ import annotations

import numpy as np

from interpret_inn._version import __version__
from interpret_inn.effects.records import Effect
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
from interpret_inn.testing.toys import SHAPES, toy_images
from interpret_inn.types import RESIDUAL, Score, Scores

HOSTILE = "<b class='hostile'>&"
"""A name that breaks a page which does not escape it."""


def toy_explanation(*, hostile: bool = False) -> Explanation:
    """Makes an explanation as of the toy classifier, with factors `shape`, `hue` and the residual.

    Args:
        hostile: Names, classes and warnings hold markup, which a report must escape.
    """
    mark = HOSTILE if hostile else ""
    shape, hue = f"shape{mark}", f"hue{mark}"
    classes = tuple(f"{name}{mark}" for name in SHAPES)
    names = (shape, hue, RESIDUAL)
    return Explanation(
        model=f"ToyClassifier{mark}",
        backbone="classifier",
        site="head:in",
        layout="vector",
        shape=(32,),
        axes=(32, 32),
        split=(700, 100, 200),
        checks=Checks(2e-6, 5e-6, 1.0, 1e-6, True, True, 200),
        factors=(
            FactorSummary(shape, 12, 0.375, 0.61),
            FactorSummary(hue, 4, 0.125, 0.42),
            FactorSummary(RESIDUAL, 16, 0.5, 1.0),
        ),
        leakage=_leakage(shape, hue),
        redraws={name: _redraw(flip) for name, flip in zip(names, (0.62, 0.05, 0.04), strict=True)},
        examples=_examples(names, classes, mark),
        effects={shape: _effect(shape, classes)},
        maps={name: _map(classes) for name in names},
        neighbours={name: _neighbours(classes) for name in names},
        traversals={name: (_traversal(classes),) for name in names},
        drifts=(Drift(shape, hue, Score(0.11, 0.09, 0.13), Score(0.01, 0.0, 0.02)),),
        scores=_scores(shape, hue, mark),
        timings={"encode": 0.4, "fit": 3.1, "explain": 1.2, "total": 4.9},
        warnings=(f"Only 200 samples were tested.{mark}",),
        skipped=(f"broken{mark}.png: not an image",),
        versions={"interpret-inn": __version__, "torch": "2.4.0", "timm": "1.0.9", "seed": "0"},
        flow=_flow(),
        erasure=_erasure(shape, hue),
    )


def _flow() -> FlowRecord:
    said = "the weights of step 350 were kept, as later ones did worse on validation samples"
    return FlowRecord(
        "joint",
        3.4,
        400,
        350,
        False,
        2.8,
        f"A joint flow of 4 coupling blocks, trained for 400 steps; {said}.",
    )


def _scores(shape: str, hue: str, mark: str) -> Scores:
    return Scores(
        {"sap": Score(0.61, 0.55, 0.66), "irs": Score(0.72, parts={f"a part{mark}": 0.5})},
        summaries={"sap": f"How much better the best code is than the next.{mark}", "irs": "High is good."},
        left_out={"mine": f"It needs numbers.{mark}"},
        on_request=("mig", "dci"),
        factors=(shape, hue),
        samples=200,
        notes=(f"One concept is left out.{mark}",),
    )


def _probe_scores(linear: float, network: float) -> ProbeScores:
    values = (linear, network, (linear + network) / 2)
    return ProbeScores(*(Score(value, value - 0.03, value + 0.02) for value in values))


def _leakage(shape: str, hue: str) -> Leakage:
    return Leakage(
        concepts=(shape, hue),
        factors=(shape, hue, RESIDUAL),
        kind={shape: "accuracy", hue: "r2"},
        scores={
            shape: {
                shape: _probe_scores(0.97, 0.97),
                hue: _probe_scores(0.35, 0.38),
                RESIDUAL: _probe_scores(0.36, 0.41),
            },
            hue: {
                shape: _probe_scores(0.01, 0.02),
                hue: _probe_scores(0.91, 0.92),
                RESIDUAL: _probe_scores(0.03, 0.05),
            },
        },
        representation={shape: _probe_scores(0.98, 0.98), hue: _probe_scores(0.93, 0.95)},
        chance={shape: 0.34, hue: 0.0},
        unfitted={shape: Score(0.55, 0.5, 0.6), hue: Score(0.2, 0.15, 0.25)},
        association={shape: {hue: 0.34}, hue: {shape: 0.0}},
        samples={name: {shape: 200, hue: 200} for name in (shape, hue)},
    )


def _erasure(shape: str, hue: str) -> dict[str, BesideErasure]:
    better = BesideErasure(
        own=_probe_scores(0.97, 0.97),
        rest=_probe_scores(0.37, 0.42),
        erasure_own=_probe_scores(0.96, 0.97),
        erasure_rest=_probe_scores(0.35, 0.71),
        directions=2,
        own_gain=Score(0.0, -0.02, 0.02),
        rest_gain=Score(0.29, 0.21, 0.36),
        flow="better",
        verdict=f"The flow leaves less of {shape} elsewhere than linear erasure does.",
    )
    nothing = BesideErasure(
        own=_probe_scores(0.91, 0.92),
        rest=_probe_scores(0.04, 0.05),
        erasure_own=_probe_scores(0.91, 0.92),
        erasure_rest=_probe_scores(0.03, 0.06),
        directions=2,
        own_gain=Score(0.0, -0.02, 0.02),
        rest_gain=Score(0.01, -0.02, 0.03),
        flow="no better",
        verdict=f"For {hue} the flow adds nothing to linear erasure.",
    )
    return {shape: better, hue: nothing}


def _effect(shape: str, classes: tuple[str, ...]) -> Effect:
    """As if counterparts with another shape had been run."""
    flips = Score(0.58, 0.52, 0.64)
    return Effect(
        shape,
        "measured",
        "classes",
        flip_rate=flips,
        kl=Score(2.2, 1.9, 2.5),
        change=Score(0.55, 0.5, 0.6),
        class_std=Score(0.41, 0.36, 0.46),
        at={"data": flips, "even": Score(0.55, 0.48, 0.62)},
        values={a: {b: Score(0.6, 0.5, 0.7) for b in classes if b != a} for a in classes},
        by_class=dict.fromkeys(classes, Score(0.58, 0.5, 0.66)),
        inputs=200,
        notes=(f"In 3 of 200 pairs both have the same {shape}.",),
    )


def _redraw(flip: float) -> Redraw:
    return Redraw(
        kind="classes",
        flip_rate=Score(flip, flip - 0.02, flip + 0.02),
        kl=Score(2 * flip, flip, 3 * flip),
        class_std=Score(flip, flip - 0.02, flip + 0.02),
        change=Score(flip, flip - 0.02, flip + 0.02),
        left_data=0.01,
    )


def _examples(names: tuple[str, ...], classes: tuple[str, ...], mark: str) -> tuple[Example, ...]:
    pictures, labels = toy_images(2, seed=1)
    kinds = [int(index) for index in labels["shape"]]
    return tuple(
        Example(
            name=f"image {place}{mark}",
            picture=pictures[place],
            prediction=Outcome((classes[kind],), (0.98,)),
            factors={
                name: ExampleFactor(0.7, 76.0, classes[kind], 0.1, Outcome((classes[0],), (0.9,)), 1 - place)
                for name in names
            },
        )
        for place, kind in enumerate(kinds)
    )


def _map(classes: tuple[str, ...]) -> FactorMap:
    rng = np.random.default_rng(0)
    colour = rng.integers(len(classes), size=60).astype(np.float64)
    return FactorMap(rng.normal(size=(60, 2)) + colour[:, None], colour, "categorical", classes, "two axes")


def _neighbours(classes: tuple[str, ...]) -> Neighbours:
    pictures, labels = toy_images(6, seed=2)
    rows = tuple(tuple(pictures[2 * step : 2 * step + 2]) for step in range(3))
    values = tuple(tuple(classes[int(k)] for k in labels["shape"][2 * s : 2 * s + 2]) for s in range(3))
    return Neighbours(np.array([-2.0, 0.0, 2.0]), np.arange(6).reshape(3, 2), rows, values)


def _traversal(classes: tuple[str, ...]) -> Traversal:
    curves = np.array([[0.9, 0.05, 0.05], [0.3, 0.4, 0.3], [0.02, 0.9, 0.08]])
    return Traversal(0, np.array([-2.0, 0.0, 2.0]), classes, curves, here=0.4)
