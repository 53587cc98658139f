"""Real images and a real network: what two sketches find, and what they must not find."""

import warnings
from types import ModuleType

import numpy as np
import pytest

import interpret_inn as inn
from interpret_inn.types import IntArray

pytestmark = pytest.mark.real
PREPROCESS = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "channels": 3}


def fitted(zoo: ModuleType, sketches: dict[str, IntArray]) -> inn.Interpreter:
    interpreter = inn.wrap(zoo.cifar_resnet20(), "layer2", preprocess=PREPROCESS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        return interpreter.fit(
            "sketches", data=zoo.images("cifar10")[0][::5], sketches=sketches, checkpoint=None
        )


def test_drawings_that_no_stylizer_touched_are_told_apart(zoo, draw) -> None:
    kinds = ("outlines", "filled")
    interpreter = fitted(zoo, {kind: draw(kind, 256, seed) for seed, kind in enumerate(kinds)})
    assert next(iter(interpreter.evaluation.verdicts.values())).carried.holds
    factor = interpreter.factors["sketch"]
    ends = [interpreter.translator.class_code(factor, kind) for kind in kinds]
    drawn = [np.stack([draw(kind, 32, seed) for seed in range(100, 200)]) for kind in kinds]
    assert max(np.abs(d.mean((0, 1, 2)) - 128).max() for d in drawn) < 3, (
        "brightness must not tell them apart"
    )
    scores = [interpreter.encode(one)[:, factor.slice] @ (ends[1] - ends[0]) for one in drawn]
    assert float((scores[1][:, None] > scores[0]).float().mean()) >= 0.9


@pytest.mark.parametrize("kind", ["outlines", "filled"])
def test_two_sketches_of_one_style_are_not_carried(zoo, draw, kind) -> None:
    interpreter = fitted(zoo, {"one": draw(kind, 256, 5), "two": draw(kind, 256, 6)})
    assert next(iter(interpreter.evaluation.verdicts.values())).carried.holds is not True
