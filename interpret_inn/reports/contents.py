"""The JSON file beside a report: the whole explanation without its pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from interpret_inn.effects.records import Effect
from interpret_inn.explaining.evidence import BesideErasure, Checks, Leakage, Refits
from interpret_inn.explaining.records import Explanation, ProbeScores, Redraw, plain
from interpret_inn.types import Score, Scores, Section

FORMAT = 2
"""Version of the form of the JSON file; it rises when a key changes its meaning or is removed."""


def contents(explanation: Explanation, sections: Sequence[Section] = ()) -> dict[str, Any]:
    """The explanation in the form of the JSON file: plain dicts, lists, numbers, None for NaN.

    Args:
        explanation: What to write down.
        sections: Further sections, after those of the explanation itself.
    """
    content = {
        "format": FORMAT,
        **{
            name: getattr(explanation, name)
            for name in ("model", "backbone", "site", "layout", "shape", "preprocess")
        },
        "axes": dict(zip(("representation", "blocks"), explanation.axes, strict=True)),
        "flow": explanation.flow,
        "split": dict(zip(("train", "validation", "test"), explanation.split, strict=True)),
        "checks": _checks(explanation.checks),
        "factors": explanation.factors,
        "verdicts": explanation.verdicts,
        "leakage": _leakage(explanation.leakage),
        "refits": _refits(explanation.refits),
        "erasure": _erasure(explanation.erasure),
        "effects": {name: _effect(effect) for name, effect in explanation.effects.items()},
        "redraw": {name: _redraw(redraw) for name, redraw in explanation.redraws.items()},
        "examples": [_without(example, "picture", "edited") for example in explanation.examples],
        "maps": explanation.maps,
        "neighbours": {name: _without(row, "pictures") for name, row in explanation.neighbours.items()},
        "traversals": {
            name: [_without(one, "pictures") for one in traversals]
            for name, traversals in explanation.traversals.items()
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


def _interval(score: Score) -> list[float]:
    return [score.low, score.high]


def _leakage(leakage: Leakage) -> dict[str, Any]:
    def table(pick: Callable[[ProbeScores], Any]) -> dict[str, dict[str, Any]]:
        return {c: {f: pick(cell) for f, cell in row.items()} for c, row in leakage.scores.items()}

    def column(probes: Mapping[str, ProbeScores], pick: Callable[[ProbeScores], Any]) -> dict[str, Any]:
        return {concept: pick(probe) for concept, probe in probes.items()}

    return {
        "concepts": leakage.concepts,
        "factors": leakage.factors,
        "kind": leakage.kind,
        "scores": table(lambda cell: cell.linear.value),
        "intervals": table(lambda cell: _interval(cell.linear)),
        "network": table(lambda cell: cell.network.value),
        "network_intervals": table(lambda cell: _interval(cell.network)),
        "kernel": table(lambda cell: cell.kernel.value),
        "kernel_intervals": table(lambda cell: _interval(cell.kernel)),
        "representation": column(leakage.representation, lambda probe: probe.linear.value),
        "representation_intervals": column(leakage.representation, lambda probe: _interval(probe.linear)),
        "representation_network": column(leakage.representation, lambda probe: probe.network.value),
        "representation_kernel": column(leakage.representation, lambda probe: probe.kernel.value),
        "chance": leakage.chance,
        "unfitted": {concept: score.value for concept, score in leakage.unfitted.items()},
        "association": leakage.association,
        "samples": leakage.samples,
    }


def _erasure(found: Mapping[str, BesideErasure] | None) -> dict[str, Any] | None:
    def row(beside: BesideErasure) -> dict[str, Any]:
        parts: dict[str, ProbeScores] = {
            name: getattr(beside, name) for name in ("own", "rest", "erasure_own", "erasure_rest")
        }
        gains: dict[str, Score] = {name: getattr(beside, name) for name in ("own_gain", "rest_gain")}

        def probes(one: ProbeScores, pick: Callable[[Score], Any]) -> dict[str, Any]:
            return {probe: pick(getattr(one, probe)) for probe in ("linear", "network", "kernel")}

        return {
            **{name: probes(one, lambda score: score.value) for name, one in parts.items()},
            **{name: gain.value for name, gain in gains.items()},
            "intervals": {
                **{name: probes(one, _interval) for name, one in parts.items()},
                **{name: _interval(gain) for name, gain in gains.items()},
            },
            **_without(beside, *parts, *gains),
        }

    return None if found is None else {concept: row(beside) for concept, beside in found.items()}


def _refits(refits: Refits | None) -> dict[str, Any] | None:
    if refits is None:
        return None
    found = {"values": lambda score: score.value, "intervals": _interval}
    return {
        **_without(refits, "scores", "representation"),
        **{
            f"{probe}_{what}": {
                concept: {factor: pick(getattr(cell, probe)) for factor, cell in row.items()}
                for concept, row in refits.scores.items()
            }
            for probe in ("linear", "kernel")
            for what, pick in found.items()
        },
        **{
            f"representation_{what}": {
                concept: pick(cell.linear) for concept, cell in refits.representation.items()
            }
            for what, pick in found.items()
        },
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


def _redraw(redraw: Redraw) -> dict[str, Any]:
    random = redraw.random_slice
    return {
        "kind": redraw.kind,
        **_changes(redraw),
        "left_data": redraw.left_data,
        "random_slice": None if random is None else _with_ends({"": random})[""],
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "basis": effect.basis,
        "kind": effect.kind,
        **_changes(effect),
        "at": _with_ends(effect.at),
        "values": {name: _with_ends(row) for name, row in effect.values.items()},
        "by_class": _with_ends(effect.by_class),
        "null": effect.null,
        "p": effect.p,
        "inputs": effect.inputs,
        "notes": effect.notes,
        "images": [dataclasses.asdict(image) for image in effect.images],
        "sentence": effect.sentence,
    }


def _changes(record: Redraw | Effect) -> dict[str, Any]:
    """The figures of changed outputs, and their intervals by the same names."""
    measures = ("flip_rate", "kl", "class_std", "change")
    scores: dict[str, Score] = {name: getattr(record, name) for name in measures}
    return {
        **{name: score.value for name, score in scores.items()},
        "intervals": {name: _interval(score) for name, score in scores.items()},
    }


def _with_ends(scores: Mapping[str, Score]) -> dict[str, dict[str, float]]:
    return {
        name: {"value": score.value, "low": score.low, "high": score.high} for name, score in scores.items()
    }
