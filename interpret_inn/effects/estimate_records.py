"""Estimates of effects as records: figures with their intervals, and what they rest on in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from interpret_inn.effects.calibrated import FORM, Calibration
from interpret_inn.effects.draws import Drawn
from interpret_inn.effects.estimated import FORMS, Estimate
from interpret_inn.effects.figures import Key
from interpret_inn.effects.records import Basis, Effect
from interpret_inn.types import Score
from interpret_inn.types.concepts import class_name

_POINT = FORMS[:2]
"""Forms whose mean is an estimate by labels. Its interval reaches from the lowest of these to the highest of all."""
_DEVIATIONS, _AROUND = 1.96, 0.003
"""Half an interval: deviations of the bootstrap, and of shares what a few samples more or less make."""
_OF_FIGURE = 0.15
"""Typical error, as a share, of figures that pairs do not correct."""
_MEASURES = {"flip_rate": "flip", "kl": "kl", "change": "change", "class_std": "class_std"}


def effect_of_estimate(
    name: str, found: Estimate, *, inputs: int, level: float, class_names: Sequence[str] | None = None
) -> Effect:
    """The record of an estimate by labels alone.

    Args:
        name: Of the concept.
        found: Its parts.
        inputs: Samples that it is of.
        level: Of the test: if its p-value is larger, no effect is shown, and intervals begin at 0.
        class_names: Of the model's outputs, in order.
    """
    shown = found.p <= level
    null = {
        field: float(np.mean([found.null[form][key,].mean() for form in _POINT]))
        for field, key in _MEASURES.items()
        if (key,) in found.null[FORMS[0]]
    }
    return _record(
        name,
        "estimated",
        found.drawn,
        lambda key, share: _between(found.drawn, key, share=share, shown=shown),
        class_names,
        {"null": null, "p": found.p, "inputs": inputs, "notes": _notes(name, found, level)},
    )


def effect_of_calibration(
    name: str,
    found: Calibration,
    *,
    inputs: int,
    notes: Sequence[str] = (),
    class_names: Sequence[str] | None = None,
) -> Effect:
    """The record of an estimate whose scale pairs set; `inputs` are the pairs."""
    return _record(
        name,
        "calibrated",
        found.drawn,
        lambda key, share: _around(found, key, share=share),
        class_names,
        {"inputs": inputs, "notes": tuple(notes)},
    )


def _record(
    name: str,
    basis: Basis,
    found: Drawn,
    score: Callable[[Key, bool], Score],
    class_names: Sequence[str] | None,
    more: Mapping[str, Any],
) -> Effect:
    flips = found.kind == "classes"
    values: dict[str, dict[str, Score]] = {}
    classes: dict[str, Score] = {}
    for key in next(iter(found.found.values())):
        if key[0] == "values":
            values.setdefault(key[1], {})[key[2]] = score(key, flips)
        elif key[0] == "class":
            classes[class_name(int(key[1]), class_names)] = score(key, flips)
    measures: dict[str, Any] = {field: score((key,), key == "flip") for field, key in _MEASURES.items()}
    at = {"data": measures["flip_rate" if flips else "change"]}
    even = score(("even",), flips)
    if abs(even.value - at["data"].value) > _AROUND:
        at["even"] = even
    return Effect(
        concept=name, basis=basis, kind=found.kind, **measures, at=at, values=values, by_class=classes, **more
    )


def _between(drawn: Drawn, key: Key, *, share: bool, shown: bool) -> Score:
    """A figure: the mean of the forms, from the lowest of these to the highest of all."""
    forms = {form: drawn.found[form][key] for form in FORMS}
    value = float(np.mean([forms[form] for form in _POINT]))
    if not math.isfinite(value):
        return Score(math.nan)
    more = _AROUND if share else 0.0
    half = {form: _DEVIATIONS * drawn.deviation(form, key) + more for form in FORMS}
    low = max(0.0, min(forms[form] - half[form] for form in _POINT)) if shown else 0.0
    high = max(forms[form] + half[form] for form in FORMS)
    return Score(value, min(low, value), min(high, 1.0) if share else high)


def _around(found: Calibration, key: Key, *, share: bool) -> Score:
    """A figure where pairs set the scale, and correct it if it is the main one."""
    drawn, flips = found.drawn, found.drawn.kind == "classes"
    plain = drawn.found[FORM][key]
    if not math.isfinite(plain):
        return Score(math.nan)
    main = key[0] in (("flip" if flips else "change"), "even")
    value = max(0.0, plain + found.more) if main else plain
    value = min(value, 1.0) if share else value
    # pairs say little of a part of the main figure, and nothing of other measures
    rest = found.typical if key[0] in ("values", "class") else _OF_FIGURE * plain
    doubt = found.doubt if main else rest
    half = _DEVIATIONS * math.hypot(drawn.deviation(FORM, key), doubt)
    low, high = max(0.0, value - half), value + half
    return Score(value, low, min(high, 1.0) if share else high)


def _notes(name: str, found: Estimate, level: float) -> tuple[str, ...]:
    notes = [
        "The interval reaches from what images must change at least, if all of one class react alike, to what they "
        f"change if each reacts in its own way. Pairs of images that differ in {name} alone would settle it: render or "
        f"photograph 50 images with another {name}; interpreter.wanted({name!r}) lists which."
    ]
    if found.p > level:
        notes.insert(
            0, f"The layer does not surely move with {name} (p = {found.p:.2g}), so no effect is shown."
        )
    return tuple(notes)
