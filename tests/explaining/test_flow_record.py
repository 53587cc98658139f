"""Which flow was chosen, to the letter."""

import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import pytest

from interpret_inn.explaining.flow_record import flow_record
from interpret_inn.flows import ConditionalShape, FlowShape, StepShape
from interpret_inn.translating.settings import FitRecord

STEPS = ConditionalShape((2, 3), (StepShape(1, (0,), 10, ()),))
CLOSED = "A conditional flow, in closed form: nothing is trained."
ENOUGH = "A rotation was enough: on validation samples nothing beyond it was likelier."


def fit(
    record: FitRecord,
    *,
    blocks: int = 4,
    conditional: ConditionalShape | None = None,
    outer: int = 0,
    layout: str = "vector",
) -> Any:
    shape = FlowShape(8, 5, blocks, conditional=conditional, outer=outer)
    return SimpleNamespace(
        network=SimpleNamespace(shape=shape), record=record, layout=SimpleNamespace(name=layout)
    )


@pytest.mark.parametrize(
    ("gain", "options", "expected"),
    [
        (
            5.23,
            {},
            f"{CLOSED} On validation samples it is 5.2 nats a sample likelier than the rotation that it begins with.",
        ),
        (
            1234.5,
            {"layout": "positions"},
            f"{CLOSED} On validation samples it is 1,234.5 nats a position likelier than the rotation that it begins "
            "with.",
        ),
        (
            0.01,
            {"layout": "pooled"},
            f"{CLOSED} On validation samples it is less than 0.05 nats a sample likelier than the rotation that it "
            "begins with.",
        ),
        (0.0, {}, ENOUGH),
        (0.0, {"conditional": ConditionalShape((2, 3), ())}, ENOUGH),
        (math.nan, {"conditional": ConditionalShape((2, 3), ())}, ENOUGH),
        # the axes outside the blocks are moved, so that it is more than a rotation
        (
            0.0,
            {"outer": 10},
            f"{CLOSED} On validation samples it is no likelier than the rotation that it begins with.",
        ),
        (
            -0.3,
            {},
            f"{CLOSED} On validation samples it is no likelier than the rotation that it begins with.",
        ),
        (
            math.nan,
            {},
            f"{CLOSED} How much likelier it is than the rotation that it begins with was not measured.",
        ),
    ],
)
def test_a_conditional_flow_says_what_it_gains(gain: float, options: dict[str, Any], expected: str) -> None:
    record = FitRecord(0, 0, False, 2.5, (), gain)
    found = flow_record(fit(record, blocks=0, **{"conditional": STEPS, **options}))
    assert found.sentence == expected
    assert (found.kind, found.steps, found.best_step, found.seconds) == ("conditional", 0, 0, 2.5)
    assert found.gain == gain or math.isnan(gain)


@pytest.mark.parametrize(
    ("steps", "best_step", "gain", "blocks", "expected"),
    [
        (
            550,
            50,
            3.0,
            4,
            "A joint flow of 4 coupling blocks, trained for 550 steps; the weights of step 50 were kept, as later "
            "ones did worse on validation samples.",
        ),
        (
            1000,
            1000,
            3.0,
            1,
            "A joint flow of 1 coupling block, trained for 1,000 steps; the weights of the last one were kept.",
        ),
        # chosen without validation samples, or by an earlier version, or by more than the likelihood
        (
            550,
            50,
            math.nan,
            4,
            "A joint flow of 4 coupling blocks, trained for 550 steps; the weights of step 50 were kept.",
        ),
        (
            550,
            0,
            0.0,
            4,
            "A rotation was enough: training did not help on validation pairs (550 steps).",
        ),
        (1, 0, 0.0, 4, "A rotation was enough: training did not help on validation pairs (1 step)."),
    ],
)
def test_a_joint_flow_says_which_weights_were_kept(
    steps: int, best_step: int, gain: float, blocks: int, expected: str
) -> None:
    found = flow_record(fit(FitRecord(steps, best_step, True, 9.0, (), gain), blocks=blocks))
    assert found.sentence == expected
    assert (found.kind, found.steps, found.best_step, found.stopped_early) == (
        "joint",
        steps,
        best_step,
        True,
    )


def test_without_blocks_it_is_a_rotation() -> None:
    found = flow_record(fit(FitRecord(0, 0, False, 0.0, ()), blocks=0))
    assert (found.kind, found.sentence) == ("rotation", "A rotation alone: nothing is trained.")
    assert math.isnan(found.gain)


def test_a_real_fit_says_what_it_gains(toy: Any) -> None:
    fitted = toy.interpreter.fitted
    found = flow_record(fitted)
    assert (found.kind, found.steps, found.seconds) == ("conditional", 0, fitted.record.seconds)
    assert dataclasses.asdict(found)["gain"] == fitted.record.gain > 0
    assert f"it is {fitted.record.gain:.1f} nats a sample likelier" in found.sentence
