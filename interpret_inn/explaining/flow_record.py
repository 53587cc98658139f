"""Which flow a fit chose, in plain words."""

from __future__ import annotations

from interpret_inn.explaining.records import FlowKind, FlowRecord
from interpret_inn.flows import FlowShape
from interpret_inn.translating.fitted import Fitted
from interpret_inn.translating.settings import FitRecord

_SHOWN = 0.05
"""Nats that one decimal still shows."""


def flow_record(fitted: Fitted) -> FlowRecord:
    """What kind of flow a fit has, and how it came to it."""
    shape, record = fitted.network.shape, fitted.record
    row = "position" if fitted.layout.name == "positions" else "sample"
    kind: FlowKind
    if shape.conditional is not None:
        kind, sentence = "conditional", _conditional_text(shape, record, row)
    elif shape.blocks:
        kind, sentence = "joint", _joint_text(shape, record)
    else:
        kind, sentence = "rotation", "A rotation alone: nothing is trained."
    return FlowRecord(
        kind, record.gain, record.steps, record.best_step, record.stopped_early, record.seconds, sentence
    )


def _conditional_text(shape: FlowShape, record: FitRecord, row: str) -> str:
    said = "A conditional flow, in closed form: nothing is trained."
    begun = "than the rotation that it begins with"
    if record.gain > 0:
        nats = f"{record.gain:,.1f}" if record.gain >= _SHOWN else f"less than {_SHOWN:g}"
        return f"{said} On validation samples it is {nats} nats a {row} likelier {begun}."
    steps = () if shape.conditional is None else shape.conditional.steps
    if not shape.outer and (record.gain == 0 or not steps):
        return "A rotation was enough: on validation samples nothing beyond it was likelier."
    if record.gain <= 0:
        return f"{said} On validation samples it is no likelier {begun}."
    return f"{said} How much likelier it is {begun} was not measured."


def _joint_text(shape: FlowShape, record: FitRecord) -> str:
    steps = "1 step" if record.steps == 1 else f"{record.steps:,} steps"
    if record.best_step == 0:
        return f"A rotation was enough: training did not help on validation pairs ({steps})."
    blocks = "1 coupling block" if shape.blocks == 1 else f"{shape.blocks} coupling blocks"
    said = f"A joint flow of {blocks}, trained for {steps}"
    if record.best_step == record.steps:
        return f"{said}; the weights of the last one were kept."
    kept = f"{said}; the weights of step {record.best_step:,} were kept"
    # without validation samples, weights are chosen by the training loss
    return f"{kept}, as later ones did worse on validation samples." if record.gain > 0 else f"{kept}."
