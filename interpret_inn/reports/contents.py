"""What stands in the JSON file beside a report: the whole explanation without its pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

from interpret_inn.explaining.records import (
    Checks,
    Explanation,
    FactorSummary,
    Leakage,
    ReadOut,
    Response,
    plain,
)
from interpret_inn.types import Score, Scores, Section

FORMAT = 1
"""Version of this form; it grows when a key changes its meaning or vanishes."""


def contents(explanation: Explanation, sections: Sequence[Section] = ()) -> dict[str, Any]:
    """The explanation in the form of the JSON file: plain dicts, lists, numbers, None for NaN.

    Args:
        explanation: What to write down.
        sections: Further sections, after those of the explanation itself.
    """
    content = {
        "format": FORMAT,
        **{name: getattr(explanation, name) for name in ("model", "backbone", "site", "layout", "shape")},
        "axes": dict(zip(("representation", "blocks"), explanation.axes, strict=True)),
        "split": dict(zip(("fit", "early_stopping", "judge"), explanation.split, strict=True)),
        "checks": _checks(explanation.checks),
        "factors": [_factor(summary) for summary in explanation.factors],
        "leakage": _leakage(explanation.leakage),
        "response": {name: _response(response) for name, response in explanation.responses.items()},
        "examples": [_without(example, "picture", "edited") for example in explanation.examples],
        "maps": explanation.maps,
        "neighbours": {name: _without(row, "pictures") for name, row in explanation.neighbours.items()},
        "walks": {
            name: [_without(w, "pictures") for w in walks] for name, walks in explanation.walks.items()
        },
        "galleries": [_without(g, "cells", "rows", "columns") for g in explanation.galleries],
        "places": [_without(place, "pictures") for place in explanation.places],
        "drifts": explanation.drifts,
        "scores": _scores(explanation.scores),
        "timings": explanation.timings,
        "warnings": explanation.warnings,
        "skipped": explanation.skipped,
        "versions": explanation.versions,
        "sections": [{"title": s.title, "data": s.data} for s in (*explanation.sections, *sections)],
    }
    return cast(dict[str, Any], plain(content))


def _without(record: Any, *left_out: str) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(record)]
    return {name: getattr(record, name) for name in names if name not in left_out}


def _checks(checks: Checks) -> dict[str, Any]:
    return {**_without(checks), "passed": checks.passed}


def _factor(summary: FactorSummary) -> dict[str, Any]:
    return _without(summary)


def _interval(score: Score) -> list[float]:
    return [score.low, score.high]


def _leakage(leakage: Leakage) -> dict[str, Any]:
    def table(pick: Any) -> dict[str, dict[str, Any]]:
        return {c: {f: pick(cell) for f, cell in row.items()} for c, row in leakage.scores.items()}

    def column(readouts: Mapping[str, ReadOut], pick: Any) -> dict[str, Any]:
        return {concept: pick(readout) for concept, readout in readouts.items()}

    return {
        "concepts": leakage.concepts,
        "factors": leakage.factors,
        "kind": leakage.kind,
        "scores": table(lambda cell: cell.linear.value),
        "intervals": table(lambda cell: _interval(cell.linear)),
        "mlp": table(lambda cell: cell.mlp.value),
        "mlp_intervals": table(lambda cell: _interval(cell.mlp)),
        "representation": column(leakage.representation, lambda readout: readout.linear.value),
        "representation_intervals": column(leakage.representation, lambda readout: _interval(readout.linear)),
        "representation_mlp": column(leakage.representation, lambda readout: readout.mlp.value),
        "chance": leakage.chance,
        "unfitted": {concept: score.value for concept, score in leakage.unfitted.items()},
        "association": leakage.association,
    }


def _scores(scores: Scores | None) -> dict[str, Any] | None:
    if scores is None:
        return None
    return {
        "values": {name: score.value for name, score in scores.items()},
        "intervals": {name: _interval(score) for name, score in scores.items()},
        "parts": {name: score.parts for name, score in scores.items()},
        **_without(scores, "scores"),
    }


def _response(response: Response) -> dict[str, Any]:
    measures = ("flip_rate", "kl", "class_std", "change")
    scores: dict[str, Score] = {name: getattr(response, name) for name in measures}
    return {
        "kind": response.kind,
        **{name: score.value for name, score in scores.items()},
        "left_data": response.left_data,
        "intervals": {name: _interval(score) for name, score in scores.items()},
    }
